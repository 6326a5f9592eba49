"""Servers that do what they should not: one of them, or all of a zone's."""

from collections.abc import Callable
from random import Random

import dnslib
from site_building import Catalogue, Site, registered

from resolver.codes import Rcode, RRType
from resolver.testing import Query, Response

CATALOGUE: Catalogue = {}
servers = registered(CATALOGUE, "servers")


def _each(verb: str, *arguments: object, **when: object) -> Callable[[Site, str], None]:
    """A fault of the fake Internet at one server or at all."""

    def mistake(site: Site, address: str) -> None:
        getattr(site.net, verb)(address, *arguments, **when)

    return mistake


def _of_one_and_of_all(name: str, act: Callable[[Site, str], None], *questions: str) -> None:
    for which in ("one", "all"):

        def mistake(site: Site, which: str = which) -> None:
            for address in site.addresses(which):
                act(site, address)
            site.ask(*questions)

        CATALOGUE[f"{name}_{which}"] = ("servers", mistake)


for _name, _act in {
    "dead": _each("dead"),
    "refuses": _each("refuse"),
    "lame_upward": _each("lame", "upward"),
    "lame_empty": _each("lame", "not_aa"),
    "refers_to_itself": _each("loop"),
    "servfail": _each("servfail"),
    "notimp": _each("error", "NOTIMP"),
    "formerr": _each("error", "FORMERR"),
    "formerr_to_edns": _each("no_edns", "FORMERR"),
    "notimp_to_edns": _each("no_edns", "NOTIMP"),
    "header_only_to_edns": _each("no_edns", "header_only"),
    "silent_to_edns": _each("no_edns", "silence"),
    "ignores_edns": _each("no_edns", "ignore"),
    "badvers_to_edns": _each("badvers"),
    "formerr_to_cookies": _each("cookies", "FORMERR"),
    "badcookie_for_ever": _each("cookies", "refuse"),
    "wants_cookies": _each("cookies", "demand"),
    "truncates": _each("truncate"),
    "loses_case": _each("lose_case"),
    "answers_without_aa": _each("no_authority"),
    "sends_another_question": _each("wrong_question"),
    "sends_another_id": _each("wrong_id"),
    "sends_garbage": _each("garbage"),
    "is_slow": _each("delay", 0.7),
    "refuses_aaaa": _each("refuse", rrtype="AAAA"),
    "silent_to_aaaa": _each("lose", rrtype="AAAA"),
    "notimp_to_aaaa": _each("error", "NOTIMP", rrtype="AAAA"),
}.items():
    _of_one_and_of_all(_name, _act)
_of_one_and_of_all("refuses_ns", _each("refuse", rrtype="NS"), "@ NS")


def _broken_tcp(site: Site, address: str) -> None:
    site.net.truncate(address)
    site.net.lose(address, over="tcp")


_of_one_and_of_all("truncates_and_is_silent_over_tcp", _broken_tcp)


def _nxdomain_for_empty(site: Site, address: str) -> None:
    """RFC 8020 section 1 tells of servers that do so."""

    def fault(query: Query, response: Response) -> Response:
        if not response.record.rr and query.zone is not None and len(query.key) > 2:
            response.record.header.rcode = int(Rcode.NXDOMAIN)
        return response

    site.net.fault(address, fault)
    site.content.append("deep.down.there A 192.0.2.9")


_of_one_and_of_all(
    "nxdomain_for_what_is_empty", _nxdomain_for_empty, "deep.down.there A", "down.there A"
)


def _recursive(site: Site, address: str) -> None:
    """Somebody else's cache: no AA, but RA."""

    def fault(query: Query, response: Response) -> Response:
        response.record.header.aa, response.record.header.ra = 0, 1
        return response

    site.net.fault(address, fault)


_of_one_and_of_all("is_a_resolver", _recursive)


def _flags(site: Site, address: str) -> None:
    """RA, AD, Z and RD as it likes."""
    rng = Random(site.origin)

    def fault(query: Query, response: Response) -> Response:
        header = response.record.header
        header.rd, header.ad, header.z = rng.randrange(2), rng.randrange(2), rng.randrange(2)
        return response

    site.net.fault(address, fault)


_of_one_and_of_all("sets_odd_flags", _flags)


def _class_chaos(site: Site, address: str) -> None:
    """Answers in class CH to questions in class IN."""

    def fault(query: Query, response: Response) -> Response:
        response.record.rr = [
            dnslib.RR(rr.rname, rr.rtype, 3, rr.ttl, rr.rdata) for rr in response.record.rr
        ]
        return response

    site.net.fault(address, fault)


_of_one_and_of_all("answers_in_another_class", _class_chaos)


def _two_opts(site: Site, address: str) -> None:
    """RFC 6891 section 6.1.1: FORMERR, if anything."""

    def fault(query: Query, response: Response) -> Response:
        response.record.ar += [rr for rr in response.record.ar if rr.rtype == RRType.OPT]
        return response

    site.net.fault(address, fault)


_of_one_and_of_all("sends_two_opts", _two_opts)


@servers
def one_dead_one_lame(site: Site) -> None:
    """One server of three is left."""
    site.net.dead(site.servers[-2].address)
    site.net.refuse(site.servers[-3].address)


@servers
def every_server_is_broken_in_its_own_way(site: Site) -> None:
    dead, refuses, fails = (s.address for s in site.servers[-3:])
    site.net.dead(dead)
    site.net.refuse(refuses)
    site.net.servfail(fails)
