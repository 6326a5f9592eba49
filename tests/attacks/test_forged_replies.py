"""Somebody who knows the port and is faster than the true server, on real sockets."""

from collections.abc import Callable
from pathlib import Path

import dnslib
import pytest
from rig import OTHER, ROOT, TLD, client, server

from resolver.app.server import Server
from resolver.cache.servers import Server as ServerRecord
from resolver.codes import Rcode
from resolver.model import Address
from resolver.testing import Internet, zone
from resolver.testing.messages import Query, Response, start_response

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

RACES = 100
GUESSES = 50
TRUE = [bytes((192, 0, 2, i)) for i in range(RACES)]


def hierarchy() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", TLD)
    hosts = "\n".join(f"h{i} A 192.0.2.{i}" for i in range(RACES))
    net.host("other.com.", OTHER, zone("other.com.", hosts))
    return net


def record_of(made: Server, address: str) -> ServerRecord:
    """What the resolver thinks of the true server."""
    assert made.recursion is not None
    port = made.config.outgoing.port
    return made.recursion.servers.at(Address(address, port), made.clock.now())


async def race(made: Server) -> list[bytes]:
    """The answers to RACES names that are not cached."""
    with client(made.addresses[0]) as user:
        replies = [await user.ask(f"h{i}.other.com.", i) for i in range(RACES)]
    assert all(reply.rcode == Rcode.NOERROR for reply in replies)
    return [rdata for reply in replies for rrset in reply.answer for rdata in rrset.rdatas]


async def test_wrong_ids_poison_nothing_and_the_first_one_moves_to_tcp(tmp_path: Path) -> None:
    net = hierarchy()
    async with server(net, tmp_path, recursion={"qname_minimisation": "off"}) as made:
        with client(made.addresses[0]) as user:
            await user.ask("nothing.other.com.")
        net.forge(OTHER, "forged.com. 300 A 203.0.113.66", guesses=GUESSES, over="udp")
        asked_before = made.metrics.upstream_queries_total
        assert await race(made) == TRUE
        metrics = made.metrics
        # On a busy machine the true server may be slow to answer, and be asked again.
        slow = metrics.upstream_timeouts_total
        # For each name one query over UDP and the same over TCP; the rest of the guesses comes to a
        # port that is closed.
        asked = metrics.upstream_queries_total - asked_before
        assert 2 * RACES <= asked <= 2 * (RACES + slow)
        assert RACES <= metrics.upstream_mismatched_total == metrics.upstream_tcp_total
        assert RACES <= net.count(OTHER, stream=True) <= RACES + slow
        true = record_of(made, OTHER.replace("198", "127"))
        assert true.srtt_s is not None
        # Whom somebody pretends to be is none the worse for it.
        assert true.timeouts <= slow
        assert true.no_edns_until == true.no_case_until == true.rest_until == 0.0


def is_a_query(response: Response) -> None:
    response.record.header.qr = 0


def has_another_name(response: Response) -> None:
    asked = response.record.q
    name = dnslib.DNSLabel((b"another", *asked.qname.label[1:]))
    response.record.questions = [dnslib.DNSQuestion(name, asked.qtype, asked.qclass)]


def has_another_type(response: Response) -> None:
    response.record.q.qtype = 28


def has_another_class(response: Response) -> None:
    response.record.q.qclass = 3


def has_no_question(response: Response) -> None:
    response.record.questions = []


@pytest.mark.parametrize(
    "spoil",
    [is_a_query, has_another_name, has_another_type, has_another_class, has_no_question],
)
async def test_what_does_not_match_the_question_is_ignored_and_counted(
    tmp_path: Path, spoil: Callable[[Response], None]
) -> None:
    """With the right id, from the right address and port."""
    net = hierarchy()

    def forge(query: Query, response: Response) -> list[Response]:
        forgery = start_response(query)
        forgery.record.header.aa = 1
        forgery.record.add_answer(
            dnslib.RR(query.record.q.qname, 1, ttl=300, rdata=dnslib.A("203.0.113.66"))
        )
        spoil(forgery)
        return [forgery, response]

    async with server(net, tmp_path, recursion={"qname_minimisation": "off"}) as made:
        with client(made.addresses[0]) as user:
            await user.ask("nothing.other.com.")
        net.fault(OTHER, forge)
        assert await race(made) == TRUE
        assert made.metrics.upstream_mismatched_total == RACES
        assert made.metrics.upstream_tcp_total == 0


async def test_the_wrong_case_is_believed_of_nobody(tmp_path: Path) -> None:
    """Whoever guesses port and id, but not the case of a name of 26 letters."""
    net = hierarchy()
    long = "a-name-that-has-many-letters.other.com."

    def forge(query: Query, response: Response) -> list[Response]:
        forgery = start_response(query)
        forgery.keep_case = False
        forgery.record.header.aa = 1
        forgery.record.add_answer(
            dnslib.RR(query.record.q.qname, 1, ttl=300, rdata=dnslib.A("203.0.113.66"))
        )
        return [forgery, response]

    net.fault(OTHER, forge, over="udp")
    async with server(net, tmp_path) as made:
        with client(made.addresses[0]) as user:
            reply = await user.ask(long)
        assert reply.rcode == Rcode.NXDOMAIN
        assert made.metrics.upstream_mismatched_total > 0
        assert made.metrics.upstream_tcp_total > 0
