"""ALIAS records in signed zones: delv, BIND and Unbound believe what they lend, and no denial that
they keep denies it (A08)."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
import signed_zones
from peer_servers import free_port
from signed_zones import run
from transfer_peers import child, dig, rootward, wait_for
from zone_signing import alias

from resolver.zone.private_key import read_private_key

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

HOST = "127.0.0.1"


ZONE = f"""$TTL 300
@ SOA ns1.signed.test. host.signed.test. 1 7200 900 1209600 60
@ NS ns1.signed.test.
ns1 A 192.0.2.1
@ 200 {alias("both.plain.test.")}
four {alias("four.plain.test.")}
none {alias("gone.plain.test.")}
*.wild {alias("Both.plain.test.")}
*.wfour {alias("four.plain.test.")}
to CNAME four.signed.test.
*.wto CNAME four.signed.test.
zz TXT "last"
"""
PLAIN = """$TTL 100
@ SOA ns1.signed.test. host.signed.test. 1 7200 900 1209600 60
@ NS ns1.signed.test.
both A 192.0.2.80
both A 192.0.2.79
both AAAA 2001:db8::80
four A 192.0.2.4
"""
YES = "; fully validated"
NO = "; negative response, fully validated"
QUESTIONS = {
    "signed.test. A": YES,
    "signed.test. AAAA": YES,
    "signed.test. TYPE65401": YES,
    "signed.test. TXT": NO,
    "four.signed.test. A": YES,
    "four.signed.test. AAAA": NO,
    "a.four.signed.test. A": NO,
    "none.signed.test. A": NO,
    "none.signed.test. AAAA": NO,
    "x.wild.signed.test. A": YES,
    "X.y.wild.signed.test. AAAA": YES,
    "*.wild.signed.test. A": YES,
    "x.wild.signed.test. TXT": NO,
    "x.wfour.signed.test. AAAA": NO,
    "to.signed.test. A": YES,
    "to.signed.test. AAAA": YES,
    "x.wto.signed.test. A": YES,
    "x.wto.signed.test. AAAA": YES,
    "nothing.signed.test. A": NO,
}


class Site(NamedTuple):
    """A server of the zone, and the line that makes others trust it."""

    port: int
    anchor: str


def key_of(directory: Path, flags: int) -> Path:
    (found,) = (f for f in directory.glob("K*.key") if f" {flags} 3 " in f.read_text())
    return found


@pytest.fixture(scope="module")
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The zone signed by BIND's tools, with its key for aliases in the configuration."""
    if missing := signed_zones.missing_tools():
        pytest.skip(f"{', '.join(missing)} not installed")
    way, directory = request.param, tmp_path_factory.mktemp("served")
    (directory / "signed.test.zone").write_text(ZONE)
    (directory / "plain.test.zone").write_text(PLAIN)
    keys = directory / way
    signed_zones.sign([directory / "signed.test.zone"], keys, way, "-g")
    config = (
        "[recursion]\nenabled = false\n[access]\ntransfer = ['127.0.0.1']\n"
        f'[[zone]]\nname = "plain.test"\nfile = "plain.test.zone"\n'
        f'[[zone]]\nname = "signed.test"\nfile = "{keys}/signed.test.zone"\n'
        f'alias_keys = ["{key_of(keys, 256).with_suffix(".private")}"]\n'
    )
    anchor = key_of(keys, 257).read_text().splitlines()[-1]
    with rootward(directory, config) as port:
        yield Site(port, anchor)


in_ways = pytest.mark.parametrize("served", ["nsec", "nsec3"], indirect=True)
by_nsec = pytest.mark.parametrize("served", ["nsec"], indirect=True)


@in_ways
def test_delv_believes_every_answer(served: Site, tmp_path: Path) -> None:
    if shutil.which("delv") is None:
        pytest.skip("delv is not installed")
    anchors = tmp_path / "anchors"
    anchors.write_text(f"trust-anchors {{ {trusted(served)} }};\n")
    command = ["delv", f"@{HOST}", "-p", str(served.port), "-a", str(anchors)]
    wrong = []
    for question, verdict in QUESTIONS.items():
        told = run(*command, "+root=signed.test", *question.split()).splitlines()
        if verdict not in told:
            wrong.append(f"{question}: {told[:3]}, not {verdict}")
    assert not wrong, "\n".join(wrong)


def trusted(served: Site) -> str:
    """The key as BIND wants to be told of it."""
    owner, _, _, flags, protocol, algorithm, *key = served.anchor.split()
    return f'{owner} static-key {flags} {protocol} {algorithm} "{"".join(key)}";'


def unbound(folder: Path, port: int, served: Site) -> list[str]:
    config = folder / "unbound.conf"
    config.write_text(
        f"server:\n  interface: {HOST}@{port}\n"
        f'  username: ""\n  chroot: ""\n  directory: "{folder}"\n  pidfile: "{folder}/pid"\n'
        '  use-syslog: no\n  logfile: ""\n  num-threads: 1\n  do-not-query-localhost: no\n'
        '  module-config: "validator iterator"\n  aggressive-nsec: yes\n  local-zone: "test." '
        f'nodefault\n  trust-anchor: "{served.anchor}"\n'
        "remote-control:\n  control-enable: no\n"
        f'stub-zone:\n  name: "signed.test."\n  stub-addr: {HOST}@{served.port}\n'
    )
    return ["unbound", "-d", "-c", str(config)]


def named(folder: Path, port: int, served: Site) -> list[str]:
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file none; session-keyfile "{folder}/s.key";\n'
        f"listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }}; recursion yes;\n"
        "dnssec-validation yes; synth-from-dnssec yes; empty-zones-enable no; };\n"
        f"trust-anchors {{ {trusted(served)} }};\n"
        f'controls {{ }};\nzone "signed.test" {{ type forward; forward only;\n'
        f"forwarders {{ {HOST} port {served.port}; }}; }};\n"
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


VALIDATORS = {"unbound": unbound, "named": named}


@contextmanager
def validator(name: str, folder: Path, served: Site) -> Iterator[int]:
    """One that trusts the zone and answers out of denials that it has (RFC 8198); its port."""
    folder.mkdir()
    port = free_port()
    with child(VALIDATORS[name](folder, port, served), folder / "log") as process:
        wait_for(
            lambda: (
                process.poll() is not None or answered(port, "ns1.signed.test.", "A", timeout_s=0.3)
            )
        )
        assert process.poll() is None, (folder / "log").read_text()
        yield port


def answered(
    port: int, name: str, rrtype: str, timeout_s: float = 30.0
) -> tuple[str, bool, list[str]] | None:
    """Rcode, whether it was validated, and the data."""
    query = dns.message.make_query(name, rrtype, want_dnssec=True)
    try:
        reply = dns.query.udp(query, HOST, port=port, timeout=timeout_s)
    except (dns.exception.Timeout, OSError):
        return None
    wanted = dns.rdatatype.from_text(rrtype)
    data = [str(rd) for rrset in reply.answer if rrset.rdtype == wanted for rd in rrset]
    rcode = dns.rcode.to_text(reply.rcode())
    return rcode, bool(reply.flags & dns.flags.AD), sorted(data)


@by_nsec
@pytest.mark.parametrize("name", sorted(VALIDATORS))
def test_denials_in_a_cache_deny_no_addresses(served: Site, tmp_path: Path, name: str) -> None:
    """What one answer proves is used for the next; each order of questions ends in the same."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    with validator(name, tmp_path / name, served) as port:
        empty, both = ("NOERROR", True, []), ("NOERROR", True, ["192.0.2.79", "192.0.2.80"])
        assert answered(port, "signed.test.", "TXT") == empty
        assert answered(port, "signed.test.", "A") == both
        assert answered(port, "four.signed.test.", "MX") == empty
        assert answered(port, "a.four.signed.test.", "A") == ("NXDOMAIN", True, [])
        assert answered(port, "four.signed.test.", "AAAA") == empty
        assert answered(port, "four.signed.test.", "TXT") == empty
        assert answered(port, "four.signed.test.", "A") == ("NOERROR", True, ["192.0.2.4"])
        assert answered(port, "x.wild.signed.test.", "TXT") == empty
        assert answered(port, "x.wild.signed.test.", "A") == both
        assert answered(port, "y.wfour.signed.test.", "AAAA") == empty
        assert answered(port, "x.wfour.signed.test.", "A") == ("NOERROR", True, ["192.0.2.4"])


@pytest.mark.parametrize("algorithm", ["RSASHA512", "ECDSAP384SHA384", "ED25519", "ED448"])
@pytest.mark.parametrize("tool", ["dnssec-keygen", "ldns-keygen"])
def test_private_keys_of_others_are_read(tmp_path: Path, tool: str, algorithm: str) -> None:
    """And belong to the public key that is written beside them."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    bits = ["-b", "1024"] if algorithm.startswith("RSA") else []
    run(tool, "-a", algorithm, *bits, "signed.test", cwd=tmp_path)
    (private,) = tmp_path.glob("K*.private")
    key = read_private_key(private.read_text())
    record = private.with_suffix(".key").read_text().splitlines()[-1].partition(";")[0].split()
    number, *octets = record[record.index("DNSKEY") + 3 :]
    assert (key.algorithm, key.public) == (int(number), base64.b64decode("".join(octets)))


def test_private_keys_of_knot_are_read(tmp_path: Path) -> None:
    if shutil.which("keymgr") is None:
        pytest.skip("keymgr is not installed")
    command = ["keymgr", "-D", str(tmp_path / "keys"), "signed.test"]
    for _ in range(4):
        run(*command, "generate", "algorithm=ecdsap256sha256")
    for file in (tmp_path / "keys").rglob("*.pem"):
        key = read_private_key(file.read_text())
        number, *octets = run(*command, "dnskey", f"id={file.stem}").split()[4:]
        assert (key.algorithm, key.public) == (int(number), base64.b64decode("".join(octets)))


@by_nsec
def test_what_is_transferred_is_the_signers(served: Site, tmp_path: Path) -> None:
    """Who transfers the zone cannot lend addresses, so it gets the denials that fit it."""
    if shutil.which("ldns-verify-zone") is None:
        pytest.skip("ldns-verify-zone is not installed")
    copy = tmp_path / "copy"
    copy.write_text(dig(served.port, "signed.test", "AXFR", "+onesoa", "+noall", "+answer"))
    assert "Zone is verified and complete" in run("ldns-verify-zone", copy)
    assert not [
        line for line in copy.read_text().splitlines() if "NSEC" in line and " AAAA" in line
    ]
