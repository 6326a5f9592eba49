"""Compiling the modules through which queries go, from the source that is interpreted elsewhere.

There is one source, and no C in it: mypyc reads the types that are there anyway. A compiled module
behaves as the interpreted one but for three things, which code in MODULES therefore does without:
a class of it can be subclassed and its functions replaced only within MODULES, and an argument of
another type than declared raises TypeError at once.

Knows: which modules. Does not know: compilers (extensions.py), wheels (backend.py).
"""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

# Left out on purpose: what runs seldom (configuration, control), and what spends its
# time in system calls.
MODULES = (
    "names",
    "codes",
    "model",
    "effects",
    "errors",
    "histogram",
    "metrics",
    "trace",
    "wire.edns",
    "wire.rdata",
    "wire.records",
    "wire.parse",
    "wire.build",
    "wire.framing",
    "wire.patch",
    "wire.peek",
    "wire.siphash",
    "cache.shards",
    "cache.store",
    "cache.rrsets",
    "cache.negative",
    "cache.delegations",
    "cache.failures",
    "cache.servers",
    "cache.answers",
    "slices",
    "wire.canonical",
    "zone.alike",
    "zone.blocks",
    "zone.classify",
    "zone.check",
    "zone.changed_rrsets",
    "zone.content",
    "zone.denial",
    "zone.diff",
    "zone.draft",
    "zone.dump",
    "zone.entries",
    "zone.file",
    "zone.groups",
    "zone.heads",
    "zone.lookup",
    "zone.nsec",
    "zone.nsec3",
    "zone.rdata",
    "zone.rdata_signed",
    "zone.reader",
    "zone.revision",
    "zone.ring",
    "zone.serial",
    "zone.signing",
    "zone.storage",
    "zone.store",
    "zone.table",
    "zone.tokens",
    "zone.transfer_in",
    "zone.transfer_out",
    "iterate.addresses",
    "iterate.ask",
    "iterate.budget",
    "iterate.conclude",
    "iterate.fetch",
    "iterate.forward",
    "iterate.iterator",
    "iterate.minimise",
    "iterate.private",
    "iterate.quota",
    "iterate.recall",
    "iterate.response",
    "iterate.roster",
    "iterate.route",
    "iterate.scrub",
    "iterate.selection",
    "iterate.steps",
    "iterate.work",
    "policy.acl",
    "policy.cookies",
    "policy.fairness",
    "policy.hashed",
    "policy.local",
    "policy.rate_limit",
    "policy.waiting",
    "resolve",
    "serve.any_type",
    "serve.authority",
    "serve.basics",
    "serve.chaos",
    "serve.cookies",
    "serve.crowds",
    "serve.expire",
    "serve.fast",
    "serve.home",
    "serve.keepalive",
    "serve.notify",
    "serve.observe",
    "serve.own_zones",
    "serve.pipeline",
    "serve.rate_limit",
    "serve.recorder",
    "serve.recursion",
    "serve.request",
    "serve.responder",
    "serve.service",
    "serve.tally",
    "net.batch_udp",
    "net.clock",
    "net.cookies",
    "net.entropy",
    "net.flight",
    "net.job",
    "net.listen_udp",
    "net.match",
    "net.outbound",
    "net.outbound_udp",
    "net.plain_udp",
    "net.run",
    "net.slots",
    "net.sources",
    "net.timers",
)


def is_compiled() -> bool:
    """Whether the modules that run here are compiled. Imports none of them."""
    spec = find_spec(f"resolver.{MODULES[0]}")
    origin = spec.origin if spec is not None else None
    return origin is not None and origin.endswith(tuple(EXTENSION_SUFFIXES))


def how() -> str:
    """The word for it."""
    return "compiled" if is_compiled() else "interpreted"
