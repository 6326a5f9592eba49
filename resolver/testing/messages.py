"""What servers of the fake Internet see and say.

Query and Response are what faults work on. Packets are parsed and packed by dnslib. Knows: header,
OPT, UDP size limits (RFC 1035 section 4.2.1, RFC 6891 section 6.2.5). Does not know: what zones
say, sockets, faults.
"""

from dataclasses import dataclass, field
from typing import Any

import dnslib

from resolver.codes import EdnsOption, Opcode, RRType, show_type
from resolver.testing.zones import Key, Zone, key_of

PLAIN_UDP_OCTETS = 512
MAX_UDP_OCTETS = 1232
CLIENT_COOKIE_OCTETS = 8
_HEADER_OCTETS = 12


@dataclass(slots=True)
class Query:
    """A query as a server sees it.

    `server` is the address asked; `name` (lower case, final dot) and `rrtype` (mnemonic) what is
    asked; `edns_size` None when there is no OPT; `at` the instant in seconds; `count` is 1 for the
    first query to that server, and so on. `zone` is the zone that the server answers from, if it
    has one.
    """

    server: str
    name: str
    rrtype: str
    stream: bool
    edns_size: int | None
    at: float
    count: int
    record: Any
    packet: bytes = field(repr=False)
    zone: Zone | None = None

    @property
    def question(self) -> str:
        """Name and type, as in "www.example.com. A"."""
        return f"{self.name} {self.rrtype}"

    @property
    def key(self) -> Key:
        """The name as the zones have it."""
        return key_of(self.record.q.qname)


@dataclass(slots=True)
class Response:
    """What a server is about to send; faults may change it, replace it or multiply it.

    `record` is a dnslib DNSRecord. With `packet`, those octets are sent instead. `delay_s` is added
    to the time that every response takes. `keep_case` puts the question's own case back.
    `max_octets` is what the server can send in this way.
    """

    record: Any
    delay_s: float = 0.0
    packet: bytes | None = None
    keep_case: bool = True
    max_octets: int = 0xFFFF


def read_query(server: str, packet: bytes, *, stream: bool, at: float) -> Query | None:
    """The query in a packet, or None for what no server would answer."""
    if len(packet) < _HEADER_OCTETS or packet[2] & 0x80:
        return None
    try:
        record = dnslib.DNSRecord.parse(packet)
    except dnslib.DNSError:
        return None
    if len(record.questions) != 1:
        return None
    name = str(record.q.qname).lower()
    size = next((rr.edns_len for rr in record.ar if rr.rtype == RRType.OPT), None)
    rrtype = show_type(record.q.qtype)
    return Query(server, name, rrtype, stream, size, at, 0, record, packet)


def start_response(query: Query, rcode: int = 0, *, edns: bool = True) -> Response:
    """A response without content: header, question and, to a query with OPT, an OPT."""
    asked = query.record
    header = dnslib.DNSHeader(
        id=asked.header.id,
        bitmap=0,
        qr=1,
        opcode=asked.header.opcode,
        rd=asked.header.rd,
        rcode=rcode & 0xF,
    )
    qname = dnslib.DNSLabel(key_of(asked.q.qname))
    question = dnslib.DNSQuestion(qname, asked.q.qtype, asked.q.qclass)
    record = dnslib.DNSRecord(header, q=question)
    if edns and query.edns_size is not None:
        record.add_ar(dnslib.EDNS0(udp_len=MAX_UDP_OCTETS, ext_rcode=rcode >> 4))
    limit = 0xFFFF
    if not query.stream:
        limit = min(max(query.edns_size or 0, PLAIN_UDP_OCTETS), MAX_UDP_OCTETS)
    return Response(record, max_octets=limit)


def edns_version(query: Query) -> int:
    """The version its OPT asks for; 0 without OPT."""
    return next((int(rr.edns_ver) for rr in query.record.ar if rr.rtype == RRType.OPT), 0)


def cookie_of(query: Query) -> bytes | None:
    """The data of its COOKIE option (RFC 7873 section 4)."""
    options = [o for rr in query.record.ar if rr.rtype == RRType.OPT for o in rr.rdata]
    return next((bytes(o.data) for o in options if o.code == EdnsOption.COOKIE), None)


def add_cookie(response: Response, data: bytes) -> None:
    """Put a COOKIE option into the OPT record of a response that has one."""
    for rr in response.record.ar:
        if rr.rtype == RRType.OPT:
            rr.rdata = [*rr.rdata, dnslib.EDNSOption(EdnsOption.COOKIE, data)]


def is_plain(query: Query) -> bool:
    """Whether it is an ordinary query (opcode QUERY)."""
    return bool(query.record.header.opcode == Opcode.QUERY)


def truncate(response: Response) -> None:
    """Take the content away and set TC."""
    record = response.record
    record.rr, record.auth = [], []
    record.ar = [rr for rr in record.ar if rr.rtype == RRType.OPT]
    record.header.tc = 1


def pack(query: Query, response: Response) -> bytes:
    """The octets to send: cut to size, and with the case of the question."""
    if response.packet is not None:
        return response.packet
    packet = bytes(response.record.pack())
    if len(packet) > response.max_octets:
        truncate(response)
        packet = bytes(response.record.pack())
    return restore_case(packet, query.packet) if response.keep_case else packet


def restore_case(packet: bytes, asked: bytes) -> bytes:
    """The packet with the question name as asked; other names are pointers to it, or their own."""
    end = end_of_name(asked)
    name = asked[_HEADER_OCTETS:end]
    if packet[_HEADER_OCTETS:end].lower() != name.lower():
        return packet  # the question was changed on purpose
    return packet[:_HEADER_OCTETS] + name + packet[end:]


def end_of_name(packet: bytes) -> int:
    """The offset behind the question name, its final zero not counted."""
    end = _HEADER_OCTETS
    while end < len(packet) and packet[end] != 0:
        end += packet[end] + 1
    return end
