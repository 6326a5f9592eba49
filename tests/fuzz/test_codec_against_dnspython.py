"""Our codec and dnspython's read each other's messages, and read the same in them."""

import random

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from hypothesis import given
from mutations import mutated
from wire_samples import SINGLE_TYPES, TYPES, Record, messages, real_looking, records

from resolver.errors import WireError
from resolver.model import Edns, EdnsOptionValue, Message, RRset
from resolver.wire.build import build
from resolver.wire.parse import parse


def theirs(section: list[dns.rrset.RRset]) -> set[Record]:
    return {
        (
            rrset.name.to_wire().lower(),
            int(rrset.rdtype),
            int(rrset.rdclass),
            rrset.ttl,
            rdata.to_wire().lower(),
        )
        for rrset in section
        for rdata in rrset
    }


def their_edns(message: dns.message.Message) -> Edns | None:
    if message.edns < 0:
        return None
    options = [EdnsOptionValue(int(o.otype), o.to_wire()) for o in message.options]
    dnssec_ok = bool(message.ednsflags & dns.flags.DO)
    return Edns(message.payload, message.edns, dnssec_ok, tuple(options))


def agree(ours: Message, other: dns.message.Message) -> None:
    assert ours.id == other.id
    assert ours.flags == int(other.flags)
    assert ours.rcode == int(other.rcode())
    assert ours.edns == their_edns(other)
    assert [q.qname.lower() for q in ours.questions] == [
        q.name.to_wire().lower() for q in other.question
    ]
    assert [(q.qtype, q.qclass) for q in ours.questions] == [
        (q.rdtype, q.rdclass) for q in other.question
    ]
    assert records(ours.answer) == theirs(other.answer)
    assert records(ours.authority) == theirs(other.authority)
    assert records(ours.additional) == theirs(other.additional)


@given(messages())
def test_dnspython_reads_what_we_write(message: Message) -> None:
    agree(message, dns.message.from_wire(build(message)))


@given(messages())
def test_we_read_what_dnspython_writes(message: Message) -> None:
    written = written_by_dnspython(message)
    agree(parse(written), dns.message.from_wire(written))
    agree(message, dns.message.from_wire(written))


def test_real_looking_messages() -> None:
    for message in real_looking():
        if message.opcode == 0:
            agree(message, dns.message.from_wire(build(message)))
            agree(parse(written_by_dnspython(message)), dns.message.from_wire(build(message)))


def test_damaged_messages_that_both_read() -> None:
    rng = random.Random(3597)
    seeds = [build(message) for message in real_looking() if message.opcode == 0]
    read = 0
    for _ in range(4000):
        packet = mutated(rng, seeds)
        try:
            ours, other = parse(packet), dns.message.from_wire(packet, ignore_trailing=True)
        except (WireError, dns.exception.DNSException):
            continue
        if all(comparable(rrset) for rrset in (*ours.answer, *ours.authority, *ours.additional)):
            agree(ours, other)
            read += 1
    assert read > 500


def comparable(rrset: RRset) -> bool:
    """Whether dnspython knows where the names of that type are, and keeps all its records."""
    known = rrset.rrtype in TYPES and rrset.rrclass == 1
    return known and (rrset.rrtype not in SINGLE_TYPES or len(rrset.rdatas) == 1)


def written_by_dnspython(message: Message) -> bytes:
    other = dns.message.Message(message.id)
    other.flags = dns.flags.Flag(message.flags & 0xFFF0)
    for question in message.questions:
        other.question.append(
            dns.rrset.RRset(name(question.qname), rrclass(question.qclass), question.qtype)
        )
    sections = (
        (other.answer, message.answer),
        (other.authority, message.authority),
        (other.additional, message.additional),
    )
    for section, rrsets in sections:
        for rrset in rrsets:
            section.append(
                dns.rrset.from_rdata_list(
                    name(rrset.owner),
                    rrset.ttl,
                    [
                        dns.rdata.from_wire(
                            rrclass(rrset.rrclass), rrset.rrtype, rdata, 0, len(rdata)
                        )
                        for rdata in rrset.rdatas
                    ],
                )
            )
    if message.edns is not None:
        edns = message.edns
        other.use_edns(
            edns.version,
            dns.flags.DO if edns.dnssec_ok else 0,
            edns.udp_size,
            options=[dns.edns.GenericOption(code, data) for code, data in edns.options],
        )
    other.set_rcode(dns.rcode.Rcode.make(message.rcode))
    return other.to_wire(max_size=65535)


def name(wire: bytes) -> dns.name.Name:
    return dns.name.from_wire(wire, 0)[0]


def rrclass(number: int) -> dns.rdataclass.RdataClass:
    return dns.rdataclass.RdataClass.make(number)
