"""Servers are asked from the addresses that the operator has chosen, for each family (R32)."""

import socket
from pathlib import Path

import dns.message
import dns.query
import pytest
from resolver_process import resolver_process

pytestmark = [pytest.mark.loopback, pytest.mark.slow, pytest.mark.timeout(60)]

SOURCES = ("127.0.1.33", "127.0.1.34")

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "{directory}"

[recursion]
root_hints = "root.hints"
do_not_query = []
priming = false
max_time = "1s"

[outgoing]
port = {port}
source = [{sources}]

[cache]
snapshot = false

[control]
socket = ""
"""


def run_and_watch(directory: Path, address: str, sources: tuple[str, ...]) -> set[str]:
    """Where the queries of a resolver come from whose root server is at `address`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    root = socket.socket(family, socket.SOCK_DGRAM)
    root.bind((address, 0))
    root.settimeout(5)
    port = root.getsockname()[1]
    rrtype = "AAAA" if ":" in address else "A"
    hints = f". 3600 NS a.root.\na.root. 3600 {rrtype} {address}\n"
    (directory / "root.hints").write_text(hints)
    quoted = ", ".join(f'"{source}"' for source in sources)
    config = CONFIG.format(directory=directory, port=port, sources=quoted)
    peers = set()
    with resolver_process(directory, config) as resolver, root:
        for i in range(12):
            query = dns.message.make_query(f"x{i}.", "A")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(query.to_wire(), tuple(resolver))
                packet, peer = root.recvfrom(4096)
                peers.add(peer[0])
                reply = dns.message.make_response(dns.message.from_wire(packet))
                reply.set_rcode(3)
                root.sendto(reply.to_wire(), peer)
    return peers


def test_ipv4_queries_come_from_the_addresses_given(tmp_path: Path):
    peers = run_and_watch(tmp_path, "127.0.1.53", SOURCES)
    assert peers == set(SOURCES)


def test_a_family_without_an_address_of_its_own_is_left_to_the_system(tmp_path: Path):
    peers = run_and_watch(tmp_path, "127.0.1.53", ("::1",))
    assert peers == {"127.0.0.1"}


def test_ipv6_queries_come_from_the_address_given(tmp_path: Path):
    assert run_and_watch(tmp_path, "::1", ("::1", "127.0.1.33")) == {"::1"}
