"""IXFR to BIND, NSD and Knot DNS: after a NOTIFY they fetch what changed, and have all of it."""

import base64
from pathlib import Path

import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from publishing import Primary
from transfer_peers import (
    PEERS,
    Secret,
    Wanted,
    contents,
    dig,
    notify,
    secondary,
    serial,
    wait_for,
)

from resolver import names
from resolver.wire.tsig import ALGORITHMS, Key

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

ZONE = "moving.test"
SECRET = Secret("k256", "hmac-sha256", base64.b64encode(b"32 octets" * 4).decode())
KEY = Key(names.read("k256."), ALGORITHMS["hmac-sha256"], b"32 octets" * 4)
STEADY = "".join(f"steady{i} A 192.0.2.{i}\n" for i in range(250))


def version(number: int) -> str:
    """Each version has some names for itself, changes an RRset and a TTL, and keeps the rest."""
    own = "".join(f"v{number}-{i} TXT {'x' * 90}\n" for i in range(20))
    return (
        f"$TTL 300\n@ SOA ns.elsewhere.test. Host {number} 7200 900 1209600 600\n"
        f"@ NS ns.elsewhere.test.\nturn A 192.0.2.{number}\nturn A 192.0.2.200\n"
        f"ttl {60 + number} A 192.0.2.1\nMail MX 10 v{number}-1\n{own}{STEADY}"
    )


@pytest.mark.parametrize("secret", [None, SECRET], ids=["plain", "signed"])
@pytest.mark.parametrize("peer", PEERS)
def test_changes_arrive_as_differences(peer: str, secret: Secret | None, tmp_path: Path) -> None:
    signing = ["-y", f"hmac-sha256:k256:{SECRET.base64}"] if secret else []
    with Primary(f"{ZONE}.", KEY if secret else None).running() as primary:
        primary.publish(version(1))
        with secondary(peer, tmp_path, primary.port, [Wanted(ZONE, secret)]) as port:
            for step in ([2], [3], [4, 5, 6]):
                for number in step:
                    primary.publish(version(number))
                notify(port, ZONE, secret)
                wait_for(lambda wanted=step[-1]: serial(port, ZONE) == wanted)
                ours = [line.lower() for line in contents(primary.port, ZONE, *signing)]
                assert [line.lower() for line in contents(port, ZONE)] == ours
        assert not primary.faults
    kinds = [line.split()[0] for line in primary.transfers if "serial" in line]
    # AXFRs after the first are those of this test.
    assert kinds[0] == "AXFR"
    assert kinds.count("IXFR") == 3
    assert kinds.count("AXFR") == 4


def test_dig_sees_the_sequence_and_applying_it_gives_the_new_zone() -> None:
    with Primary(f"{ZONE}.", None).running() as primary:
        primary.publish(version(1))
        old = zone_of(primary.port)
        primary.publish(version(2))
        primary.publish(version(3))
        text = dig(primary.port, "IXFR=1", ZONE, "+noall", "+answer")
        applied(old, text)
        assert old == zone_of(primary.port)
        assert primary.transfers[-2].startswith("IXFR of moving.test. serial 3")


def zone_of(port: int) -> dns.zone.Zone:
    return dns.zone.from_text("\n".join(contents(port, ZONE)), f"{ZONE}.", relativize=False)


def applied(zone: dns.zone.Zone, text: str) -> None:
    """Change a zone as the records of an IXFR say (RFC 1995 section 4)."""
    lines = [line for line in text.splitlines() if line and not line.startswith(";")]
    records = [
        dns.zone.from_text(line, f"{ZONE}.", relativize=False, check_origin=False) for line in lines
    ]
    soas = [i for i, record in enumerate(records) if is_soa(record)]
    assert soas[0] == 0
    assert soas[-1] == len(records) - 1
    adding = True
    for i, record in enumerate(records[1:-1], 1):
        if i in soas:
            adding = not adding
        with zone.writer() as change:
            for name, rdataset in record.iterate_rdatasets():
                if adding:
                    change.add(name, rdataset)
                else:
                    change.delete_exact(name, rdataset)


def is_soa(record: dns.zone.Zone) -> bool:
    return any(True for _ in record.iterate_rdatasets("SOA"))
