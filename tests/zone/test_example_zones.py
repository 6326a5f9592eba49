"""The zones that come with the server: complete, in step with each other, readable by others."""

import ipaddress
import shutil
import subprocess
from pathlib import Path

import pytest
from reading import records

from resolver import names
from resolver.codes import RRType
from resolver.zone.content import Zone
from resolver.zone.file import load_zone, origin_of, read_zone_file

FOLDER = Path(__file__).parents[2] / "zones"
FILES = sorted(FOLDER.glob("*.zone"))


def load(name: str) -> Zone:
    return load_zone(FOLDER / f"{name}.zone", names.read(name))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_nothing_to_complain_about(file: Path) -> None:
    report = read_zone_file(file, origin_of(file))
    assert report.zone is not None
    assert report.errors == report.warnings == []


def test_every_common_type_is_shown() -> None:
    shown = {rrset.rrtype for rrset in load("example.test").rrsets()}
    wanted = (
        "A AAAA NS CNAME SOA MX TXT SRV DNAME CAA TLSA SSHFP URI NAPTR LOC OPENPGPKEY SVCB HTTPS"
    )
    assert shown >= {RRType[t] for t in wanted.split()}


def test_the_well_known_host() -> None:
    made = records(load("example.test"))
    assert "www.example.test. 3600 A 192.0.2.80" in made
    assert "www.example.test. 3600 AAAA 2001:db8::80" in made


@pytest.mark.parametrize(
    ("zone", "network"),
    [
        ("2.0.192.in-addr.arpa", ipaddress.ip_network("192.0.2.0/24")),
        ("8.b.d.0.1.0.0.2.ip6.arpa", ipaddress.ip_network("2001:db8::/32")),
    ],
)
def test_reverse_and_forward_agree(
    zone: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> None:
    """Every address of the forward zone has a PTR, and each leads back to that address."""
    reverse, forward = load(zone), load("example.test")
    rrtype = RRType.A if network.version == 4 else RRType.AAAA
    hosts: dict[bytes, set[str]] = {}
    for rrset in forward.rrsets():
        if rrset.rrtype == rrtype:
            hosts[rrset.owner] = {str(ipaddress.ip_address(rdata)) for rdata in rrset.rdatas}
    pointers = 0
    for addresses in hosts.values():
        for address in addresses:
            if address == "192.0.2.200":
                continue  # the wildcard's
            owner = names.read(ipaddress.ip_address(address).reverse_pointer)
            node = reverse.node(owner)
            assert node is not None, address
            target = node.rrsets[RRType.PTR].rdatas[0]
            assert address in hosts[target]
            pointers += 1
    assert pointers >= 10 if network.version == 4 else pointers >= 6


CHECKERS = {
    "named-checkzone": lambda file: ["named-checkzone", file.stem, str(file)],
    "nsd-checkzone": lambda file: ["nsd-checkzone", file.stem, str(file)],
    "ldns-read-zone": lambda file: ["ldns-read-zone", str(file)],
}


@pytest.mark.peer
@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_other_servers_read_them(checker: str, file: Path) -> None:
    if shutil.which(checker) is None:
        pytest.skip(f"{checker} is not installed")
    done = subprocess.run(CHECKERS[checker](file), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
