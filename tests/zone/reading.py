"""Short ways to a zone and to what it says, for the tests of this directory."""

from resolver import codes, names
from resolver.model import Question
from resolver.wire.text import show_rdata
from resolver.zone.content import Zone
from resolver.zone.file import ZoneReport, read_zone_text
from resolver.zone.lookup import Result, lookup

HEAD = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
"""


def name(text: str) -> bytes:
    return names.read(text, names.read("example.test."))


def report(body: str, *, head: str = HEAD) -> ZoneReport:
    return read_zone_text(head + body, names.read("example.test."), "file")


def zone(body: str, *, head: str = HEAD) -> Zone:
    found = report(body, head=head)
    assert found.zone is not None, found.errors
    return found.zone


def errors(body: str, *, head: str = "") -> list[str]:
    """Errors as `line: reason`, of a text that is the whole file unless a head is given."""
    return [f"{f.line}: {f.reason}" for f in report(body, head=head).errors]


def warnings(body: str) -> list[str]:
    """Warnings as `line: reason`; line 1 is the first line of the body."""
    found = report(body)
    assert not found.errors
    return [f"{f.line - HEAD.count(chr(10))}: {f.reason}" for f in found.warnings]


def asked(zone: Zone, qname: str, qtype: str, *, whole_any: bool = False) -> Result:
    number = codes.read_type(qtype)
    assert number is not None
    return lookup(zone, Question(name(qname), number), whole_any=whole_any)


def records(zone: Zone) -> list[str]:
    """Every record but SOA, NS and ns1's, as `owner ttl type data` with the case of the file."""
    return [
        f"{names.show(r.owner)} {r.ttl} {codes.show_type(r.rrtype)} {show_rdata(r.rrtype, rdata)}"
        for r in zone.rrsets()
        if r.owner not in (zone.origin, name("ns1"))
        for rdata in r.rdatas
    ]
