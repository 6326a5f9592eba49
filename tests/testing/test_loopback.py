"""The fake Internet on real sockets."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import dns.message
import dns.query
import pytest

from resolver.testing import Internet, Loopback, zone
from resolver.testing.loopback import map_addresses

pytestmark = pytest.mark.loopback

ROOT, COM, V6 = "198.51.100.1", "198.51.100.2", "2001:db8::53"


@pytest.fixture
def net() -> Internet:
    made = Internet()
    made.root(".", ROOT)
    big = '" "'.join("x" * 200 for _ in range(20))
    made.host("com.", COM, zone("com.", f'www A 192.0.2.7\nbig TXT "{big}"'))
    made.host("net.", V6, zone("net.", "www A 192.0.2.8"))
    return made


def ask(up: Loopback, server: str, question: str, *, stream: bool = False) -> dns.message.Message:
    query = dns.message.make_query(*question.split())
    send = dns.query.tcp if stream else dns.query.udp
    return send(query, up.address(server), timeout=5, port=up.port)


def test_servers_can_keep_their_addresses():
    net = Internet()
    net.root(".", "127.53.7.1", zone(".", "www A 127.53.7.1"))
    with Loopback(net, moved=False) as up:
        assert up.address("127.53.7.1") == "127.53.7.1"
        assert str(ask(up, "127.53.7.1", "www. A").answer[0][0]) == "127.53.7.1"
        assert "127.53.7.1" in up.hints


def test_udp_and_tcp_answer(net: Internet):
    with Loopback(net) as up:
        for stream in (False, True):
            response = ask(up, COM, "www.com. A", stream=stream)
            assert [str(r[0]) for r in response.answer] == ["192.0.2.7"]
    assert [(seen.server, seen.stream) for seen in net.log] == [(COM, False), (COM, True)]


def test_glue_says_the_loopback_addresses(net: Internet):
    with Loopback(net) as up:
        response = ask(up, ROOT, "www.com. A")
        assert [str(r[0]) for r in response.additional] == [up.address(COM)] == ["127.51.100.2"]


def test_ipv6_servers_move_to_ipv4(net: Internet):
    with Loopback(net) as up:
        glue = ask(up, ROOT, "www.net. A").additional[0]
        assert (glue.rdtype, str(glue[0])) == (1, up.address(V6))
        assert ask(up, V6, "www.net. A").answer


def test_records_added_by_faults_are_moved_too(net: Internet):
    net.spoof(ROOT, f"x. A {COM}")
    with Loopback(net) as up:
        assert up.address(COM) in [str(r[0]) for r in ask(up, ROOT, "x. A").additional]


def test_hints_lead_to_the_root(net: Internet, tmp_path: Path):
    with Loopback(net) as up:
        text = up.write_hints(tmp_path / "hints").read_text()
        assert text.splitlines() == [
            ". 3600000 NS a.root.",
            f"a.root. 3600000 A {up.address(ROOT)}",
        ]


def test_the_tree_is_as_before_afterwards(net: Internet):
    before = net.hints_text
    with Loopback(net):
        assert net.hints_text != before
    assert net.hints_text == before


def test_large_answers_come_over_tcp(net: Internet):
    with Loopback(net) as up:
        assert ask(up, COM, "big.com. TXT").flags & 0x0200
        assert ask(up, COM, "big.com. TXT", stream=True).answer


def test_several_queries_on_one_connection(net: Internet):
    with (
        Loopback(net) as up,
        socket.create_connection((up.address(COM), up.port), timeout=5) as connection,
    ):
        queries = [dns.message.make_query("www.com.", "A", id=i) for i in range(3)]
        wires = [q.to_wire() for q in queries]
        connection.sendall(b"".join(len(w).to_bytes(2, "big") + w for w in wires))
        got = [dns.query.receive_tcp(connection)[0].id for _ in range(3)]
        assert got == [0, 1, 2]


def test_lost_and_delayed_packets(net: Internet):
    net.lose(COM, first=1)
    net.delay(COM, 0.1)
    with Loopback(net) as up:
        query = dns.message.make_query("www.com.", "A")
        with pytest.raises(dns.exception.Timeout):
            dns.query.udp(query, up.address(COM), timeout=0.3, port=up.port)
        sent_at = time.monotonic()
        assert ask(up, COM, "www.com. A").answer
        assert time.monotonic() - sent_at >= 0.1


def test_unreachable_servers_are_not_bound(net: Internet):
    net.unreachable(COM)
    with Loopback(net) as up, pytest.raises(ConnectionRefusedError):
        ask(up, COM, "www.com. A", stream=True)


def test_a_port_may_be_chosen_and_is_free_again(net: Internet):
    with Loopback(net) as up:
        port = up.port
    with Loopback(net, port=port) as up:
        assert up.port == port
        assert ask(up, COM, "www.com. A").answer


def test_junk_does_not_stop_it(net: Internet):
    with Loopback(net) as up:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as junk:
            for packet in (b"", b"x", b"\xff" * 600, bytes(12)):
                junk.sendto(packet, (up.address(COM), up.port))
        with socket.create_connection((up.address(COM), up.port)) as junk:
            junk.sendall(b"\0\0\0\1x\0\5")
        assert ask(up, COM, "www.com. A").answer


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("dig") is None, reason="needs dig")
def test_dig_follows_the_tree(net: Internet):
    with Loopback(net) as up:
        out = subprocess.run(
            ["dig", "-p", str(up.port), f"@{up.address(ROOT)}", "www.com.", "+norec"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    assert "flags: qr;" in out
    assert out.count("127.51.100.2") == 1


def test_every_server_gets_an_address_of_its_own():
    servers = ["198.51.100.2", "203.51.100.2", "10.0.0.1", "2001:db8::1", "2001:db8::2"]
    mapped = map_addresses(servers)
    assert mapped["198.51.100.2"] == "127.51.100.2"
    assert len(set(mapped.values())) == len(servers)
    assert not any(a.startswith("127.0.0.") for a in mapped.values())
