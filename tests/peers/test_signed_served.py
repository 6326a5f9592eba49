"""Signed zones from a running server are believed: by delv, and by ldns-verify-zone.

Every signer that is about, every way of denial. `sub` is an insecure delegation, whose zone is
served beside its parent so that there is something to ask for; `child` is a secure one.
"""

import base64
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import peer_servers
import pytest
import signed_zones
from signed_zones import run
from transfer_peers import child, dig, rootward, wait_for

from resolver import names
from resolver.codes import RRType
from resolver.zone.file import load_zone

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

ZONE = """$TTL 300
@ SOA ns1.signed.test. host.signed.test. 1 7200 900 1209600 60
@ NS ns1.signed.test.
ns1 A 192.0.2.1
Www A 192.0.2.80
alias CNAME www
gone CNAME nothing
leaf.ent A 192.0.2.10
*.wild A 192.0.2.11
there.wild TXT "no A here"
*.wcname CNAME www
red DNAME target
a.target A 192.0.2.12
sub NS ns1.signed.test.
far.under.cut NS ns1.signed.test.
"""
CHILD = """$TTL 300
@ SOA ns1.signed.test. host.signed.test. 1 7200 900 1209600 60
@ NS ns1.signed.test.
www A 192.0.2.90
"""
SECURE_CHILD = "child NS ns1.signed.test.\n"

YES = "; fully validated"
NO = "; negative response, fully validated"
UNSIGNED = "; unsigned answer"
NO_UNSIGNED = "; negative response, unsigned answer"

QUESTIONS = {
    "signed.test. SOA": YES,
    "signed.test. DNSKEY": YES,
    "www.signed.test. A": YES,
    "WWW.signed.test. A": YES,
    "www.signed.test. MX": NO,
    "alias.signed.test. A": YES,
    "nothing.signed.test. A": NO,
    "a.b.c.nothing.signed.test. A": NO,
    "x.www.signed.test. A": NO,
    "ent.signed.test. A": NO,
    "x.ent.signed.test. A": NO,
    "x.wild.signed.test. A": YES,
    "x.y.wild.signed.test. A": YES,
    "*.wild.signed.test. A": YES,
    "x.wild.signed.test. MX": NO,
    "there.wild.signed.test. A": NO,
    "x.there.wild.signed.test. A": NO,
    "x.wcname.signed.test. A": YES,
    "a.red.signed.test. A": YES,
    "www.sub.signed.test. A": UNSIGNED,
    "x.sub.signed.test. A": NO_UNSIGNED,
}
CHILD_QUESTIONS = {
    "child.signed.test. DS": YES,
    "www.child.signed.test. A": YES,
    "x.child.signed.test. A": NO,
    "child.signed.test. TXT": NO,
}


# The AD bit must not be set where the gap around the next closer name has opt-out (RFC 5155 section
# 9.2), so delv takes this for unsigned.
OPT_OUT = {"x.wild.signed.test. A": UNSIGNED, "x.y.wild.signed.test. A": UNSIGNED}

SIGNERS = ["bind-nsec", "bind-nsec3", "bind-opt-out", "ldns-nsec", "ldns-nsec3", "knot-nsec3"]


class Served(NamedTuple):
    """A server with signed zones, the file that tells delv whom to trust, and what to ask it."""

    port: int
    anchors: Path
    questions: dict[str, str]


@pytest.fixture(scope="module", params=SIGNERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    tool, way = request.param.split("-", 1)
    if missing := [binary for binary in TOOLS[tool] if shutil.which(binary) is None]:
        pytest.skip(f"{', '.join(missing)} not installed")
    directory = tmp_path_factory.mktemp("served")
    zones = {"sub.signed.test": write(directory, "sub.signed.test.zone", CHILD)}
    questions = dict(QUESTIONS)
    if tool == "bind":
        below = write(directory, "child.signed.test.zone", CHILD)
        parent = write(directory, "signed.test.zone", ZONE + SECURE_CHILD)
        signed = signed_zones.sign([below, parent], directory / way, way, "-g")
        zones |= {name: signed / f"{name}.zone" for name in ("child.signed.test", "signed.test")}
        questions |= CHILD_QUESTIONS
    else:
        parent = write(directory, "signed.test.zone", ZONE)
        zones["signed.test"] = {"ldns": by_ldns, "knot": by_knot}[tool](directory, parent, way)
    if way == "opt-out":
        questions |= OPT_OUT
    (directory / "run").mkdir()
    with rootward(directory / "run", config(zones)) as port:
        yield Served(port, trusting(directory, zones["signed.test"]), questions)


TOOLS = {
    "bind": signed_zones.TOOLS,
    "ldns": ("ldns-keygen", "ldns-signzone"),
    "knot": ("knotd",),
}


def write(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.write_text(text)
    return file


def config(zones: dict[str, Path]) -> str:
    zones_text = "".join(f'[[zone]]\nname = "{n}"\nfile = "{f}"\n' for n, f in zones.items())
    return f"[recursion]\nenabled = false\n[access]\ntransfer = ['127.0.0.1']\n{zones_text}"


def trusting(directory: Path, zone: Path) -> Path:
    """delv's configuration: the keys in the zone that are entry points are trusted."""
    apex = load_zone(zone, names.read("signed.test.")).apex
    anchors = ""
    for rdata in apex.rrsets[RRType.DNSKEY].rdatas:
        if rdata[1] & 1:
            key = base64.b64encode(rdata[4:]).decode()
            anchors += f'signed.test. static-key 257 3 {rdata[3]} "{key}";\n'
    return write(directory, "anchors", f"trust-anchors {{\n{anchors}}};\n")


def by_ldns(directory: Path, zone: Path, way: str) -> Path:
    """Keys and a zone signed by ldns-signzone."""
    keys = [
        run("ldns-keygen", "-a", "ECDSAP256SHA256", *flags, "signed.test", cwd=directory).strip()
        for flags in ([], ["-k"])
    ]
    signed = directory / "ldns.signed"
    nsec3 = ["-n", "-t", "1", "-s", "BEEF"] if way == "nsec3" else []
    run("ldns-signzone", *nsec3, "-o", "signed.test.", "-f", signed, zone, *keys, cwd=directory)
    return signed


def by_knot(directory: Path, zone: Path, way: str) -> Path:
    """A zone signed by knotd, which writes it back to its file."""
    port = peer_servers.free_port()
    file = write(
        directory,
        "knot.conf",
        f"server:\n  rundir: {directory}\n  listen: 127.0.0.1@{port}\n"
        f"database:\n  storage: {directory}\n"
        f"policy:\n  - id: p\n    algorithm: ecdsap256sha256\n    nsec3: {way == 'nsec3'}\n"
        f"zone:\n  - domain: signed.test\n    storage: {directory}\n    file: {zone}\n"
        "    zonefile-sync: 0\n    dnssec-signing: on\n    dnssec-policy: p\n",
    )
    with child(["knotd", "-c", str(file)], directory / "knot.log"):
        wait_for(lambda: "RRSIG" in zone.read_text())
    return zone


def test_delv_believes_every_answer(served: Served) -> None:
    if shutil.which("delv") is None:
        pytest.skip("delv is not installed")
    command = ["delv", "@127.0.0.1", "-p", str(served.port), "-a", str(served.anchors)]
    wrong = []
    for question, verdict in served.questions.items():
        told = run(*command, "+root=signed.test", *question.split()).splitlines()
        if verdict not in told:
            wrong.append(f"{question}: {told[:3]}, not {verdict}")
    assert not wrong, "\n".join(wrong)


def test_what_is_transferred_is_verified(served: Served, tmp_path: Path) -> None:
    if shutil.which("ldns-verify-zone") is None:
        pytest.skip("ldns-verify-zone is not installed")
    copy = tmp_path / "copy"
    copy.write_text(dig(served.port, "signed.test", "AXFR", "+onesoa", "+noall", "+answer"))
    assert "Zone is verified and complete" in run("ldns-verify-zone", copy)
