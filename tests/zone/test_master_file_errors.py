"""Master files that are wrong: every fault at its line, quickly, and never an exception."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import HEAD, errors, name, report

from resolver.errors import ZoneError
from resolver.zone.file import load_zone, read_zone_file
from resolver.zone.findings import MAX_FINDINGS


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("www A 192.0.2", "'192.0.2' is no IPv4 address"),
        ("www A 192.0.2.01", "no IPv4 address"),
        ("www A 192.0.2.256", "no IPv4 address"),
        ("www A", "no IPv4 address"),
        ("www A 192.0.2.1 192.0.2.2", "no IPv4 address"),
        ("www AAAA 192.0.2.1", "no IPv6 address"),
        ("www AAAA 1:2:3:4:5:6:7", "no IPv6 address"),
        ("www AAAA 1:2:3:4:5:6:7:8::", "no IPv6 address"),
        ("www AAAA 1::2::3", "no IPv6 address"),
        ("www AAAA 00001::", "no IPv6 address"),
        ("www AAAA :::", "no IPv6 address"),
        ("www AAAA ::g", "no IPv6 address"),
        ("www AAAA ::1.2.3", "no IPv6 address"),
        ("www NS", "0 fields where one name should be"),
        ("www CNAME a b", "2 fields"),
        ("www CNAME a..b", "empty label"),
        ("www MX mail", "1 fields"),
        ("www MX 65536 mail", "preference 65536 is more than 65535"),
        ("www MX -1 mail", "preference '-1' is no number"),
        ("www MX ten mail", "is no number"),
        ("www SRV 1 2 3 4 5", "5 fields"),
        ("www TXT", "no text"),
        (f'www TXT "{"x" * 256}"', "string of 256 octets"),
        (r"www TXT \300", "\\300 is no escape"),
        (r"www TXT \30", "\\30 is no escape"),
        ("www SOA a b 1 2 3 4", "6 fields"),
        ("www SOA a b 4294967296 2 3 4 5", "serial 4294967296 is more than"),
        ("www SOA a b 1 2 x 4 5", "retry 'x' is no time"),
        ("www CAA 0 is-sue x", "not made of letters and digits"),
        ("www DS 1 2 3 xyz", "digest is not in hexadecimal"),
        ("www TLSA 3 1", "TLSA: "),
        ("www TYPE65280 192.0.2.1", "TYPE65280: "),
        (r"www TYPE65280 \# 3 0102", "announces 3 octets, 2 follow"),
        (r"www TYPE65280 \#", "followed by a length"),
        (r"www A \# 3 010203", "A: "),
        ("www BOGUS x", "'BOGUS' is no record type"),
        ("www ANY x", "ANY is no type that a zone can hold"),
        ("www TYPE0 \\# 0", "no type that a zone can hold"),
        ("www", "no record type"),
        ("www 60 IN", "no record type"),
        ("www 60 60 A 192.0.2.1", "'60' is no record type"),
        ("www IN IN A 192.0.2.1", "'IN' is no record type"),
        ("www CH A 192.0.2.1", "class CH: only class IN is served"),
        ("www 2147483648 A 192.0.2.1", "TTL 2147483648 is more than 2147483647"),
        ("www 9999w A 192.0.2.1", "TTL 9999w is more than"),
        ("$TTL 2147483648", "TTL 2147483648 is more than"),
        ("$TTL soon", "'soon' is no time"),
        ("$TTL", "$TTL with 0 words"),
        ("$ORIGIN a b", "$ORIGIN with 2 words"),
        ("$BOGUS x", "$BOGUS is no directive"),
        ('www TXT "open', "a quoted string does not end"),
        ("www TXT open\\", "a backslash at the end of the line"),
        ("www TXT )", "closing parenthesis"),
        ("www TXT ((", "parentheses inside parentheses"),
        ("www TXT ( open", "the parenthesis opened here is never closed"),
        ("www TXT a\0b", "NUL octet"),
        ('"www" A 192.0.2.1', "not written in quotes"),
        ("wwé A 192.0.2.1", "not ASCII"),
        ("x" * 64 + " A 192.0.2.1", "label of 64 octets"),
        (".".join(["x" * 60] * 5) + " A 192.0.2.1", "more than 255"),
        ("www.example.net. A 192.0.2.1", "outside the zone"),
        ("notexample.test. A 192.0.2.1", "outside the zone"),
        ("www A 192.0.2.1 " + "x" * (1 << 21), "no IPv4 address"),
        ("www TXT ; " + "x" * (1 << 21), "line of 2097163 octets"),
    ],
    ids=lambda text: text[:40],
)
def test_each_mistake_is_told_at_its_line(line: str, reason: str) -> None:
    (error,) = errors(f"{line}\n", head=HEAD)
    number, _, text = error.partition(": ")
    assert number == str(HEAD.count("\n") + 1)
    assert reason in text


def test_all_mistakes_are_told_not_only_the_first() -> None:
    body = "a A x\nb A 192.0.2.1\nc MX\n\nd ( ; over lines\n TYPE0 x )\ne CNAME f\ne TXT g"
    found = errors(body, head=HEAD)
    assert [int(e.split(":")[0]) - 4 for e in found] == [1, 3, 5, 8]


def test_a_mistake_in_a_continued_line_is_told_at_that_line() -> None:
    assert errors('a TXT ( b\n c\n "d\n )', head=HEAD)[0].startswith("7: a quoted string")


def test_an_owner_that_cannot_be_read_is_told_once() -> None:
    found = errors("a..b A 192.0.2.1\n AAAA ::1\n TXT x\nok A x", head=HEAD)
    assert [e.split(":")[0] for e in found] == ["5", "8"]


def test_a_first_line_without_owner() -> None:
    assert errors(" A 192.0.2.1")[0] == "1: no owner: none was given before"


def test_no_ttl_at_all() -> None:
    assert "no TTL" in errors("@ NS ns1\n")[0]


def test_findings_are_bounded() -> None:
    found = errors("a A x\n" * 10_000, head=HEAD)
    assert len(found) == MAX_FINDINGS + 1
    assert "and 9900 more errors" in found[-1]


def test_an_empty_file_has_no_soa_and_no_ns() -> None:
    assert [e.split(":")[1] for e in errors("")] == [
        " no SOA at example.test.",
        " no NS at example.test.",
    ]


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_a_file_that_cannot_be_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path if kind == "directory" else tmp_path / "none.zone"
    found = read_zone_file(path, name("example.test."))
    assert [str(e) for e in found.errors] == [
        f"{path}: {'not a file' if kind == 'directory' else 'no such file'}"
    ]


def test_load_raises_with_every_error(tmp_path: Path) -> None:
    file = tmp_path / "z"
    file.write_text(HEAD + "a A x\nb A y\n")
    with pytest.raises(ZoneError) as caught:
        load_zone(file, name("example.test."))
    assert [f"{f.file}:{f.line}" for f in caught.value.findings] == [f"{file}:5", f"{file}:6"]


def test_a_line_of_ten_megabytes_is_refused_quickly() -> None:
    for filler in ("x", "(", '"', "\\", ";", " "):
        body = "www TXT " + filler * 10_000_000
        assert len(errors(body, head=HEAD)) == 1


@given(st.text(alphabet='ab\n\t ();"\\$.@*0129AINTXC\0é', max_size=200))
def test_any_text_is_a_zone_or_a_list_of_findings(text: str) -> None:
    found = report(text)
    assert (found.zone is None) == bool(found.errors)


@given(st.binary(max_size=300))
def test_any_octets_are_a_zone_or_a_list_of_findings(octets: bytes) -> None:
    found = report(octets.decode("latin-1"))
    assert (found.zone is None) == bool(found.errors)
