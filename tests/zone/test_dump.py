"""The canonical master file of a zone: the same for the same records, and read back the same."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from versions import ORIGIN, assert_same, bodies, version

from resolver import names
from resolver.codes import RRType
from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.draft import Draft
from resolver.zone.dump import dump
from resolver.zone.file import read_zone_text
from resolver.zone.findings import Findings


def dumped(zone: Zone) -> str:
    pieces: list[str] = []
    finish(dump(zone, pieces.append))
    return "".join(pieces)


def read_back(text: str) -> Zone:
    report = read_zone_text(text, ORIGIN)
    assert report.zone is not None, report.errors
    return report.zone


@given(bodies())
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_as_the_same_zone(body: str) -> None:
    zone = version(7, body)
    text = dumped(zone)
    made = read_back(text)
    assert_same(made, zone)
    assert dumped(made) == text


def test_every_type_reads_back() -> None:
    lines = (Path(__file__).parent / "every_type.txt").read_text().splitlines()
    body = "".join(
        f"n{i} {line}\n" for i, line in enumerate(lines) if line.split()[0] not in ("SOA", "NSEC3")
    )
    zone = version(7, body)
    assert_same(read_back(dumped(zone)), zone)


def test_form() -> None:
    zone = version(
        7,
        'www A 192.0.2.2\nWWW A 192.0.2.1\nwww 60 TXT "a\\"b" c\\\\d \\200\n'
        "Www AAAA 2001:db8:0:0::1\nb MX 10 Mail\na.b CNAME @\na DS 1 8 2 00ff\n"
        "_x SRV 1 2 3 h\ny\\.z DNAME other.\nq TYPE65280 \\# 2 abcd\n",
    )
    assert dumped(zone).splitlines() == [
        "example.test. 300 IN SOA ns.else.where. host.example.test. 7 2 3 4 5",
        "example.test. 300 IN NS ns.else.where.",
        "_x.example.test. 300 IN SRV 1 2 3 h.example.test.",
        "a.example.test. 300 IN DS 1 8 2 00FF",
        "b.example.test. 300 IN MX 10 Mail.example.test.",
        "a.b.example.test. 300 IN CNAME example.test.",
        "q.example.test. 300 IN TYPE65280 \\# 2 abcd",
        "www.example.test. 300 IN A 192.0.2.1",
        "www.example.test. 300 IN A 192.0.2.2",
        'www.example.test. 60 IN TXT "a\\"b" "c\\\\d" "\\200"',
        "www.example.test. 300 IN AAAA 2001:db8::1",
        "y\\.z.example.test. 300 IN DNAME other.",
    ]


def test_order_of_the_file_does_not_matter() -> None:
    lines = [f"h{i} A 192.0.2.{j}\n" for i in range(30) for j in range(3)]
    assert dumped(version(1, "".join(lines))) == dumped(version(1, "".join(reversed(lines))))


@pytest.mark.parametrize(
    ("rrtype", "rdata", "shown"),
    [
        (RRType.TXT, b"", "\\# 0"),
        (RRType.TXT, b"\5ab", "\\# 3 056162"),
        (RRType.DS, b"\0\1\2\3", "\\# 4 00010203"),
    ],
)
def test_data_without_the_form_of_its_type_is_shown_as_it_is(
    rrtype: int, rdata: bytes, shown: str
) -> None:
    draft = Draft(ORIGIN)
    for rrset in version(1, "").rrsets():
        draft.add(rrset.owner, rrset.rrtype, rrset.ttl, rrset.rdatas[0])
    draft.add(names.read("www", ORIGIN), rrtype, 300, rdata)
    zone = finish(draft.finish(Findings()))
    assert zone is not None
    assert dumped(zone).splitlines()[-1].endswith(f" {shown}")


@pytest.mark.peer
def test_bind_reads_the_same_zone(tmp_path: Path) -> None:
    compile_zone = shutil.which("named-compilezone")
    if compile_zone is None:
        pytest.skip("named-compilezone is not installed")
    body = "".join(f'h{i} A 192.0.2.{i}\nh{i} TXT "{i};\\\\ \\200"\n' for i in range(40))
    zone = version(7, f"{body}sub NS ns.sub\nns.sub AAAA 2001:db8::1\n*.w MX 0 .\n")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_text(dumped(zone))
    command = [compile_zone, "-i", "none", "-s", "full", "-o", theirs, "example.test", ours]
    subprocess.run(command, check=True, capture_output=True)
    assert_same(read_back(theirs.read_text()), zone)
