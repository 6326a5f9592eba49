"""What is in a zone, or in a reply, and should not be."""

from collections.abc import Callable

import dnslib
from site_building import Catalogue, Site, registered

from resolver.codes import Rcode, RRType
from resolver.testing import Query, Response, zone
from resolver.testing.messages import pack
from resolver.testing.zones import records

CATALOGUE: Catalogue = {}
content = registered(CATALOGUE, "content")


def _everywhere(site: Site, change: Callable[[Query, Response], Response], **when: str) -> None:
    """All servers of the zone say the same."""

    def act() -> None:
        for server in site.servers:
            site.net.fault(server.address, change, **when)

    site.after.append(act)


def _say(
    site: Site, *, answer: str = "", authority: str = "", additional: str = "", **when: str
) -> None:
    """Beside what is right, these records; full names."""

    def fault(query: Query, response: Response) -> Response:
        response.record.rr += records(answer)
        response.record.auth += records(authority)
        response.record.ar[:0] = records(additional)
        return response

    _everywhere(site, fault, **when)


@content
def alias_at_the_apex(site: Site) -> None:
    site.content.append(f"@ CNAME www.{site.origin}")
    site.ask("@ A", "@ MX", "@ NS", "@ SOA")


@content
def alias_beside_other_data(site: Site) -> None:
    site.content.append("both CNAME www\nboth A 192.0.2.66\nboth MX 5 www")
    site.ask("both A", "both MX")


@content
def two_aliases_at_a_name(site: Site) -> None:
    site.content.append("two CNAME www\ntwo CNAME mail")
    site.ask("two A")


@content
def aliases_in_a_circle(site: Site) -> None:
    site.content.append("a CNAME b\nb CNAME c\nc CNAME a")
    site.ask("a A", "b TXT")


@content
def alias_to_itself(site: Site) -> None:
    site.content.append("self CNAME self")
    site.ask("self A")


@content
def alias_to_what_does_not_exist(site: Site) -> None:
    site.content.append("lost CNAME nowhere")
    site.ask("lost A")


@content
def alias_to_a_zone_that_is_lame(site: Site) -> None:
    site.content.append("tolame CNAME www.lame.net.")
    site.ask("tolame A")


@content
def alias_to_a_root_that_does_not_have_it(site: Site) -> None:
    site.content.append("totld CNAME www.nothing-here.")
    site.ask("totld A")


@content
def aliases_over_five_zones(site: Site) -> None:
    site.content.append("over CNAME c1.chain-a.com.")
    site.ask("over A", "over MX")


@content
def aliases_without_end(site: Site) -> None:
    lines = [f"e{i} CNAME e{i + 1}" for i in range(30)]
    site.content += [*lines, "e30 A 192.0.2.30"]
    site.ask("e0 A", "e22 A")


@content
def partial_chain_in_the_reply(site: Site) -> None:
    """The server gives one alias of the three at a time."""
    site.content.append("p CNAME q\nq CNAME r\nr A 192.0.2.40")

    def fault(query: Query, response: Response) -> Response:
        response.record.rr = response.record.rr[:1]
        return response

    _everywhere(site, fault, name=f"p.{site.origin}")
    site.ask("p A")


@content
def chain_in_the_wrong_order(site: Site) -> None:
    site.content.append("s CNAME t\nt CNAME u\nu A 192.0.2.41")

    def fault(query: Query, response: Response) -> Response:
        response.record.rr = response.record.rr[::-1]
        return response

    _everywhere(site, fault, name=f"s.{site.origin}")
    site.ask("s A")


@content
def dname_within_the_zone(site: Site) -> None:
    site.content.append("from DNAME to\nx.to A 192.0.2.50")
    site.ask("x.from A", "y.from A", "from A", "from DNAME")


@content
def dname_to_another_zone(site: Site) -> None:
    site.content.append("out DNAME chain-b.net.")
    site.ask("c2.out A", "c3.out A", "none.out A")


@content
def dname_onto_itself(site: Site) -> None:
    site.content.append("ring DNAME a.ring")
    site.ask("x.ring A")


@content
def dname_that_makes_names_too_long(site: Site) -> None:
    long = ".".join("l" * 60 for _ in range(3))
    site.content.append(f"grow DNAME {long}")
    site.ask(f"{'m' * 60}.grow A")


@content
def dname_without_its_cname(site: Site) -> None:
    site.content.append("bare DNAME to\nz.to A 192.0.2.51")

    def fault(query: Query, response: Response) -> Response:
        response.record.rr = [rr for rr in response.record.rr if rr.rtype == RRType.DNAME]
        return response

    _everywhere(site, fault, name=f"bare.{site.origin}")
    site.ask("z.bare A")


def _soa(change: Callable[[Site], str]) -> Callable[[Site], None]:
    def mistake(site: Site) -> None:
        text = change(site)

        def fault(query: Query, response: Response) -> Response:
            if any(rr.rtype == RRType.SOA for rr in response.record.auth):
                response.record.auth = list(records(text)) if text else []
            return response

        _everywhere(site, fault)

    return mistake


_TIMES = "1 7200 900 1209600 300"
for _name, _change in {
    "denials_without_soa": lambda site: "",
    "denials_with_the_soa_of_the_parent": lambda site: (
        f"{site.parent} 300 SOA ns.{site.parent} h.{site.parent} {_TIMES}"
    ),
    "denials_with_the_soa_of_a_stranger": lambda site: (
        f"stranger.org. 300 SOA ns.stranger.org. h.stranger.org. {_TIMES}"
    ),
    "denials_with_two_soas": lambda site: (
        f"{site.origin} 300 SOA ns.a. h.a. {_TIMES}\n{site.origin} 300 SOA ns.b. h.b. {_TIMES}"
    ),
    "denials_with_the_soa_of_a_name_below": lambda site: (
        f"below.{site.origin} 300 SOA ns.a. h.a. {_TIMES}"
    ),
}.items():
    CATALOGUE[_name] = ("content", _soa(_change))


@content
def denials_with_name_servers_instead_of_soa(site: Site) -> None:
    """RFC 2308 section 2.2 type 3 with an NS set: looks like a referral to itself."""

    def fault(query: Query, response: Response) -> Response:
        if any(rr.rtype == RRType.SOA for rr in response.record.auth) and query.zone is not None:
            response.record.auth = list(query.zone.rrset(query.zone.origin, RRType.NS))
        return response

    _everywhere(site, fault)


@content
def nxdomain_with_an_answer(site: Site) -> None:
    def fault(query: Query, response: Response) -> Response:
        response.record.header.rcode = int(Rcode.NXDOMAIN)
        return response

    site.content.append("odd A 192.0.2.60")
    _everywhere(site, fault, name=f"odd.{site.origin}")
    site.ask("odd A")


@content
def nxdomain_for_a_missing_type(site: Site) -> None:
    """What some load balancers say to AAAA."""

    def fault(query: Query, response: Response) -> Response:
        response.record.header.rcode = int(Rcode.NXDOMAIN)
        return response

    site.content.append("lb A 192.0.2.61")
    _everywhere(site, fault, name=f"lb.{site.origin}", rrtype="AAAA")
    site.ask("lb AAAA", "lb A")


@content
def strange_records_in_the_additional_section(site: Site) -> None:
    _say(site, additional="www.victim.com. 3600 A 203.0.113.66", name=f"www.{site.origin}")
    site.questions.append("www.victim.com. A")


@content
def strange_records_in_the_authority_section(site: Site) -> None:
    _say(site, authority="com. 3600 NS ns.evil.org.", name=f"www.{site.origin}")
    site.questions.append("www.victim.com. A")


@content
def strange_records_in_the_answer(site: Site) -> None:
    _say(site, answer="www.victim.com. 3600 A 203.0.113.66", name=f"www.{site.origin}")
    site.questions.append("www.victim.com. A")


@content
def target_outside_the_zone_in_the_answer(site: Site) -> None:
    """An alias to another zone, and a false address for it."""
    site.content.append("jump CNAME www.victim.com.")
    _say(site, answer="www.victim.com. 3600 A 203.0.113.66", name=f"jump.{site.origin}")
    site.ask("jump A")
    site.questions.append("www.victim.com. A")


@content
def ttl_of_zero(site: Site) -> None:
    site.content.append("quick 0 A 192.0.2.70\nslow 0 CNAME quick")
    site.ask("quick A", "quick A", "slow A")


@content
def ttl_with_the_top_bit_set(site: Site) -> None:
    site.content.append("top 2147483648 A 192.0.2.71")
    site.ask("top A", "top A")


@content
def different_ttls_in_a_set(site: Site) -> None:
    site.content.append("mixed 60 A 192.0.2.72\nmixed 600 A 192.0.2.73")
    site.ask("mixed A")


@content
def empty_answers(site: Site) -> None:
    """NOERROR, AA, and nothing at all, for a name that is there."""

    def fault(query: Query, response: Response) -> Response:
        response.record.rr, response.record.auth, response.record.ar = [], [], []
        return response

    site.content.append("void A 192.0.2.74")
    _everywhere(site, fault, name=f"void.{site.origin}")
    site.ask("void A")


@content
def a_set_that_needs_tcp(site: Site) -> None:
    site.content += [f"large A 10.0.{i >> 4}.{i & 15}" for i in range(90)]
    site.ask("large A")


@content
def a_set_of_hundreds(site: Site) -> None:
    site.content += [f"huge A 10.1.{i >> 6}.{i & 63}" for i in range(400)]
    site.ask("huge A")


@content
def delegation_of_a_name_to_nowhere(site: Site) -> None:
    site.content.append("sub NS ns.nowhere-at-all.org.")
    site.ask("www.sub A", "sub NS")


@content
def delegation_below_to_a_lame_server(site: Site) -> None:
    site.content.append(f"sub NS ns.sub\nns.sub A {site.ground.tld_servers('org.')[0]}")
    site.ask("www.sub A")


@content
def wildcards(site: Site) -> None:
    """No mistake, but often one: RFC 4592."""
    site.content.append("*.w A 192.0.2.80\nhost.w TXT x\nbelow.ent.w A 192.0.2.81")
    site.ask("any.w A", "host.w A", "ent.w A", "x.ent.w A", "*.w A", "any.w MX")


@content
def wildcard_alias(site: Site) -> None:
    site.content.append("*.wc CNAME www")
    site.ask("any.wc A", "any.wc MX", "any.wc CNAME")


@content
def unknown_types(site: Site) -> None:
    site.content.append("odd TYPE65400 \\# 4 01020304")
    site.ask("odd TYPE65400", "odd TYPE65401")


@content
def address_of_the_wrong_length(site: Site) -> None:
    """RDATA of an A record with five octets."""

    def fault(query: Query, response: Response) -> Response:
        response.record.rr = [
            dnslib.RR(rr.rname, rr.rtype, 1, rr.ttl, dnslib.RD(b"\x0a\0\0\x01\x02"))
            for rr in response.record.rr
        ]
        return response

    site.content.append("long A 192.0.2.90")
    _everywhere(site, fault, name=f"long.{site.origin}")
    site.ask("long A")


@content
def octets_behind_the_message(site: Site) -> None:
    def fault(query: Query, response: Response) -> Response:
        response.packet = pack(query, response) + b"more"
        return response

    site.content.append("behind A 192.0.2.91")
    _everywhere(site, fault, name=f"behind.{site.origin}")
    site.ask("behind A")


@content
def names_with_odd_octets(site: Site) -> None:
    site.content.append("under_score A 192.0.2.92\n-dash- A 192.0.2.93\na.*.b A 192.0.2.94")
    site.ask("under_score A", "-dash- A", "a.*.b A")


@content
def deep_empty_names(site: Site) -> None:
    site.content.append("a.b.c.d.e.f A 192.0.2.95")
    site.ask("c.d.e.f A", "a.b.c.d.e.f A", "x.c.d.e.f A")


@content
def a_zone_below_on_the_same_servers(site: Site) -> None:
    """Parent and child on one server: no referral is ever seen."""
    origin = f"kid.{site.origin}"
    ns = site.servers[-1]
    site.content.append(f"kid NS {ns.name}")

    def act() -> None:
        for server in site.servers:
            if server.serves:
                text = zone(origin, f"@ NS {ns.name}\nwww A 192.0.2.96")
                site.net.host(origin, server.address, text)

    site.after.append(act)
    site.ask("www.kid A", "kid NS", "kid SOA", "none.kid A")
