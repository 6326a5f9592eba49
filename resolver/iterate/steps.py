"""The kinds of steps of a resolution: the closed vocabulary of its record.

`ctl why`, `ctl trace` and `query --trace` show them (docs/why.md has the list). Texts may change,
names of kinds and fields only grow: other programs read them.

Knows: words. Does not know: who takes these steps, or when.
"""

from collections.abc import Sequence
from typing import Any, Final

from resolver import names
from resolver.cache.delegations import Delegation
from resolver.codes import show_rcode, show_type
from resolver.effects import Ask, Reply
from resolver.iterate.recall import Failed
from resolver.iterate.response import Aliased, Answered, Referred
from resolver.iterate.selection import Contest
from resolver.model import Address, Answer, Source
from resolver.trace import Kind, Note, note_of, tells


class Servers:
    """The name servers of a delegation, with the addresses that came along."""

    __slots__ = ("_delegation",)

    def __init__(self, delegation: Delegation) -> None:
        self._delegation = delegation

    def __str__(self) -> str:
        return ", ".join(names.show(server) for server in self._delegation.servers)

    def facts(self) -> dict[str, list[str]]:
        """Addresses by name server; those of a server without a name stand under the empty one."""
        delegation = self._delegation
        found = {names.show(s): list(delegation.glue.get(s, ())) for s in delegation.servers}
        if delegation.addresses:
            found[""] = [str(address) for address in delegation.addresses]
        return found


class Said:
    """What a reply comes to."""

    __slots__ = ("_response",)

    def __init__(self, response: Answered | Aliased | Referred) -> None:
        self._response = response

    def __str__(self) -> str:
        match self._response:
            case Referred(zone, _, servers, glue):
                return f"referral to {names.show(zone)} ({len(servers)} servers, {len(glue)} glued)"
            case Aliased(_, target):
                return f"alias to {names.show(target)}"
            case Answered(_, name, data) as answered:
                what = "answer" if data else "NODATA" if not answered.rcode else "NXDOMAIN"
                return f"{what} at {names.show(name)}"


class Listed:
    """Addresses."""

    __slots__ = ("_addresses",)

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = addresses

    def __str__(self) -> str:
        return ", ".join(self._addresses)

    def facts(self) -> list[str]:
        """One after the other."""
        return list(self._addresses)


class Heard:
    """What is to be said of a reply before anybody has looked into it."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __str__(self) -> str:
        reply = self._reply
        rcode = show_rcode(reply.message.rcode)
        return f"{rcode} in {reply.rtt_s * 1000:.1f} ms, {reply.octets} octets"

    def facts(self) -> dict[str, Any]:
        """Rcode, round-trip time, size."""
        reply = self._reply
        return {
            "rcode": show_rcode(reply.message.rcode),
            "rtt_ms": round(reply.rtt_s * 1000, 3),
            "octets": reply.octets,
        }


class Ours:
    """By what an answer was made here."""

    __slots__ = ("_errors", "_source")

    def __init__(self, answer: Answer) -> None:
        # The answer itself leads back to the record that this is in.
        self._errors = answer.extended_errors
        self._source = answer.source

    def __str__(self) -> str:
        told = "; ".join(error.text for error in self._errors)
        return told or _OURS.get(self._source, self._source)


_OURS: Final = {Source.LOCAL: "local data", Source.SPECIAL: "a name that is built in"}


# What is decided here.
ACCESS: Final = Kind("access", "{0} may ask for: {1}", ("client", "rights"))
REFUSED: Final = Kind("refused", "refused: {0}", ("reason",))
OWN: Final = Kind("own", "{0} is in a zone of ours", ("name",))
LOCAL: Final = Kind("local", "{0} is answered here: {1}", ("name", "by"))
LOCAL_ALIAS: Final = Kind("local", "{0} is an alias here, to {1}", ("name", "target"))
# What is known already.
CACHED: Final = Kind("cache", "{0} {1} is in the cache", ("name", "type"))
NOT_CACHED: Final = Kind(
    "cache",
    "{0} {1} is not in the cache",
    ("name", "type"),
    lambda name, qtype: (name, show_type(qtype)),
)
CACHED_DATA: Final = Kind(
    "cache", "{0} {1} is in the cache for {2} s more", ("name", "type", "ttl_s")
)
CACHED_FAILURE: Final = Kind(
    "cached-failure", "{0} {1} {2}: {3}", ("name", "type", "again", "reason", "record")
)
STALE: Final = Kind("stale", "{0}: expired data is told instead, for {1}", ("question", "reason"))
JOINED: Final = Kind(
    "joined", "{0} is being asked for already (record {1})", ("question", "record")
)
# Where to ask.
ROUTE: Final = Kind("route", "forwarders of {0} for {1}", ("zone", "question"))
PRIMING: Final = Kind("priming", "priming")
DELEGATION: Final = Kind(
    "delegation",
    "servers of {0} for {1}",
    ("zone", "question", "servers"),
    lambda delegation, question: (delegation.zone, question, Servers(delegation)),
)
LOOK_UP: Final = Kind("look-up", "  look up {0}", ("question",))
ADDRESSES: Final = Kind("addresses", "  {0} has {1}", ("server", "addresses"))
NOT_LOOKED_UP: Final = Kind("limit", "  {0} not looked up: {1} levels deep", ("server", "levels"))
ONE_TOO_MANY: Final = Kind("limit", "  {0} is one look-up too many", ("question",))
CIRCLE: Final = Kind("circle", "  {0} would wait for itself", ("question",))
BARRED: Final = Kind("barred", "  {0} is not asked: it is in recursion.do_not_query", ("server",))
# Asking.
ASK: Final = Kind("ask", "ask {0} for {1} over {2}", ("server", "question", "transport"))
REPLY: Final = Kind(
    "reply",
    "  {1}",
    ("server", "reply", "transport"),
    lambda server, reply, transport: (server, Heard(reply), transport),
)
TIMEOUT: Final = Kind(
    "timeout", "  no reply within {1:.0f} ms", ("server", "waited_ms", "transport")
)
AGAIN: Final = Kind("again", "  {1}", ("server", "manner"))
PROBE: Final = Kind("probe", "  probing {0} as well", ("server",))
# What it comes to.
SAYS: Final = Kind(
    "says",
    "  {1}",
    ("server", "response"),
    lambda server, response: (server, Said(response)),
)
REJECTED: Final = Kind("rejected", "  {0}: {1}", ("server", "reason"))
WHOLE_NAME: Final = Kind(
    "whole-name", "  that may not be meant for names below it: the whole name, then"
)
ALIAS: Final = Kind("alias", "alias leads to {0}", ("target",))
NO_SERVER: Final = Kind("failed", "  {0}", ("reason",))
GIVEN_UP: Final = Kind("failed", "given up: {0}", ("reason",))
TOLD: Final = Kind("told", "told with the answer: {0}", ("reason",))


def transport(server: Address, *, stream: bool) -> str:
    """What a query to this server goes over."""
    return server.stream if stream else "UDP"


def _of_contest(contest: Contest) -> list[Note]:
    about = contest.delegation, contest.question
    return [note_of(contest.at, contest.depth, DELEGATION, *about)]


def _of_ask(ask: Ask) -> list[Note]:
    over = transport(ask.server, stream=ask.stream)
    return [note_of(ask.at, ask.depth, ASK, ask.server, ask.question, over)]


def _of_reply(reply: Reply) -> list[Note]:
    ask = reply.ask
    assert ask is not None  # or it is no step of anything
    over = transport(ask.server, stream=ask.stream)
    notes = [note_of(reply.at, ask.depth, REPLY, ask.server, reply, over)]
    if reply.said is not None:
        notes.append(note_of(reply.at, ask.depth, SAYS, ask.server, reply.said))
    return notes


tells(Contest, _of_contest)
tells(Ask, _of_ask)
tells(Reply, _of_reply)


def known(name: bytes, qtype: int, found: Answered | Aliased | Failed) -> tuple[Any, ...]:
    """The step in which something was found in the cache."""
    if not isinstance(found, Failed):
        return CACHED, name, show_type(qtype)
    first, *more = (error.text for error in found.errors)
    return CACHED_FAILURE, name, show_type(qtype), "; ".join(more), first, found.cause
