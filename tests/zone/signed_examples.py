"""The zones of `signed/`, what they say with its proof, and names for NSEC3 owners."""

from functools import cache
from pathlib import Path

import dns.dnssec

from resolver import codes, names
from resolver.codes import RRType
from resolver.model import Question, RRset
from resolver.zone.content import Zone
from resolver.zone.file import ZoneReport, read_zone_text
from resolver.zone.lookup import Result, lookup
from resolver.zone.proofs import proof

DIRECTORY = Path(__file__).parent / "signed"
WAYS = ("nsec", "nsec3", "opt-out")
HASHING = {"nsec3": ("ABCD", 2), "opt-out": ("", 0)}
ORIGIN = "example.test."
SIGNED_AT_S = 1_700_000_000.0  # any time from 2020 to 2040


def text(way: str) -> str:
    return (DIRECTORY / f"{way}.zone").read_text()


def report(content: str, now: float = SIGNED_AT_S) -> ZoneReport:
    return read_zone_text(content, names.read(ORIGIN), "file", now=now)


@cache
def zone(way: str) -> Zone:
    found = report(text(way)).zone
    assert found is not None
    return found


def full(name: str) -> str:
    return ORIGIN if name == "@" else name if name.endswith(".") else f"{name}.{ORIGIN}"


def asked(zone: Zone, name: str, rrtype: str) -> tuple[Result, list[RRset]]:
    """What the zone says, and what proves it."""
    qtype = codes.read_type(rrtype)
    assert qtype is not None
    question = Question(names.read(full(name)), qtype)
    result = lookup(zone, question)
    return result, proof(zone, question, result)


def owners(rrsets: list[RRset]) -> list[str]:
    """Owners of what is no signature, relative and in lower case, with the type if it is not that
    of denials. Every RRset must have its signature behind it."""
    found = []
    for rrset, signature in zip(rrsets[::2], rrsets[1::2], strict=True):
        covered = codes.show_type(int.from_bytes(signature.rdatas[0][:2], "big"))
        kind = codes.show_type(rrset.rrtype)
        assert (signature.rrtype, covered) == (RRType.RRSIG, kind)
        assert (signature.owner, signature.ttl) == (rrset.owner, rrset.ttl)
        name = names.show(rrset.owner.lower()).removesuffix(ORIGIN).removesuffix(".") or "@"
        found.append(name if kind.startswith("NSEC") else f"{name} {kind}")
    return found


def hashed(name: str, way: str) -> str:
    """The hash of a name by dnspython, in lower case."""
    salt, iterations = HASHING[way]
    return dns.dnssec.nsec3_hash(full(name), salt, iterations, "SHA1").lower()


def matching(name: str, way: str) -> str:
    """The NSEC3 owner that matches a name, which must be there."""
    assert hashed(name, way) in chain(way), name
    return hashed(name, way)


def covering(name: str, way: str) -> str:
    """The NSEC3 owner before the hash of a name, which must not be there itself."""
    wanted, ring = hashed(name, way), chain(way)
    assert wanted not in ring, name
    return max((owner for owner in ring if owner < wanted), default=max(ring))


@cache
def chain(way: str) -> list[str]:
    lines = [line.split() for line in text(way).splitlines()]
    return sorted(line[0].split(".")[0].lower() for line in lines if line[3] == "NSEC3")
