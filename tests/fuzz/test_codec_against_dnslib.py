"""Our codec and dnslib's read each other's messages, and read the same in them."""

import dnslib
from hypothesis import given
from wire_samples import Record, messages, records

from resolver.model import Edns, EdnsOptionValue, Message
from resolver.wire.build import build
from resolver.wire.parse import parse


class PlainBuffer(dnslib.DNSBuffer):
    """A buffer into which names are written whole."""

    def encode_name(self, name: dnslib.DNSLabel) -> None:
        self.encode_name_nocompress(name)


def plain(part: object) -> bytes:
    buffer = PlainBuffer()
    part.pack(buffer)
    return bytes(buffer.data)


def plain_name(label: dnslib.DNSLabel) -> bytes:
    buffer = PlainBuffer()
    buffer.encode_name(label)
    return bytes(buffer.data)


def theirs(section: list[dnslib.RR]) -> set[Record]:
    return {
        (plain_name(rr.rname).lower(), rr.rtype, rr.rclass, rr.ttl, plain(rr.rdata).lower())
        for rr in section
        if rr.rtype != 41
    }


def their_edns(message: dnslib.DNSRecord) -> Edns | None:
    found = [rr for rr in message.ar if rr.rtype == 41]
    if not found:
        return None
    (opt,) = found
    options = [EdnsOptionValue(o.code, o.data) for o in opt.rdata]
    return Edns(opt.rclass, opt.ttl >> 16 & 0xFF, bool(opt.ttl & 0x8000), tuple(options))


def agree(ours: Message, other: dnslib.DNSRecord) -> None:
    assert ours.id == other.header.id
    # dnslib shares its "z" between the reserved bit, AD and CD, as we do the whole word.
    assert ours.flags == other.header.bitmap
    assert ours.edns == their_edns(other)
    assert [q.qname.lower() for q in ours.questions] == [
        plain_name(q.qname).lower() for q in other.questions
    ]
    assert [(q.qtype, q.qclass) for q in ours.questions] == [
        (q.qtype, q.qclass) for q in other.questions
    ]
    assert records(ours.answer) == theirs(other.rr)
    assert records(ours.authority) == theirs(other.auth)
    assert records(ours.additional) == theirs(other.ar)


@given(messages(plain=True))
def test_dnslib_reads_what_we_write(message: Message) -> None:
    agree(message, dnslib.DNSRecord.parse(build(message)))


@given(messages(plain=True))
def test_we_read_what_dnslib_writes(message: Message) -> None:
    written = written_by_dnslib(message)
    agree(parse(written), dnslib.DNSRecord.parse(written))
    agree(parse(written), dnslib.DNSRecord.parse(build(message)))


def written_by_dnslib(message: Message) -> bytes:
    other = dnslib.DNSRecord(dnslib.DNSHeader(id=message.id, bitmap=message.flags))
    for question in message.questions:
        other.add_question(
            dnslib.DNSQuestion(label(question.qname), question.qtype, question.qclass)
        )
    sections = (
        (other.rr, message.answer),
        (other.auth, message.authority),
        (other.ar, message.additional),
    )
    for section, rrsets in sections:
        for rrset in rrsets:
            reader = dnslib.RDMAP.get(dnslib.QTYPE.get(rrset.rrtype), dnslib.RD)
            section.extend(
                [
                    dnslib.RR(
                        label(rrset.owner),
                        rrset.rrtype,
                        rrset.rrclass,
                        rrset.ttl,
                        reader.parse(dnslib.DNSBuffer(rdata), len(rdata)),
                    )
                    for rdata in rrset.rdatas
                ]
            )
    if message.edns is not None:
        edns = message.edns
        options = [dnslib.EDNSOption(code, data) for code, data in edns.options]
        ttl = (message.rcode >> 4) << 24 | edns.version << 16 | edns.dnssec_ok << 15
        other.add_ar(dnslib.RR(rtype=41, rclass=edns.udp_size, ttl=ttl, rdata=options))
    return bytes(other.pack())


def label(wire: bytes) -> dnslib.DNSLabel:
    return dnslib.DNSBuffer(wire).decode_name()
