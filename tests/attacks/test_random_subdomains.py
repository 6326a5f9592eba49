"""Random names below a zone whose servers are slow or silent (water torture), on real sockets.

What is counted are fetches and packets; nothing is timed.
"""

from pathlib import Path

import pytest
from rig import OTHER, ROOT, TLD, VICTIM, Client, client, query, server, until

from resolver import Server
from resolver.codes import Rcode
from resolver.config.schema import RecursionSettings
from resolver.testing import Internet, zone
from resolver.wire.edns import extended_errors

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(120)]

FLOOD = 2000
MOST = RecursionSettings().max_fetches_per_zone


def hierarchy() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", TLD)
    net.host("victim.com.", VICTIM, zone("victim.com.", "www A 192.0.2.1"))
    hosts = "\n".join(f"h{i} A 192.0.2.{i}" for i in range(100))
    net.host("other.com.", OTHER, zone("other.com.", hosts))
    return net


def flood(count: int = FLOOD) -> list[bytes]:
    return [query(f"r{i}.victim.com.", i) for i in range(count)]


def ended(server: Server, asker: Client) -> int:
    """How many questions have come to an end: a reply, or none because one asks for too much."""
    return len(asker.replies) + server.metrics.dropped_total


async def test_a_zone_whose_servers_are_silent_takes_no_more_than_its_share(tmp_path: Path) -> None:
    net = hierarchy()
    net.dead(VICTIM)
    settings = {"server": {"waiting_per_network": 5000}, "recursion": {"max_time": 3.0}}
    async with server(net, tmp_path, **settings) as made:
        at = made.addresses[0]
        with client(at) as attacker, client(at, "127.0.1.1") as user:
            assert (await user.ask("h0.other.com.")).rcode == Rcode.NOERROR
            # The delegation of the zone must be known, or all of them wait for it.
            await attacker.flood(flood(1))
            await until(lambda: net.count(VICTIM) > 0)
            await attacker.flood(flood()[1:])
            await until(lambda: made.metrics.queries_udp_total >= FLOOD + 1)
            driver = made.driver
            assert driver is not None
            assert made.recursion.iterator.quota.under_way[b"\6victim\3com\0"] == MOST
            assert driver.outbound.in_flight <= MOST
            # Whoever is over the limit is told at once, as far as such a crowd is listened to.
            await until(lambda: ended(made, attacker) >= FLOOD - MOST)
            assert {r.rcode for r in attacker.replies.values()} == {Rcode.SERVFAIL}
            # What is cached, and other names that are not, are answered all the while.
            for i in range(100):
                reply = await user.ask(f"h{i}.other.com.", i)
                assert reply.answer[0].rdatas == (bytes((192, 0, 2, i)),)
            assert made.recursion.iterator.quota.under_way[b"\6victim\3com\0"] <= MOST
        await until(lambda: driver.jobs == 0)
        assert made.recursion.iterator.quota.under_way == {}
        assert driver.outbound.in_flight == 0
        assert made.metrics.exceptions_total == 0


async def test_the_reason_names_zone_and_limit(tmp_path: Path) -> None:
    net = hierarchy()
    net.dead(VICTIM)
    async with server(net, tmp_path) as made:
        with client(made.addresses[0]) as attacker:
            await attacker.flood(flood(1))
            await until(lambda: net.count(VICTIM) > 0)
            await attacker.flood(flood(300)[1:])
            await until(lambda: ended(made, attacker) >= 300 - MOST)
            with_edns = query("one.more.victim.com.", 9)
            attacker.send(with_edns[:11] + b"\1" + with_edns[12:] + b"\0\0\x29\4\xd0" + bytes(6))
            await until(lambda: 9 in attacker.replies and attacker.replies[9].edns is not None)
            (error,) = extended_errors(attacker.replies[9].edns)
    assert "victim.com." in error.text
    assert str(MOST) in error.text


async def test_a_zone_that_answers_slowly_is_asked_once_for_each_name(tmp_path: Path) -> None:
    net = hierarchy()
    net.delay(VICTIM, 0.05)
    async with server(net, tmp_path) as made:
        with client(made.addresses[0]) as attacker:
            await attacker.flood(flood(1))
            await until(lambda: net.count(VICTIM) > 0)
            await attacker.flood(flood(500)[1:])
            await until(lambda: ended(made, attacker) >= 500)
            denied = sum(r.rcode == Rcode.NXDOMAIN for r in attacker.replies.values())
            busy = sum(r.rcode == Rcode.SERVFAIL for r in attacker.replies.values())
        assert denied + busy == len(attacker.replies)
        assert denied >= MOST - 1
        assert net.count(VICTIM) <= denied + 5
