"""Presentation format of records and whole messages: the bridge to dnspython.

Nothing on the way of a query comes through here. Showing never fails: data that dnspython cannot
read or would show in a way that reads back differently is shown in the generic form of RFC 3597
section 5. Whatever a peer sent, the text is one line per record and printable.

Knows: RFC 1035 section 5.1, RFC 3597 section 5, dnspython. Does not know: zones (zone/file.py).
"""

from collections.abc import Iterator

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from resolver import names
from resolver.codes import (
    Ede,
    EdnsOption,
    Flag,
    Opcode,
    RRClass,
    RRType,
    show_class,
    show_rcode,
    show_type,
)
from resolver.model import Edns, EdnsOptionValue, Message, RRset
from resolver.wire.edns import KEEPALIVE_UNIT_S, extended_errors

MAX_RDATA_OCTETS = 65535

_FLAGS = (Flag.QR, Flag.AA, Flag.TC, Flag.RD, Flag.RA, Flag.AD, Flag.CD, Flag.Z)
# dnspython does not know it; its data is one name, too.
_READ_AS = {int(RRType.ALIAS): int(RRType.CNAME)}
_CAPITALS = frozenset(("DNSKEY", "DNSSEC", "DS", "NSEC", "NSEC3", "NXDOMAIN"))


def show_rdata(
    rrtype: int, rdata: bytes, origin: bytes | None = None, *, rrclass: int = RRClass.IN
) -> str:
    """Rdata in presentation format, names below `origin` relative to it. Never fails."""
    try:
        parsed = dns.rdata.from_wire(
            dns.rdataclass.RdataClass.make(rrclass),
            dns.rdatatype.RdataType.make(_READ_AS.get(rrtype, rrtype)),
            rdata,
            0,
            len(rdata),
        )
        text = parsed.to_text(origin=_name(origin), relativize=origin is not None)
        faithful = read_rdata(rrtype, text, origin, rrclass=rrclass) == rdata
    except Exception:
        # dnspython promises no closed set of exceptions for bad data, and we promise none at all.
        return _generic(rdata)
    # dnspython's own generic form is split into words, and ends in a space when there is no data.
    shown = faithful and text.isascii() and text.isprintable() and not text.startswith("\\#")
    return text if shown else _generic(rdata)


def read_rdata(
    rrtype: int, text: str, origin: bytes | None = None, *, rrclass: int = RRClass.IN
) -> bytes:
    """Rdata from presentation format or the form of RFC 3597 section 5.

    Relative names get `origin` appended, or the root without one. Raises ValueError.
    """
    try:
        wire = dns.rdata.from_text(
            dns.rdataclass.RdataClass.make(rrclass),
            dns.rdatatype.RdataType.make(_READ_AS.get(rrtype, rrtype)),
            text,
            origin=_name(origin) or dns.name.root,
            relativize=False,
        ).to_wire()
    except Exception as error:
        # As above: dnspython's readers let exceptions of many kinds through.
        raise ValueError(str(error) or type(error).__name__) from error
    if wire is None or len(wire) > MAX_RDATA_OCTETS:
        raise ValueError(f"more than {MAX_RDATA_OCTETS} octets of record data")
    return wire


def show_rrset(rrset: RRset) -> list[str]:
    """One line per record: owner, TTL in seconds, class, type, data, as dig shows them."""
    head = (
        f"{_column(names.show(rrset.owner))}{rrset.ttl}\t"
        f"{show_class(rrset.rrclass)}\t{show_type(rrset.rrtype)}\t"
    )
    return [head + show_rdata(rrset.rrtype, rdata, rrclass=rrset.rrclass) for rdata in rrset.rdatas]


def show_message(message: Message) -> str:
    """The whole message in the manner of dig, with its EDNS options and extended errors."""
    return "\n".join(_message_lines(message)) + "\n"


def _message_lines(message: Message) -> Iterator[str]:
    flags = "".join([f" {flag.name.lower()}" for flag in _FLAGS if message.flags & flag])
    sections = (
        ("ANSWER", message.answer),
        ("AUTHORITY", message.authority),
        ("ADDITIONAL", message.additional),
    )
    counts = [sum([len(rrset.rdatas) for rrset in rrsets]) for _, rrsets in sections]
    counts[2] += message.edns is not None
    yield (
        f";; ->>HEADER<<- opcode: {_show_opcode(message.opcode)}, "
        f"status: {show_rcode(message.rcode)}, id: {message.id}"
    )
    yield (
        f";; flags:{flags}; QUERY: {len(message.questions)}, ANSWER: {counts[0]}, "
        f"AUTHORITY: {counts[1]}, ADDITIONAL: {counts[2]}"
    )
    if message.edns is not None:
        yield ""
        yield from _edns_lines(message.edns)
    if message.questions:
        yield ""
        yield ";; QUESTION SECTION:"
    for question in message.questions:
        kind = f"{show_class(question.qclass)}\t{show_type(question.qtype)}"
        yield f"{_column(';' + names.show(question.qname))}\t{kind}"
    for title, rrsets in sections:
        if rrsets:
            yield ""
            yield f";; {title} SECTION:"
            for rrset in rrsets:
                yield from show_rrset(rrset)


def _edns_lines(edns: Edns) -> Iterator[str]:
    flags = " do" if edns.dnssec_ok else ""
    yield ";; OPT PSEUDOSECTION:"
    yield f"; EDNS: version: {edns.version}, flags:{flags}; udp: {edns.udp_size}"
    for option in edns.options:
        yield f"; {_show_option(option)}".rstrip()


def _show_option(option: EdnsOptionValue) -> str:
    code, data = option
    if code == EdnsOption.EXTENDED_ERROR and len(data) >= 2:
        (error,) = extended_errors(Edns(options=(option,)))
        text = f": ({_printable(error.text)})" if error.text else ""
        return f"EDE: {error.code}{_show_ede(error.code)}{text}"
    if code == EdnsOption.COOKIE:
        return f"COOKIE: {data.hex()}"
    if code == EdnsOption.NSID:
        return f"NSID: {_octets(data)}"
    if code == EdnsOption.PADDING:
        return f"PADDING: {len(data)} octets"
    if code == EdnsOption.TCP_KEEPALIVE and len(data) == 2:
        return f"TCP KEEPALIVE: {int.from_bytes(data) * KEEPALIVE_UNIT_S:.1f} s"
    return f"OPT={code}: {_octets(data)}"


def _show_ede(code: int) -> str:
    """The name of an extended error in brackets, in the spelling of the IANA registry or close to
    it; nothing for a code we do not know."""
    try:
        words = Ede(code).name.split("_")
    except ValueError:
        return ""
    shown = [word if word in _CAPITALS else word.capitalize() for word in words]
    return f" ({' '.join(shown)})"


def _show_opcode(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"OPCODE{opcode}"


def _octets(data: bytes) -> str:
    if not data:
        return ""
    return f"{data.hex()} ({_printable(data.decode('latin-1'))})"


def _printable(text: str) -> str:
    # A peer's text must not write control sequences to a terminal or lines to a log.
    return "".join([c if c.isprintable() else f"\\u{ord(c):04x}" for c in text])


def _column(owner: str) -> str:
    """The owner, then the tabs that bring what follows to column 24."""
    return owner + "\t" * max(1, 3 - len(owner) // 8)


def _generic(rdata: bytes) -> str:
    """The form of RFC 3597 section 5."""
    return f"\\# {len(rdata)} {rdata.hex()}".rstrip()


def _name(origin: bytes | None) -> dns.name.Name | None:
    return None if origin is None else dns.name.from_wire(origin, 0)[0]
