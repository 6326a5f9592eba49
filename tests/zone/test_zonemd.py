"""Digests of whole zones (RFC 8976), against its example, dnspython and ldns."""

import shutil
import subprocess
from pathlib import Path

import dns.zone
import pytest
from dns.zonetypes import DigestHashAlgorithm
from hypothesis import given, settings
from versions import ORIGIN, assert_same, bodies, version

from resolver import names
from resolver.codes import RRType
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.dump import dump
from resolver.zone.file import read_zone_text
from resolver.zone.zonemd import (
    Absent,
    Algorithm,
    Right,
    Unusable,
    Wrong,
    digest,
    verify,
    with_digest,
)

BOTH = (Algorithm.SHA384, Algorithm.SHA512)
# RFC 8976 appendix A.1.
EXAMPLE = """example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400
 86400 IN NS ns1
 86400 IN NS ns2
 86400 IN ZONEMD 2018031900 1 1 ( c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3
   a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )
ns1 3600 IN A 203.0.113.63
ns2 3600 IN AAAA 2001:db8::63
"""


def read(text: str, origin: str = "example.") -> Zone:
    report = read_zone_text(text, names.read(origin))
    assert report.zone is not None, report.errors
    return report.zone


def text_of(zone: Zone) -> str:
    pieces: list[str] = []
    finish(dump(zone, pieces.append))
    return "".join(pieces)


def test_example_of_the_rfc_is_right() -> None:
    assert finish(verify(read(EXAMPLE))) == Right(Algorithm.SHA384)


def test_made_digest_of_the_example_is_that_of_the_rfc() -> None:
    zone = read(EXAMPLE)
    bare = read(
        "\n".join(
            line for line in EXAMPLE.splitlines() if "MD" not in line[:30] and "a1d" not in line
        )
    )
    assert bare.apex.of_type(RRType.ZONEMD) == []
    assert_same(finish(with_digest(bare, [Algorithm.SHA384])), zone)


@given(bodies())
@settings(max_examples=100, deadline=None)
def test_dnspython_comes_to_the_same_digest(body: str) -> None:
    zone = version(7, body)
    theirs = dns.zone.from_text(text_of(zone), origin="example.test.", relativize=False)
    for algorithm in BOTH:
        assert (
            finish(digest(zone, algorithm))
            == theirs.compute_digest(DigestHashAlgorithm(algorithm)).digest
        )


@given(bodies())
@settings(max_examples=50, deadline=None)
def test_what_is_made_is_right_and_dnspython_agrees(body: str) -> None:
    zone = finish(with_digest(version(7, body), BOTH))
    assert finish(verify(zone)) == Right(Algorithm.SHA384)
    dns.zone.from_text(text_of(zone), origin="example.test.", relativize=False).verify_digest()


def test_digest_replaces_the_one_before() -> None:
    once = finish(with_digest(version(7, "www A 192.0.2.1\n"), BOTH))
    again = finish(with_digest(once, BOTH))
    assert_same(again, once)


def test_spelling_and_order_do_not_matter_to_a_digest() -> None:
    first = version(7, "www A 192.0.2.1\nwww A 192.0.2.2\nm MX 10 Mail\n")
    second = version(7, "M MX 10 mail\nWWW A 192.0.2.2\nwww A 192.0.2.1\n")
    for algorithm in BOTH:
        assert finish(digest(first, algorithm)) == finish(digest(second, algorithm))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("203.0.113.63", "203.0.113.64", "SHA384"),
        ("3600 IN AAAA", "3601 IN AAAA", "SHA384"),
        ("c68090d9", "c68090d8", "SHA384"),
        ("2018031900 1800", "2018031901 1800", "is for serial 2018031900, this is 2018031901"),
    ],
)
def test_what_does_not_fit_is_wrong(old: str, new: str, reason: str) -> None:
    verdict = finish(verify(read(EXAMPLE.replace(old, new))))
    assert isinstance(verdict, Wrong)
    assert reason in verdict.reason


def test_one_digest_that_fits_is_enough() -> None:
    wrong = f" 86400 IN ZONEMD 2018031900 1 2 {'00' * 64}\n"
    other = f" 86400 IN ZONEMD 2018031900 240 1 {'00' * 48}\n"
    head, tail = EXAMPLE.split("ns1 3600")
    assert finish(verify(read(f"{head}{wrong}{other}ns1 3600{tail}"))) == Right(Algorithm.SHA384)


def test_several_of_one_kind_count_for_nothing() -> None:
    second = f" 86400 IN ZONEMD 2018031900 1 1 {'00' * 48}\n"
    head, tail = EXAMPLE.split("ns1 3600")
    verdict = finish(verify(read(f"{head}{second}ns1 3600{tail}")))
    assert isinstance(verdict, Wrong)
    assert "several" in verdict.reason


@pytest.mark.parametrize("kind", ["240 1", "1 240"])
def test_unknown_kinds_say_nothing(kind: str) -> None:
    zone = read(EXAMPLE.replace("2018031900 1 1", f"2018031900 {kind}"))
    assert isinstance(finish(verify(zone)), Unusable)


def test_zone_without_a_digest() -> None:
    assert finish(verify(version(1, ""))) == Absent()


def test_digest_elsewhere_is_plain_data() -> None:
    below = f"sub ZONEMD 7 1 1 {'00' * 48}\n"
    assert finish(verify(version(7, below))) == Absent()
    assert finish(digest(version(7, below), Algorithm.SHA384)) != finish(
        digest(version(7, ""), Algorithm.SHA384)
    )


@pytest.mark.peer
def test_ldns_agrees(tmp_path: Path) -> None:
    ldns = shutil.which("ldns-verify-zone")
    if ldns is None:
        pytest.skip("ldns-verify-zone is not installed")
    body = 'b.sub A 192.0.2.9\nsub NS ns.sub\nns.sub A 192.0.2.2\n*.W MX 0 Mail\nmail TXT "a;"\n'
    file = tmp_path / "zone"
    for algorithm in BOTH:
        zone = finish(with_digest(version(7, body), [algorithm]))
        text = text_of(zone)
        file.write_text(text)
        assert subprocess.run([ldns, "-Z", file], capture_output=True, check=False).returncode == 0
        file.write_text(text.replace("192.0.2.9", "192.0.2.8"))
        assert subprocess.run([ldns, "-Z", file], capture_output=True, check=False).returncode
    assert zone.origin == ORIGIN


@pytest.mark.peer
def test_digest_of_a_zone_signed_by_ldns_is_right(tmp_path: Path) -> None:
    if shutil.which("ldns-signzone") is None or shutil.which("ldns-keygen") is None:
        pytest.skip("ldns-signzone is not installed")
    run = {"cwd": tmp_path, "check": True, "capture_output": True, "text": True}
    body = "www A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n*.w TXT x\n"
    (tmp_path / "zone").write_text(text_of(version(7, body)))
    key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "example.test"], **run).stdout  # type: ignore[call-overload]
    for hash_algorithm in ("1", "2"):
        command = ["ldns-signzone", "-z", f"1:{hash_algorithm}", "-f", "signed", "zone"]
        subprocess.run([*command, key.strip()], **run)  # type: ignore[call-overload]
        signed = read((tmp_path / "signed").read_text(), "example.test.")
        assert signed.apex.signatures[RRType.ZONEMD]
        assert finish(verify(signed)) == Right(Algorithm(int(hash_algorithm)))
