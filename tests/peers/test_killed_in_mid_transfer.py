"""Either server of a transfer ends at an exact octet of it, on both sides of every peer.

The version held before goes on being served, whole; the new one comes when both are there again.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import peer_servers
import pytest
from primary_peers import primary
from relay import Relay, relay
from served import Served
from transfer_peers import LOOPBACK, PEERS, Wanted, contents, launched, notify, serial, wait_for

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

ZONE = "halfway.test"
RECORDS = 10_000
# Somewhere in the middle of a quarter of a megabyte.
HELD_AFTER_OCTETS = 100_000


def version(number: int) -> str:
    """No record but the NS is that of another version, so each transfer is a long one."""
    many = "".join(f"n{i} A 10.{number}.{i >> 8}.{i & 255}\n" for i in range(RECORDS))
    return (
        f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns.elsewhere.test. host {number} 7200 900 1209600 600\n"
        f"@ NS ns.elsewhere.test.\n{many}"
    )


def is_whole(port: int, number: int) -> bool:
    """Whether the zone is that version, as transfers out and single answers have it."""
    lines = contents(port, f"{ZONE}.")
    addresses = [line.split()[4] for line in lines if line.split()[3] == "A"]
    return (
        serial(port, ZONE) == number
        and len(lines) == RECORDS + 2
        and len(addresses) == RECORDS
        and all(address.startswith(f"10.{number}.") for address in addresses)
    )


@contextmanager
def ours_as_secondary(directory: Path, through: Relay, port: int) -> Iterator[Served]:
    config = (
        f'[secondary]\nmin_retry = 0.5\n[[zone]]\nname = "{ZONE}"\nrole = "secondary"\n'
        f'primaries = ["{LOOPBACK}:{through.port}"]\ntransfer = ["localhost"]\n'
    )
    server = Served(directory, config, port=port)
    try:
        server.start()
        yield server
        assert "Traceback" not in server.log
    finally:
        server.kill()


@pytest.mark.parametrize("victim", ["primary", "secondary"])
@pytest.mark.parametrize("peer", PEERS)
def test_our_secondary_keeps_what_it_had(peer: str, victim: str, tmp_path: Path) -> None:
    port = peer_servers.free_port()
    theirs = primary(peer, tmp_path / peer, ZONE, port, None)
    theirs.publish(version(1))
    with (
        relay(theirs.port) as through,
        theirs.running(),
        ours_as_secondary(tmp_path / "ours", through, port) as ours,
    ):
        wait_for(lambda: serial(port, ZONE) == 1)
        through.hold_after(HELD_AFTER_OCTETS)
        theirs.publish(version(2))
        wait_for(through.held.is_set)
        if victim == "secondary":
            ours.kill()
            ours.start()
            assert is_whole(port, 1)
            through.let_go()
            wait_for(lambda: serial(port, ZONE) == 2)
            assert is_whole(port, 2)
            return
        theirs.kill()
        wait_for(lambda: "broken off" in ours.log)
        assert is_whole(port, 1)
        through.let_go()
        theirs.process = None
        theirs.publish(version(3))
        with theirs.running():
            wait_for(lambda: serial(port, ZONE) == 3)
            assert is_whole(port, 3)


@pytest.mark.parametrize("victim", ["primary", "secondary"])
@pytest.mark.parametrize("peer", PEERS)
def test_their_secondary_gets_it_from_ours_afterwards(
    peer: str, victim: str, tmp_path: Path
) -> None:
    ours_in, theirs_in = tmp_path / "ours", tmp_path / peer
    for directory in (ours_in, theirs_in):
        directory.mkdir()
    file = ours_in / "halfway.zone"
    file.write_text(version(1))
    config = f'[[zone]]\nname = "{ZONE}"\nfile = "{file.name}"\ntransfer = ["localhost"]\n'
    ours = Served(ours_in, config)
    ours.start()
    wanted = [Wanted(ZONE)]
    try:
        with relay(ours.port) as through:
            with launched(peer, theirs_in, through.port, wanted) as (process, port):
                wait_for(lambda: serial(port, ZONE) == 1)
                through.hold_after(HELD_AFTER_OCTETS)
                file.write_text(version(2))
                ours.signal(signal.SIGHUP)
                wait_for(lambda: serial(ours.port, ZONE) == 2)
                notify(port, ZONE)
                wait_for(through.held.is_set)
                if victim == "primary":
                    ours.kill()
                    assert is_whole(port, 1)
                    through.let_go()
                    ours.start()
                    wait_for(lambda: notify(port, ZONE) or serial(port, ZONE) == 2)
                    assert is_whole(port, 2)
                    return
                process.kill()
                process.wait()
            through.let_go()
            with launched(peer, theirs_in, through.port, wanted) as (_, port):
                wait_for(lambda: serial(port, ZONE) is not None)
                wait_for(lambda: notify(port, ZONE) or serial(port, ZONE) == 2)
                assert is_whole(port, 2)
        assert "Traceback" not in ours.log
    finally:
        ours.kill()
