"""What is in the cache as facts and as text, and back: for looking at a name, and for dumps.

A dump holds one JSON object a line. Its instants are seconds since 1970, so that it can be read at
any time and by any server; what has expired by then is left out.

Knows: the entries of the caches, presentation format. Does not know: the loop, sockets.
"""

import json
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from resolver import names
from resolver.app.control.protocol import Facts
from resolver.cache.delegations import Delegation
from resolver.cache.negative import Kept
from resolver.cache.rrsets import CachedRRset, key_of, standing_of
from resolver.codes import RRClass, RRType, read_type, show_type
from resolver.model import Rank, RRset, Security
from resolver.resolve import Recursion
from resolver.wire.text import read_rdata, show_rdata

NXDOMAIN_TYPE = 0
_TYPE_OCTETS = 2
_RANKS = {rank: rank.name.lower().replace("_", " ") for rank in Rank}
_RANK_OF = {text: rank for rank, text in _RANKS.items()}
_SECURITY = {security.name.lower(): security for security in Security}


class Clocks(NamedTuple):
    """The same instant on both clocks."""

    now: float
    wall: float

    def left_s(self, expires_at: float) -> int:
        """Seconds until a monotonic instant; negative after it."""
        return int(expires_at) - int(self.now)

    def wall_at(self, expires_at: float) -> int:
        """A monotonic instant as seconds since 1970."""
        return round(self.wall + expires_at - self.now)


def answer_facts(value: CachedRRset, clocks: Clocks) -> Facts:
    """An RRset."""
    rrset = value.rrset
    rrtype = rrset.rrtype
    return {
        "kind": "answer",
        "name": names.show(rrset.owner),
        "type": show_type(rrtype),
        "ttl": value.ttl,
        "ttl_left": clocks.left_s(value.expires_at),
        "expires_at": clocks.wall_at(value.expires_at),
        "rank": _RANKS[value.rank],
        "dnssec": _dnssec(value),
        "from": None if value.standing.informant is None else str(value.standing.informant),
        "records": [show_data(rrtype, rdata) for rdata in value.rdatas],
        "signatures": [show_rdata(RRType.RRSIG, rdata) for rdata in value.signatures],
    }


def denial_facts(key: bytes, value: Kept, expires_at: float, clocks: Clocks) -> Facts:
    """A name or a type of it that is not there."""
    rrtype = int.from_bytes(key[-_TYPE_OCTETS:], "big")
    return {
        "kind": "denial",
        "name": names.show(key[:-_TYPE_OCTETS]),
        "type": None if rrtype == NXDOMAIN_TYPE else show_type(rrtype),
        "covers_names_below": rrtype == NXDOMAIN_TYPE and value.below,
        "ttl": value.soa.ttl,
        "ttl_left": clocks.left_s(expires_at),
        "expires_at": clocks.wall_at(expires_at),
        "soa": _rrset_facts(value.soa),
        "proof": [_rrset_facts(rrset) for rrset in value.proof],
    }


def delegation_facts(value: Delegation, clocks: Clocks) -> Facts:
    """Where a zone is served."""
    return {
        "kind": "delegation",
        "name": names.show(value.zone),
        "ttl_left": clocks.left_s(value.expires_at),
        "expires_at": clocks.wall_at(value.expires_at),
        "servers": [names.show(server) for server in value.servers],
        "glue": {names.show(server): list(ips) for server, ips in value.glue.items()},
    }


def _rrset_facts(rrset: RRset) -> Facts:
    return {
        "name": names.show(rrset.owner),
        "type": show_type(rrset.rrtype),
        "ttl": rrset.ttl,
        "records": [show_data(rrset.rrtype, rdata) for rdata in rrset.rdatas],
    }


def _dnssec(value: CachedRRset) -> str:
    """What is known under DNSSEC: data that nobody has looked at is signed or not."""
    if value.security is Security.INDETERMINATE:
        return "unchecked" if value.signatures else "unsigned"
    return value.security.name.lower()


def show_data(rrtype: int, rdata: bytes) -> str:
    """Rdata in presentation format; addresses, of which there are most, without detours."""
    if rrtype == RRType.A and len(rdata) == 4:
        return str(IPv4Address(rdata))
    if rrtype == RRType.AAAA and len(rdata) == 16:
        return str(IPv6Address(rdata))
    return show_rdata(rrtype, rdata)


def show_entry(facts: Facts) -> Iterator[str]:
    """An entry for people: what is known of it as a comment, then its records."""
    head, left = f"; {facts['name']} ", _show_left(facts.get("ttl_left", 0))
    match facts["kind"]:
        case "answer":
            source = f", from {facts['from']}" if facts.get("from") else ""
            about = f"{facts['type']}: {facts['rank']}, {facts['dnssec']}{source}, {left}"
            yield head + about
            for record in facts["records"]:
                shown_ttl = max(0, facts["ttl_left"])
                yield f"{facts['name']} {shown_ttl} IN {facts['type']} {record}"
        case "denial":
            what = f"has no {facts['type']}" if facts["type"] else "does not exist"
            below = ", nor does any name below" if facts["covers_names_below"] else ""
            proof = ", with proof" if facts["proof"] else ""
            yield f"{head}{what}{below}, says {facts['soa']['name']}{proof}, {left}"
        case "delegation":
            yield f"{head}is delegated, {left}"
            for server in facts["servers"]:
                addresses = " ".join(facts["glue"].get(server, ()))
                yield f"{facts['name']} NS {server} {addresses}".rstrip()
        case "failure":
            yield f"{head}{facts['type']} failed: {facts['reason']}; not asked again for {left}"


def _show_left(seconds: int) -> str:
    return f"{seconds} s left" if seconds > 0 else f"expired {-seconds} s ago"


def restore_entry(line: str, recursion: Recursion, clocks: Clocks) -> bool:
    """Put one line of a dump back; False when it has expired. Raises ValueError."""
    try:
        facts = json.loads(line)
        left_s = int(facts["expires_at"]) - int(clocks.wall)
        expires_at = int(clocks.now) + min(left_s, int(facts.get("ttl", left_s)))
        if left_s <= 0:
            return False
        name = names.read(facts["name"])
        match facts["kind"]:
            case "answer":
                _restore_answer(name, facts, recursion, clocks, expires_at)
            case "denial":
                rrtype = NXDOMAIN_TYPE if facts["type"] is None else _type(facts["type"])
                proof = tuple(map(_rrset, facts["proof"]))
                kept = Kept(_rrset(facts["soa"]), bool(facts["covers_names_below"]), proof)
                recursion.negatives.restore(
                    key_of(name.lower(), rrtype), kept, now=clocks.now, expires_at=expires_at
                )
            case "delegation":
                servers = tuple(names.read(server).lower() for server in facts["servers"])
                glue = {names.read(s).lower(): tuple(ips) for s, ips in facts["glue"].items()}
                delegation = Delegation(name.lower(), servers, glue, expires_at=expires_at)
                recursion.delegations.restore(delegation, now=clocks.now)
            case kind:
                raise ValueError(f"unknown kind {kind!r}")
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not an entry of a dump: {error!r}") from error
    return True


def _restore_answer(
    name: bytes, facts: Any, recursion: Recursion, clocks: Clocks, expires_at: int
) -> None:
    rrtype = _type(facts["type"])
    rdatas = tuple(read_rdata(rrtype, text) for text in facts["records"])
    if not rdatas:
        raise ValueError("no records")
    rrset = RRset(name, rrtype, RRClass.IN, int(facts["ttl"]), rdatas)
    signatures = tuple(read_rdata(RRType.RRSIG, text) for text in facts["signatures"])
    security = _SECURITY.get(facts["dnssec"], Security.INDETERMINATE)
    standing = standing_of(_RANK_OF[facts["rank"]], security)
    value = CachedRRset(rrset, standing, expires_at, signatures)
    recursion.rrsets.restore(value, now=clocks.now)


def _rrset(facts: Any) -> RRset:
    rrtype = _type(facts["type"])
    rdatas = tuple(read_rdata(rrtype, text) for text in facts["records"])
    return RRset(names.read(facts["name"]), rrtype, RRClass.IN, int(facts["ttl"]), rdatas)


def _type(text: str) -> int:
    found = read_type(text)
    if found is None:
        raise ValueError(f"{text} is no record type")
    return found
