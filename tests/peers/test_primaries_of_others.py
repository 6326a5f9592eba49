"""Rootward as secondary of BIND, NSD and Knot DNS: all of them processes of their own."""

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.query
import dns.tsigkeyring
import dns.zone
import peer_servers
import pytest
from primary_peers import PeerPrimary, primary
from transfer_peers import LOOPBACK, PEERS, Secret, child, serial, wait_for

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

ZONE = "moving.test"
SECRET = Secret("k256", "hmac-sha256", base64.b64encode(b"32 octets" * 4).decode())
STEADY = "".join(f"steady{i} A 192.0.2.{i}\n" for i in range(250))
# Across both places where serials are delicate (RFC 1982): half the circle, and its end.
SERIALS = (1, 2, 3, 2147483650, 4294967295, 4)


def version(number: int) -> str:
    """Each version has some names for itself, changes an RRset and a TTL, and keeps the rest."""
    own = "".join(f"v{number}-{i} TXT {'x' * 90}\n" for i in range(20))
    return (
        f"$ORIGIN {ZONE}.\n$TTL 300\n"
        f"@ SOA ns.elsewhere.test. Host {number} 7200 900 1209600 600\n"
        f"@ NS ns.elsewhere.test.\nturn A 192.0.2.{number % 199}\nturn A 192.0.2.200\n"
        f"ttl {60 + number % 99} A 192.0.2.1\nMail MX 10 v{number}-1\n"
        f"sub NS ns.sub\nns.sub A 192.0.2.53\n*.wild TXT {number}\n{own}{STEADY}"
    )


@contextmanager
def rootward(directory: Path, port: int, primary: int, secret: Secret | None) -> Iterator[Path]:
    """A secondary that lets loopback transfer what it has; its log."""
    directory.mkdir(exist_ok=True)
    peer = f'"{LOOPBACK}:{primary}"'
    config = (
        f'[server]\nlisten = ["{LOOPBACK}:{port}"]\nstate_dir = "state"\n'
        "[recursion]\nenabled = false\n[secondary]\nmin_retry = 0.5\n"
    )
    if secret:
        peer = f'{{ address = {peer}, key = "{secret.name}" }}'
        key_file = directory / "the.key"
        key_file.touch(mode=0o600)
        key_file.write_text(secret.base64)
        config += f'[[key]]\nname = "{secret.name}"\nsecret_file = "the.key"\n'
    config += (
        f'[[zone]]\nname = "{ZONE}"\nrole = "secondary"\nprimaries = [{peer}]\n'
        'transfer = ["localhost"]\n'
    )
    file, log = directory / "config.toml", directory / "rootward.log"
    file.write_text(config)
    command = [sys.executable, "-m", "resolver", "run", "--config", str(file)]
    with child(command, log) as process:
        wait_for(lambda: "\nready: " in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        yield log


def records(port: int, secret: Secret | None = None) -> set[tuple[str, int, str]]:
    """Every record of a server's zone, by transfer."""
    keys = dns.tsigkeyring.from_text({secret.name: secret.base64}) if secret else None
    zone = dns.zone.Zone(f"{ZONE}.", relativize=False)
    query = dns.query.xfr(
        LOOPBACK,
        f"{ZONE}.",
        port=port,
        keyring=keys,
        keyalgorithm=secret.algorithm if secret else "hmac-sha256",
        relativize=False,
        lifetime=20,
    )
    zone = dns.zone.from_xfr(query, relativize=False)
    return {
        (name.to_text().lower(), ttl, f"{rdata.rdtype} {rdata.to_text().lower()}")
        for name, ttl, rdata in zone.iterate_rdatas()
    }


@pytest.mark.parametrize("secret", [None, SECRET], ids=["plain", "signed"])
@pytest.mark.parametrize("peer", PEERS)
def test_zone_follows_its_primary(peer: str, secret: Secret | None, tmp_path: Path) -> None:
    """First whole, then by differences, each brought by a NOTIFY."""
    port = peer_servers.free_port()
    theirs = primary(peer, tmp_path / peer, ZONE, port, secret)
    first, *others = SERIALS
    theirs.publish(version(first))
    with theirs.running(), rootward(tmp_path / "ours", port, theirs.port, secret) as log:
        wait_for(lambda: serial(port, ZONE) == first)
        assert records(port) == records(theirs.port, secret)
        for number in others:
            theirs.publish(version(number))
            wait_for(lambda wanted=number: serial(theirs.port, ZONE) == wanted)
            # By NOTIFY: the next refresh would be in two hours.
            wait_for(lambda wanted=number: serial(port, ZONE) == wanted)
            assert records(port) == records(theirs.port, secret)
        text = log.read_text()
    # A journal of BIND's cannot hold more than half the circle of serials, so there the last change
    # comes whole.
    assert text.count("by IXFR") >= len(others) - (peer == "bind")
    assert text.count("by IXFR") + text.count("by AXFR") == len(SERIALS)
    assert "Traceback" not in text


@pytest.mark.parametrize("peer", PEERS)
def test_wrong_key_gets_nothing(peer: str, tmp_path: Path) -> None:
    port = peer_servers.free_port()
    theirs = primary(peer, tmp_path / peer, ZONE, port, SECRET)
    theirs.publish(version(1))
    wrong = SECRET._replace(base64=base64.b64encode(b"another secret of 32 octets long").decode())
    with theirs.running(), rootward(tmp_path / "ours", port, theirs.port, wrong) as log:
        wait_for(lambda: "no primary of use" in log.read_text())
        assert serial(port, ZONE) is None
    assert "TSIG: " in log.read_text()


@pytest.mark.parametrize("peer", PEERS)
def test_either_side_may_be_killed_in_the_middle_of_it(peer: str, tmp_path: Path) -> None:
    """What is served is a version of the primary's, and in the end the newest."""
    port = peer_servers.free_port()
    theirs = primary(peer, tmp_path / peer, ZONE, port, None)
    many = "".join(f"n{i} A 10.0.{i >> 8}.{i & 255}\n" for i in range(20_000))
    ours = tmp_path / "ours"
    theirs.publish(version(1) + many)
    with theirs.running():
        with rootward(ours, port, theirs.port, None) as log:
            wait_for(lambda: serial(port, ZONE) == 1)
            # The whole zone is another one, so this is a long transfer.
            theirs.publish(version(2) + many.replace(" A 10", " A 11"))
            wait_for(lambda: serial(theirs.port, ZONE) == 2)
            theirs.kill()
            assert serial(port, ZONE) in (1, 2)
        with rootward(ours, port, theirs.port, None) as log:
            assert serial(port, ZONE) in (1, 2)
            _restarted(theirs, port, many, log)


def _restarted(theirs: PeerPrimary, port: int, many: str, log: Path) -> None:
    theirs.process = None
    theirs.publish(version(3) + many)
    with theirs.running():
        wait_for(lambda: serial(port, ZONE) == 3)
        assert records(port) == records(theirs.port)
    assert "Traceback" not in log.read_text()
