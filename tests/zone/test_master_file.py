"""Master files: what a text means (RFC 1035 section 5)."""

import codecs
from collections.abc import Callable
from pathlib import Path

import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import HEAD, name, records, report, warnings, zone

from resolver import names
from resolver.errors import ZoneError
from resolver.zone import tokens
from resolver.zone.file import load_zone, origin_of, read_hints, read_zone_file, read_zone_text

ZONES = Path(__file__).parents[2] / "zones"


@pytest.mark.parametrize(
    "line",
    [
        "www 60 IN A 192.0.2.5",
        "www IN 60 A 192.0.2.5",
        "www 60 A 192.0.2.5",
        "www 1m a 192.0.2.5",
        "www 0w0d0h1M0s in A 192.0.2.5",
        "www 60 CLASS1 TYPE1 192.0.2.5",
        "www 60 A \\# 4 c0 00 02 05",
        "www 60 A ( 192.0.2.5 )",
        "www ( 60 ; TTL\n ; a comment of its own\n\n IN A\n 192.0.2.5 ) ; end",
        "www.example.test. 60 A 192.0.2.5 ; comment",
        "\\119ww 60 A 192.0.2.5",
        "$ORIGIN test.\nwww.example 60 A 192.0.2.5",
        "$ORIGIN sub\n$ORIGIN example.test.\nwww 60 A 192.0.2.5",
        "$TTL 1m\nwww A 192.0.2.5",
        "$ORIGIN www\n@ 60 A 192.0.2.5",
        "\t\nwww\t60\tA\t192.0.2.5\t",
    ],
)
def test_many_spellings_of_one_record(line: str) -> None:
    assert records(zone(line)) == ["www.example.test. 60 A 192.0.2.5"]


def test_an_empty_owner_is_the_one_before() -> None:
    body = "a A 192.0.2.5\n  AAAA ::1\n\n; between\n\tTXT x\nb A 192.0.2.6"
    assert records(zone(body)) == [
        "a.example.test. 3600 A 192.0.2.5",
        "a.example.test. 3600 AAAA ::1",
        'a.example.test. 3600 TXT "x"',
        "b.example.test. 3600 A 192.0.2.6",
    ]


def test_the_owner_outlives_a_change_of_origin() -> None:
    body = "a A 192.0.2.5\n$ORIGIN sub\n TXT x\na TXT y"
    assert records(zone(body))[1:] == [
        'a.example.test. 3600 TXT "x"',
        'a.sub.example.test. 3600 TXT "y"',
    ]


def test_owners_keep_their_case_and_are_found_in_any() -> None:
    made = zone("WwW A 192.0.2.5\nwww AAAA ::1")
    node = made.node(name("www"))
    assert node is not None
    assert node.owner == b"\3WwW\7example\4test\0"
    assert len(node.rrsets) == 2


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_endings(ending: str, last: bool, tmp_path: Path) -> None:
    file = tmp_path / "z"
    text = HEAD + "www A 192.0.2.5" + ("\n" if last else "")
    file.write_bytes(text.replace("\n", ending).encode())
    assert len(records(load_zone(file, name("example.test.")))) == 1


def test_a_byte_order_mark_is_skipped_with_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "z"
    file.write_bytes(codecs.BOM_UTF8 + HEAD.encode())
    found = read_zone_file(file, name("example.test."))
    assert found.zone is not None
    assert "byte order mark" in found.warnings[0].reason


def test_text_strings() -> None:
    body = r"""t TXT plain "two words" "a;b(c)" "\"q\" \\ \065" a\ b a\;b "" é"""
    (rrset,) = zone(body).node(name("t")).of_type(16)  # type: ignore[union-attr]
    strings = [b"plain", b"two words", b"a;b(c)", b'"q" \\ A', b"a b", b"a;b", b"", "é".encode()]
    assert rrset.rdatas == (b"".join(bytes((len(s),)) + s for s in strings),)


def test_ttl_of_the_soa_where_nothing_else_says() -> None:
    head = "@ SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    found = report("a A 192.0.2.5", head=head)
    assert found.zone is not None
    assert found.zone.soa.ttl == 300
    assert records(found.zone) == ["a.example.test. 300 A 192.0.2.5"]
    assert [f.line for f in found.warnings] == [1]


def test_last_explicit_ttl_where_no_directive_says() -> None:
    head = "@ 77 SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ NS ns1\nns1 5 A 192.0.2.1\n"
    found = report("a A 192.0.2.5\nb A 192.0.2.6", head=head)
    assert found.zone is not None
    assert found.zone.ns.ttl == 77
    assert records(found.zone)[0] == "a.example.test. 5 A 192.0.2.5"
    assert [f.line for f in found.warnings] == [2], "said once, not for every record"


def test_the_ttl_directive_holds_from_where_it_stands() -> None:
    made = zone("a A 192.0.2.5\n$TTL 9\nb A 192.0.2.5\nc 3 A 192.0.2.5\nd A 192.0.2.5")
    assert [line.split()[1] for line in records(made)] == ["3600", "9", "3", "9"]


def test_doubles_are_one_record() -> None:
    body = "a A 192.0.2.5\na A 192.0.2.5\nb CNAME www\nb CNAME WWW"
    assert len(records(zone(body))) == 2


def test_lowest_ttl_of_an_rrset_counts() -> None:
    body = "a 60 A 192.0.2.5\na 30 A 192.0.2.6\na 90 A 192.0.2.7"
    assert {line.split()[1] for line in records(zone(body))} == {"30"}
    (warning,) = warnings(body)
    assert warning.startswith("2: TTLs of a.example.test. A differ")


def test_a_root_zone() -> None:
    text = "$ORIGIN .\n. 5 SOA a. b. 1 2 3 4 5\n. 5 NS a.\na. 5 A 192.0.2.1\ntest. 5 NS ns.test.\n"
    root = read_zone_text(text, names.ROOT).zone
    assert root is not None
    assert root.serial == 1
    assert root.size == 3


@pytest.mark.parametrize("file", sorted(ZONES.glob("*.zone")), ids=lambda f: f.stem)
def test_reads_the_example_zones_like_dnspython(file: Path) -> None:
    """Every record, its TTL and its octets; dnspython reads the same file its own way."""
    origin = names.show(origin_of(file))
    theirs = dns.zone.from_file(str(file), origin=origin, relativize=False)
    expected = {
        (owner.to_wire(), int(rdataset.rdtype), rdataset.ttl, rdata.to_wire())
        for owner, rdataset in theirs.iterate_rdatasets()
        for rdata in rdataset
    }
    assert len(expected) > 8
    ours = {
        (rrset.owner, int(rrset.rrtype), rrset.ttl, rdata)
        for rrset in load_zone(file, origin_of(file)).rrsets()
        for rdata in rrset.rdatas
    }
    assert ours == expected


def test_reads_every_type_in_dnspython_s_repertoire() -> None:
    """Rare types come through the bridge, common ones through our own readers: same octets."""
    lines = (Path(__file__).parent / "every_type.txt").read_text().splitlines()
    body = "".join(f"t{i} {line}\n" for i, line in enumerate(lines))
    origin = "example.test."
    theirs = dns.zone.from_text(HEAD + body, origin=origin, relativize=False)
    made = zone(body)
    types = set()
    for i, line in enumerate(lines):
        rrtype = dns.rdatatype.from_text(line.split()[0])
        types.add(rrtype)
        node = made.node(name(f"t{i}"))
        assert node is not None
        (rrset,) = node.of_type(rrtype)
        ((rdata,),) = theirs.find_node(f"t{i}.{origin}").rdatasets
        assert rrset.rdatas == (rdata.to_wire(),), line
    assert len(types) >= 40


def test_root_hints_are_complete() -> None:
    rrsets = read_hints(ZONES / "root.hints")
    assert len(rrsets) == 27
    servers = [names.show(rdata) for rdata in rrsets[0].rdatas]
    assert servers == [f"{letter}.root-servers.net." for letter in "abcdefghijklm"]
    assert {r.owner for r in rrsets[1:]} == set(rrsets[0].rdatas)


def test_hints_without_addresses_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "hints"
    file.write_text(". 60 NS a.example.\nb.example. 60 A 192.0.2.1\n")
    with pytest.raises(ZoneError, match="no root hints"):
        read_hints(file)


@pytest.mark.parametrize(
    ("file", "origin"),
    [
        ("example.test.zone", "example.test."),
        ("Example.Test.db", "example.test."),
        ("example.test", "example.test."),
    ],
)
def test_a_file_is_named_after_its_zone(file: str, origin: str) -> None:
    assert names.show(origin_of(Path("/somewhere") / file)) == origin


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            ["a", "B7", " ", "\t", '"', "\\", "(", ")", ";", "\\;", "\x0c", "\xa0", "é", "\0"]
        )
    ).map("".join),
    st.sampled_from([0, 1]),
)
def test_quick_and_careful_ways_to_split_a_line_agree(line: str, depth: int) -> None:
    def split_by(way: Callable[[str, list[str], int], int]) -> object:
        words: list[str] = []
        try:
            return way(line, words, depth), words
        except ValueError as error:
            return str(error)

    line += "\n"
    assert split_by(tokens.split) == split_by(tokens.split_carefully)
