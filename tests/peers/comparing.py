"""What a server said, as fields that can be compared, and the same of us."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from resolver import codes, names
from resolver.codes import Flag
from resolver.model import Message, Question
from resolver.serve import authority
from resolver.wire.build import build
from resolver.zone.file import load_zone
from resolver.zone.store import ZoneStore

Records = frozenset[tuple[str, str, int, str]]


class Fields(NamedTuple):
    """What is compared. Sections are sets: the order of records means nothing."""

    rcode: str
    aa: bool
    tc: bool
    answer: Records
    authority: Records
    additional: Records


def fields(message: dns.message.Message) -> Fields:
    return Fields(
        dns.rcode.to_text(message.rcode()),
        bool(message.flags & dns.flags.AA),
        bool(message.flags & dns.flags.TC),
        records(message.answer),
        records(message.authority),
        records(message.additional),
    )


def records(section: list[dns.rrset.RRset]) -> Records:
    return frozenset(
        (rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype), rrset.ttl, text.lower())
        for rrset in section
        for text in (rdata.to_text() for rdata in rrset)
    )


def load(files: Iterable[Path]) -> ZoneStore:
    """The zones of these files, each named after its origin."""
    zones = ZoneStore()
    for file in files:
        zones.swap(load_zone(file, names.read(file.stem)))
    return zones


def ours(
    store: ZoneStore, name: str, rrtype: str, *, minimal: bool, dnssec_ok: bool = False
) -> Fields:
    """Our answer, on the wire and back: packets are read by dnspython for all three."""
    packet = reply(store, name, rrtype, minimal=minimal, dnssec_ok=dnssec_ok)
    return fields(dns.message.from_wire(packet))


def reply(
    store: ZoneStore, name: str, rrtype: str, *, minimal: bool, dnssec_ok: bool = False
) -> bytes:
    """Our answer as a message, without EDNS."""
    qtype = codes.read_type(rrtype)
    assert qtype is not None
    question = Question(names.read(name), qtype)
    answer = authority.answer(store, question, minimal=minimal, whole_any=True, dnssec_ok=dnssec_ok)
    assert answer is not None
    flags = Flag.QR | (Flag.AA if answer.authoritative else 0)
    message = Message(
        1,
        flags,
        [question],
        list(answer.answer),
        list(answer.authority),
        list(answer.additional),
        rcode=answer.rcode,
    )
    return build(message, required_glue=answer.required_glue)


def differing(mine: Fields, theirs: Fields) -> list[str]:
    """Names of the fields that differ, with the sign that answer_matrix.DIFFERENCES explains."""
    found = []
    for field, a, b in zip(Fields._fields, mine, theirs, strict=True):
        if a != b:
            sign = ""
            if isinstance(a, frozenset) and isinstance(b, frozenset):
                sign = "+" if a > b else "-" if a < b else "±"
            found.append(field + sign)
    return found


def query(name: str, rrtype: str, *, dnssec_ok: bool = False) -> dns.message.Message:
    """The question for a peer, as we are asked it in `ours`."""
    return dns.message.make_query(
        name, rrtype, flags=0, use_edns=0, payload=4096, want_dnssec=dnssec_ok
    )
