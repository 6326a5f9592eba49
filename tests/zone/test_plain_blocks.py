"""Blocks of plain text are read the short way, all others with care; both lead to the same."""

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from versions import ORIGIN

from resolver.slices import finish
from resolver.zone.blocks import BLOCK_OCTETS, is_plain, read_block
from resolver.zone.draft import Draft
from resolver.zone.entries import entries
from resolver.zone.file import read_zone_file
from resolver.zone.reader import Reader

_TIMES = ("20271121174901 20261121174901", "20271121174902 20261121174901", "5 4")
_HEADS = (
    "\t\t\t300\tRRSIG\tA 13 3 300 (",
    "\t\t\t300\tRRSIG\tNSEC 13 3 300 (",
    "\tRRSIG\tA 13 3 300 (",
    "a 300 IN RRSIG A 13 3 300 (",
    " RRSIG (",
)
_ENTRIES = (
    "a A 192.0.2.1",
    "a.example.test. 60 IN A 192.0.2.2",
    "b IN 60 AAAA 2001:db8::1 ",
    "  TXT x",
    " A 192.0.2.3",
    "A A 192.0.2.3",
    "",
    "   ",
    "c MX 10 a",
    "c MX ( 10\n\n mail )",
    "c ( MX 10 ) mail",
    "c MX ( 10 ) ( mail )",
    "c MX ( 10 ( mail ) )",
    "( c MX 10 mail )",
    "\t( MX 10 mail )",
    "c MX 10 mail )",
    "c MX 10 mail ) (",
    "c MX ten mail",
    "c MX ( ten\n mail )",
    "x..y A 192.0.2.1",
    " MX ( ten\n mail )",
    "out.side. A 192.0.2.1",
    "out.side. A ( 192.0.2.1\n )",
    "d NSEC b A RRSIG NSEC",
    "d DNSKEY 257 3 13 (\n\tAAAA\n\tAAAA )",
    "\t(\n)",
    "$TTL 60",
    "$ORIGIN sub",
    "$NONE",
    'e TXT "; ("',
    "e TXT \\(",
    "e TXT (\n x ; )\n )",
)


@st.composite
def _signatures(draw: st.DrawFn) -> str:
    head = draw(st.sampled_from(_HEADS))
    between = "\n\t\t\t\t\t" if draw(st.booleans()) else " "
    first = "A 13 3 300 " if head == _HEADS[-1] else ""
    times = first + draw(st.sampled_from(_TIMES))
    signer = draw(st.sampled_from(("example.test.", "example.test.", "@", "other")))
    words = draw(st.sampled_from(("AAAA", "AAAA BBBB", "", "AAA", "AA=A", "A-AA")))
    end = draw(st.sampled_from((" )", ")", ") AAAA", "\n\t)", "")))
    return f"{head}{between}{times} 853 {signer}{between}{words.replace(' ', between)}{end}"


_LINES = st.lists(st.one_of(st.sampled_from(_ENTRIES), _signatures(), _signatures()), max_size=20)


class _Slow(StringIO):
    """Gives its text out in small pieces, so that blocks end anywhere."""

    most = BLOCK_OCTETS

    def read(self, size: int | None = -1, /) -> str:
        return super().read(self.most)


_Found = tuple[list[tuple[bytes, list[tuple[int, int, int, bytes]]]], list[str]]


def _read(text: str, most: int, default_ttl: int | None, folder: Path = Path()) -> _Found:
    """Owners with place, type, TTL and data of each of their records; and what is wrong."""
    reader = Reader(Draft(ORIGIN), ORIGIN, default_ttl)
    source = _Slow(text)
    source.most = most
    finish(reader.read_stream(source, "file", folder / "file"))
    findings = reader.findings
    records = [
        (o, list(entries(held))) for s in reader.draft._names.shards for o, held in s.items()
    ]
    return records, [str(f) for f in findings.errors + findings.warnings]


@given(_LINES, st.integers(1, 400), st.booleans(), st.sampled_from((None, 300)))
@settings(max_examples=500, deadline=None)
def test_short_and_careful_way_find_the_same_records_and_faults(
    lines: list[str], most: int, ends: bool, default_ttl: int | None
) -> None:
    text = "\n".join(lines) + "\n" * ends
    careful = "; with care\n" + text
    short = _read("\n" + text, most, default_ttl)
    assert short == _read(careful, len(careful), default_ttl)


def _signature(head: str, data: str, tail: str = "") -> str:
    return f"{head} (\n\t1800000000 1700000000 853 @\n\t{data} ){tail}\n"


_A = "\t300\tRRSIG\tA 13 3 300"
_BARE = "\tRRSIG\tA 13 3 300"
_STORIES = (
    _signature(_A, "AAAA\n\tBBBB") + _signature(_A, "CCCC"),
    _signature(_A, "AAAA") + "$ORIGIN b\n\n\n" + _signature(_A, "BBBB"),
    _signature(_BARE, "AAAA") + "$TTL 60\n\n\n" + _signature(_BARE, "BBBB"),
    _signature(_A, "AAAA") + "$INCLUDE nowhere sub\n\n" + _signature(_A, "BBBB"),
    _signature(_A, "AAAA") + "\t60 A 192.0.2.2\n" + _signature(_A, "BBBB") + "\tTXT x\n",
    _signature(_A, "AAAA") + _signature(_A, "BBBB", " CCCC"),
    _signature(_A, "AAAA") + _signature(_A, ""),
    _signature(_A, "AAAA") + _signature(_A, "A"),
    _signature(_A, "AAAA") + "x..y TXT x\n" + _signature(_A, "BBBB"),
    _signature(_A, "AAAA") + "out.side. TXT x\n" + _signature(_A, "BBBB"),
    "x..y TXT x\n" + _signature("\t300 RRSIG X 13 3 300", "BBBB"),
    "x..y TXT x\n" + _signature(_A, "A"),
    _signature("b 300 RRSIG A 13 3 300", "AAAA")
    + "c TXT x\n"
    + _signature("b 300 RRSIG A 13 3 300", "BBBB"),
    _signature("\t300 TXT RRSIG", "AAAA") + _signature("\t300 TXT RRSIG", "BBBB"),
    _signature(_A, "AAAA")[:-1],
    "b A 192.0.2.1",
)


@pytest.mark.parametrize("default_ttl", [None, 300])
@pytest.mark.parametrize("most", [1, BLOCK_OCTETS])
@pytest.mark.parametrize("story", _STORIES)
def test_what_is_known_of_signatures_holds_as_long_as_it_is_true(
    story: str, most: int, default_ttl: int | None
) -> None:
    text = "a 600 A 192.0.2.1\n" + story
    careful = "; with care\n" + text
    short = _read("\n" + text, most, default_ttl)
    assert short == _read(careful, len(careful), default_ttl)


def test_an_included_file_leaves_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("a 300 A 192.0.2.1\n" + _signature(_A, "AAAA"))
    text = "b 300 A 192.0.2.1\n$INCLUDE other sub\n" + _signature(_A, "AAAA")
    short, findings = _read(text, 1, None, folder=tmp_path)
    careful, _ = _read("; with care\n" + text, len(text), None, folder=tmp_path)
    assert findings == []
    assert [data for _, held in short for *_, data in held] == [
        data for _, held in careful for *_, data in held
    ]


def test_what_signers_write_is_plain() -> None:
    assert is_plain("a\t300\tIN A 192.0.2.1\n\t300\tRRSIG A 13 3 300 (\n\tAAAA== )\n")
    for mark in ('"', "\\", ";", "\n$", "\0", "\x1c", "\xa0"):
        assert not is_plain(f"a A 192.0.2.1{mark}")
    assert not is_plain("$TTL 5\n")


def test_a_block_ends_where_a_line_does() -> None:
    line = "a A 192.0.2.1\n"
    text = StringIO(line * 2_000)
    blocks = list(iter(lambda: read_block(text), ""))
    assert "".join(blocks) == line * 2_000
    assert len(blocks) > 1
    assert all(block.endswith("\n") for block in blocks)


def test_a_long_file_is_one_zone_and_faults_are_at_their_lines(tmp_path: Path) -> None:
    """Blocks of both kinds, and records that begin in one and end in the next."""
    head = "$TTL 300\n@ SOA ns.else.where. host ( 1 2 3 4 5 ) ; made up\n@ NS ns.else.where.\n"
    plain = [f"h{i} A 192.0.2.1\n\tMX (\n\t10\n\tmail.else.where. )\n" for i in range(900)]
    mixed = [*plain]
    mixed[300] = f"; half\n{plain[300]}"
    mixed[600] = f'{plain[600]}h600 TXT "a b"\n'
    path = tmp_path / "zone"
    path.write_text(head + "".join(mixed))
    whole = read_zone_file(path, ORIGIN)
    assert whole.zone is not None
    assert (whole.zone.records, whole.zone.size) == (2 + 2 * 900 + 1, 901)
    mixed[899] += "bad A 1\n"
    path.write_text(head + "".join(mixed))
    (found,) = read_zone_file(path, ORIGIN).errors
    assert found.line == 3 + 4 * 900 + 2 + 1
