"""A client for servers of the fake Internet that shares no code with them: dnspython."""

import dns.message
import dns.rdatatype

from resolver.testing import Internet


def exchange(
    net: Internet,
    server: str,
    question: str,
    *,
    edns: int | None = 1232,
    edns_version: int = 0,
    stream: bool = False,
) -> list[bytes]:
    """The packets that come back for "name type"."""
    name, rrtype = question.split()
    query = dns.message.make_query(name, rrtype, id=4711)
    if edns is None:
        query.use_edns(False)
    else:
        query.use_edns(edns_version, payload=edns)
    return [s.packet for s in net.exchange(server, query.to_wire(), stream=stream, at=0.0)]


def ask(
    net: Internet,
    server: str,
    question: str,
    *,
    edns: int | None = 1232,
    edns_version: int = 0,
    stream: bool = False,
) -> dns.message.Message:
    """The one response."""
    [packet] = exchange(net, server, question, edns=edns, edns_version=edns_version, stream=stream)
    return dns.message.from_wire(packet)


def lines(section: list) -> list[str]:
    """A section as "owner type rdata", sorted."""
    return sorted(
        f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)} {rdata}"
        for rrset in section
        for rdata in rrset
    )
