"""Rootward as primary of BIND, NSD and Knot DNS: a process of its own, real secondaries, dig."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from transfer_peers import (
    PEERS,
    Secret,
    Wanted,
    contents,
    dig,
    launched,
    rootward,
    secondary,
    serial,
    wait_for,
)

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

SHA256 = Secret(
    "k256", "hmac-sha256", base64.b64encode(b"a secret of 32 octets, more less").decode()
)
SHA512 = Secret("k512", "hmac-sha512", base64.b64encode(bytes(range(64))).decode())
UNUSED = Secret("unused", "hmac-sha256", base64.b64encode(bytes(32)).decode())
OPEN = "open.test"
SIGNED = "signed.test"
SIGNED_512 = "signed512.test"
CLOSED = "closed.test"

CONFIG = """
[recursion]
enabled = false
[[key]]
name = "k256"
secret_file = "k256.key"
[[key]]
name = "k512"
algorithm = "hmac-sha512"
secret_file = "k512.key"
[[key]]
name = "short"
secret_file = "k256.key"
mac_octets = 16
[[zone]]
name = "open.test"
file = "some.zone"
transfer = ["127.0.0.1"]
[[zone]]
name = "signed.test"
file = "some.zone"
transfer = ["key:k256", "key:short"]
[[zone]]
name = "signed512.test"
file = "some.zone"
transfer = ["key:k512"]
[[zone]]
name = "closed.test"
file = "some.zone"
"""

ZONE = """$TTL 300
@ SOA ns1 host 7 7200 900 1209600 600
@ NS ns1
@ NS ns.elsewhere.test.
@ MX 10 Mail
ns1 A 192.0.2.1
Mail AAAA 2001:db8::25
a.deep.ent TXT "one" "two"
*.wild A 192.0.2.99
sub NS ns.sub
ns.sub A 192.0.2.53
alias CNAME www
www A 192.0.2.80
_sip._tcp SRV 0 0 5060 www
d DNAME elsewhere.test.
odd TYPE65280 \\# 3 010203
"""
MORE = "".join(f"h{i} A 10.0.{i >> 8}.{i & 255}\nt{i} TXT {'x' * 90}\n" for i in range(1500))


def write_keys(directory: Path) -> None:
    for secret in (SHA256, SHA512):
        file = directory / f"{secret.name}.key"
        file.touch(0o600)
        if secret is SHA256:
            file.write_text(secret.base64)
        else:
            file.write_text(
                f'key "{secret.name}" {{ algorithm {secret.algorithm};'
                f' secret "{secret.base64}"; }};\n'
            )


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("rootward")
    write_keys(directory)
    (directory / "some.zone").write_text(ZONE + MORE)
    with rootward(directory, CONFIG) as port:
        yield port


def sign(secret: Secret) -> list[str]:
    return ["-y", f"{secret.algorithm}:{secret.name}:{secret.base64}"]


@pytest.mark.parametrize("peer", PEERS)
def test_secondary_has_the_same_zones(peer: str, primary: int, tmp_path: Path) -> None:
    zones = [Wanted(OPEN), Wanted(SIGNED, SHA256), Wanted(SIGNED_512, SHA512)]
    with secondary(peer, tmp_path, primary, zones) as port:
        for zone in zones:
            ours = contents(primary, zone.name, *(sign(zone.secret) if zone.secret else []))
            assert len(ours) == 3015
            theirs = contents(port, zone.name)
            if peer != "bind":
                # They keep owners in lower case.
                ours, theirs = ([line.lower() for line in lines] for lines in (ours, theirs))
            assert sorted(theirs) == sorted(ours)


@pytest.mark.parametrize("peer", PEERS)
def test_secondary_without_the_key_gets_nothing(peer: str, primary: int, tmp_path: Path) -> None:
    zones = [Wanted(SIGNED), Wanted(SIGNED_512, UNUSED), Wanted(CLOSED, SHA256)]
    with launched(peer, tmp_path, primary, zones) as (_, port):
        log = tmp_path / f"{peer}.log"
        wait_for(lambda: len(refused(log.read_text())) == len(zones))
        assert [serial(port, zone.name) for zone in zones] == [None] * 3


def refused(log: str) -> set[str]:
    """The zones that a secondary complains about in one line with a refusal."""
    words = ("refused", "notauth", "badkey", "not auth", "tsig")
    complaints = [line for line in log.lower().splitlines() if any(word in line for word in words)]
    return {zone for zone in (SIGNED, SIGNED_512, CLOSED) if any(zone in c for c in complaints)}


# dig


@pytest.mark.parametrize("secret", [SHA256, SHA512])
def test_dig_verifies_a_signed_transfer(secret: Secret, primary: int) -> None:
    zone = SIGNED if secret is SHA256 else SIGNED_512
    text = dig(primary, *sign(secret), "AXFR", zone)
    assert "XFR size: 3016 records" in text
    assert "could not be validated" not in text
    assert text.count("TSIG") > 5  # one for each message


def test_dig_may_shorten_its_macs_if_the_key_says_so(primary: int) -> None:
    """BIND's hmac-sha256-128 is hmac-sha256 of which 16 octets go (RFC 8945 section 5.2.2.1)."""
    text = dig(primary, "-y", f"hmac-sha256-128:short:{SHA256.base64}", "AXFR", SIGNED)
    assert "XFR size: 3016 records" in text
    assert "could not be validated" not in text
    assert " 300 16 " in text


def test_dig_gets_ixfr_as_a_whole_zone_without_history(primary: int) -> None:
    assert "XFR size: 3016 records" in dig(primary, "IXFR=3", OPEN)
    assert "XFR size: 1 records" in dig(primary, "IXFR=7", OPEN)
    assert "ANSWER: 1," in dig(primary, "+notcp", "IXFR=3", OPEN, "+comments")


@pytest.mark.parametrize("qtype", ["AXFR", "IXFR=1"])
@pytest.mark.parametrize(
    ("words", "zone", "outcome"),
    [
        ([], SIGNED, "REFUSED"),
        ([], CLOSED, "REFUSED"),
        (sign(SHA512), SIGNED, "REFUSED"),
        (["-b", "127.0.0.2"], OPEN, "REFUSED"),
        ([], "elsewhere.test", "NOTAUTH"),
    ],
)
def test_stranger_is_refused(
    words: list[str], zone: str, outcome: str, qtype: str, primary: int
) -> None:
    text = dig(primary, *words, qtype, zone, "+comments")
    assert f"status: {outcome}" in text
    assert "ANSWER: 0" in text


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (f"hmac-sha256:k256:{UNUSED.base64}", "BADSIG"),
        (f"hmac-sha256:nobody:{SHA256.base64}", "BADKEY"),
        (f"hmac-sha512:k256:{SHA256.base64}", "BADKEY"),
        (f"hmac-sha256-128:k256:{SHA256.base64}", "BADTRUNC"),
    ],
)
def test_dig_is_told_what_is_wrong_with_its_key(key: str, error: str, primary: int) -> None:
    text = dig(primary, "-y", key, "SOA", SIGNED)
    assert "status: NOTAUTH" in text
    assert f"{error} 0" in text


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS)
def test_zone_of_a_hundred_thousand_records(peer: str, tmp_path: Path) -> None:
    lines = "".join(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(100_000))
    write_keys(tmp_path)
    (tmp_path / "some.zone").write_text(ZONE + lines)
    config = CONFIG.partition('[[zone]]\nname = "signed512.test"')[0]
    with rootward(tmp_path, config) as primary:
        zones = [Wanted(SIGNED, SHA256)]
        with secondary(peer, tmp_path, primary, zones) as port:
            assert serial(port, SIGNED) == 7
            ours = contents(primary, SIGNED, *sign(SHA256))
            assert len(ours) == 100_015
            theirs = contents(port, SIGNED)
            assert sorted(t.lower() for t in theirs) == sorted(o.lower() for o in ours)
