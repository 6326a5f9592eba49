"""Messages of zone transfers written as text, built by dnspython: our codec grades nothing."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

ORIGIN = b"\x07example\x04test\x00"


def soa(serial: int, mname: str = "ns1") -> str:
    return f"@ 3600 IN SOA {mname}.example.test. admin.example.test. {serial} 7200 900 1209600 300"


APEX = [
    "@ 3600 IN NS ns1",
    "ns1 3600 IN A 192.0.2.1",
]


def message(
    *records: str,
    qtype: str = "AXFR",
    question: str | None = "example.test.",
    rcode: int = 0,
    flags: int = 0,
) -> bytes:
    """A response whose answer section holds these records in this order, one RR an RRset."""
    if question is None:
        response = dns.message.Message(id=7)
    else:
        response = dns.message.make_query(question, qtype, id=7)
    response.flags = dns.flags.QR | dns.flags.AA | flags
    response.set_rcode(dns.rcode.Rcode(rcode))
    origin = dns.name.from_text("example.test.")
    for text in records:
        owner, ttl, rrclass, rrtype, rdata = text.split(" ", 4)
        response.answer.append(
            dns.rrset.from_text_list(
                dns.name.from_text(owner, origin),
                int(ttl),
                rrclass,
                rrtype,
                [rdata],
                None,
                origin,
                relativize=False,
            )
        )
    return response.to_wire(max_size=65535)
