"""Verbs about the cache: forget, look, carry away and bring back.

Knows: the caches of the recursive service. Does not know: how an entry is shown.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Any

from resolver import names
from resolver.app.control.columns import show_table
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import (
    FLAG,
    IN_FILE,
    NAME,
    OUT_FILE,
    TYPE,
    Argument,
    Arguments,
    Verb,
)
from resolver.net.turns import Pace

if TYPE_CHECKING:
    from resolver.app.control.entries import Clocks
    from resolver.app.server import Server
    from resolver.app.tending import Tending
    from resolver.resolve import Recursion

_TYPES = 65_536
_TYPE_OCTETS = 2


async def flush(server: "Server", arguments: Arguments) -> Facts:
    """Forget a name."""
    name, rrtype, tree = arguments["name"], arguments["type"], arguments["tree"]
    flushed = await _tending(server).flush(name, rrtype=rrtype, tree=tree)
    return {"name": names.show(name), "flushed": flushed.total, **asdict(flushed)}


async def flush_all(server: "Server", arguments: Arguments) -> Facts:
    """Forget everything."""
    flushed = await _tending(server).flush_all()
    return {"flushed": flushed.total, **asdict(flushed)}


async def show(server: "Server", arguments: Arguments) -> Facts:
    """All that is known of a name."""
    from resolver.app.control.entries import answer_facts, delegation_facts, denial_facts

    recursion, clocks = _recursion(server), _clocks(server)
    name: bytes = arguments["name"]
    found: list[Facts] = []
    pace = Pace()
    for rrtype in range(_TYPES):
        key = name + rrtype.to_bytes(_TYPE_OCTETS, "big")
        if (answer := recursion.rrsets.map.peek(key)) is not None:
            found.append(answer_facts(answer.value, clocks))
        if (denial := recursion.negatives.map.peek(key)) is not None:
            found.append(denial_facts(key, denial.value, denial.expires_at, clocks))
        if not rrtype & 1023:
            await pace.rest()
    for above in names.ancestors(name):
        key = above + bytes(_TYPE_OCTETS)
        denial = recursion.negatives.map.peek(key)
        if denial is not None and denial.value.below:
            found.append(denial_facts(key, denial.value, denial.expires_at, clocks))
    found += _failures(recursion, name, clocks)
    delegation = recursion.delegations.closest(name, clocks.now)
    if delegation is not None:
        found.append(delegation_facts(delegation, clocks))
    return {"name": names.show(name), "entries": found}


def show_entries(facts: Facts) -> Iterable[str]:
    """Lines of `cache show`."""
    from resolver.app.control.entries import show_entry

    if all(entry["kind"] == "delegation" for entry in facts["entries"]):
        yield f"; nothing is known of {facts['name']}"
    for entry in facts["entries"]:
        yield from show_entry(entry)


async def dump(server: "Server", arguments: Arguments) -> AsyncIterator[Facts]:
    """Every entry that has not expired."""
    from resolver.app.control.entries import answer_facts, delegation_facts, denial_facts

    recursion, pace = _recursion(server), Pace()
    clocks = _clocks(server)
    for key in chain.from_iterable(recursion.rrsets.map.keys()):
        if (answer := recursion.rrsets.map.peek(key)) and answer.expires_at > clocks.now:
            yield answer_facts(answer.value, clocks)
        await pace.rest()
    for key in chain.from_iterable(recursion.negatives.map.keys()):
        if (denial := recursion.negatives.map.peek(key)) and denial.expires_at > clocks.now:
            yield denial_facts(key, denial.value, denial.expires_at, clocks)
        await pace.rest()
    for key in chain.from_iterable(recursion.delegations.map.keys()):
        if (held := recursion.delegations.map.peek(key)) and held.expires_at > clocks.now:
            yield delegation_facts(held.value, clocks)
        await pace.rest()


async def load(server: "Server", arguments: Arguments) -> Facts:
    """Take some lines of a dump back."""
    from resolver.app.control.entries import restore_entry

    recursion, clocks, pace = _recursion(server), _clocks(server), Pace()
    counts = {"loaded": 0, "expired": 0}
    try:
        for number, line in enumerate(arguments["file"], 1):
            try:
                loaded = restore_entry(line, recursion, clocks)
            except ValueError as error:
                raise CommandError(f"entry {number}: {error}", facts=counts) from None
            counts["loaded" if loaded else "expired"] += 1
            await pace.rest()
    finally:
        server.service.answers.drop_all()
    return counts


async def save(server: "Server", arguments: Arguments) -> Facts:
    """Write the snapshot that a restart begins with."""
    if not await _tending(server).save():
        raise CommandError("this server keeps no snapshot of its cache (cache.snapshot)")
    return {"saved": True}


async def stats(server: "Server", arguments: Arguments) -> Facts:
    """How much there is."""
    recursion, answers = _recursion(server), server.service.answers
    maps: tuple[tuple[str, int, Any], ...] = (
        ("rrsets", len(recursion.rrsets), recursion.rrsets.map),
        ("denials", len(recursion.negatives), recursion.negatives.map),
        ("delegations", len(recursion.delegations), recursion.delegations.map),
        ("packets", answers.entries, answers),
    )
    held = {
        name: {"entries": entries, "octets": each.octets, "evicted": each.evicted}
        for name, entries, each in maps
    }
    metrics = server.metrics
    queries = metrics.queries_udp_total + metrics.queries_tcp_total
    return {
        "caches": held,
        "failures": len(recursion.caches.failures),
        "servers": len(recursion.servers),
        "size_octets": server.config.cache.size,
        "octets": sum(each.octets for _, _, each in maps),
        "queries": queries,
        "packet_hits": metrics.packet_hits_total,
        "packet_hit_share": round(metrics.packet_hits_total / queries, 4) if queries else None,
    }


def show_stats(facts: Facts) -> Iterable[str]:
    """Lines of `cache stats`."""
    rows = [
        (name, held["entries"], held["octets"], held["evicted"])
        for name, held in facts["caches"].items()
    ]
    yield from show_table(("cache", "entries", "octets", "evicted"), rows)
    yield f"{facts['octets']} of {facts['size_octets']} octets"
    yield f"{facts['failures']} failures and {facts['servers']} servers are remembered"
    share = facts["packet_hit_share"]
    hits = "" if share is None else f", {share:.1%} of {facts['queries']} queries"
    yield f"{facts['packet_hits']} hits of finished packets{hits}"


def _failures(recursion: "Recursion", name: bytes, clocks: "Clocks") -> Iterable[Facts]:
    from resolver.codes import show_type

    failures = recursion.caches.failures
    for key in failures.keys():  # noqa: SIM118 - no dictionary
        rrtype = int.from_bytes(key[-_TYPE_OCTETS:], "big")
        if key[:-_TYPE_OCTETS] != name:
            continue
        failure = failures.lookup(name, rrtype, clocks.now)
        if failure is not None:
            yield {
                "kind": "failure",
                "name": names.show(name),
                "type": show_type(rrtype),
                "ttl_left": clocks.left_s(failure.until),
                "reason": failure.error.text,
                "ede": failure.error.code,
            }


def _clocks(server: "Server") -> "Clocks":
    from resolver.app.control.entries import Clocks

    return Clocks(server.clock.now(), server.clock.wall())


def _recursion(server: "Server") -> "Recursion":
    if server.recursion is None:
        raise CommandError("this server does not recurse, so it has no cache")
    return server.recursion


def _tending(server: "Server") -> "Tending":
    if server.tending is None:
        raise CommandError("this server does not recurse, so it has no cache")
    return server.tending


def _show_flushed(facts: Facts) -> Iterable[str]:
    kinds = ("rrsets", "denials", "delegations", "failures")
    parts = ", ".join(f"{facts[kind]} {kind}" for kind in kinds)
    yield f"{facts['flushed']} entries flushed: {parts}"


VERBS = (
    Verb(
        "flush",
        "forget what is known of a name, so that the next question for it is asked anew",
        flush,
        (
            Argument("name", NAME, "the name"),
            Argument("type", TYPE, "only this type, and an alias in its place", option=True),
            Argument("tree", FLAG, "every name below it, too", option=True),
        ),
        changes=True,
        show=_show_flushed,
        example="flush example.test --tree",
    ),
    Verb(
        "flush-all",
        "forget everything that was learned, also about servers",
        flush_all,
        changes=True,
        show=_show_flushed,
    ),
    Verb(
        "cache show",
        "show what is known of a name: records, what does not exist, failures, its delegation",
        show,
        (Argument("name", NAME, "the name"),),
        show=show_entries,
        details="Who told us, and over what, is known of all but what a restart or a dump brought. "
        "`rank` is how far data is trusted (RFC 2181 section 5.4.1); `unchecked` data came "
        "with signatures that nobody has looked at. The delegation is that of the closest zone "
        "above the name.",
        example="cache show www.example.test",
    ),
    Verb("cache stats", "tell how much is in the cache", stats, show=show_stats),
    Verb(
        "cache dump",
        "write every entry to a file, one JSON object a line",
        dump,
        (Argument("file", OUT_FILE, "file of the client, `-` for standard output"),),
        show_item=lambda facts: [json.dumps(facts)],
        details="Queries go on being answered meanwhile. Instants are seconds since 1970.",
        example="cache dump cache.jsonl",
    ),
    Verb(
        "cache load",
        "put the entries of a dump into the cache",
        load,
        (Argument("file", IN_FILE, "file of the client, `-` for standard input"),),
        changes=True,
        details="What has expired is left out. Whoever can write the file decides what clients are "
        "told.",
        example="cache load cache.jsonl",
    ),
    Verb(
        "cache save",
        "write the snapshot that a restart begins with now",
        save,
        changes=True,
        details="`server.state_dir` holds it; it is written at times and at the end anyway.",
    ),
)
