"""The NSEC records of a version in canonical order, and where they do not lead to the next one."""

from hypothesis import given, settings
from hypothesis import strategies as st
from versions import ORIGIN

from resolver import names
from resolver.zone.denial import NsecDenial
from resolver.zone.file import ZoneReport, read_zone_text

_SIGNED = (
    "$TTL 300\n@ SOA ns.else.where. host 1 2 3 4 5\n@ NS ns.else.where.\n"
    "@ RRSIG SOA 13 2 300 5 4 1 @ AAAA\n"
)
_LABELS = st.sampled_from(["a", "b", "B0", "*", "\\000", "\\001", "z"])
_OWNERS = st.lists(_LABELS, min_size=1, max_size=3).map(".".join)


def _wire(text: str) -> bytes:
    return ORIGIN if text == "@" else names.read(text, ORIGIN).lower()


def _read(records: list[tuple[str, str]]) -> ZoneReport:
    lines = [f"{owner} NSEC {leads_to} NSEC\n" for owner, leads_to in records]
    report = read_zone_text(_SIGNED + "".join(lines), ORIGIN)
    assert report.zone is not None, report.errors
    return report


def _ring(report: ZoneReport) -> tuple[list[bytes], bool]:
    assert report.zone is not None
    denial = report.zone.denial
    assert isinstance(denial, NsecDenial)
    return list(denial.ring), denial.whole


def _chain(owners: list[str]) -> list[tuple[str, str]]:
    """Records in canonical order, each of which leads to the next one."""
    known = {_wire(owner): owner for owner in ["@", *owners]}
    order = [known[name] for name in sorted(known, key=names.canonical_key)]
    return list(zip(order, order[1:] + order[:1], strict=True))


@given(st.lists(_OWNERS, max_size=8), st.data())
@settings(max_examples=300, deadline=None)
def test_ring_and_gaps_are_what_the_records_say(owners: list[str], data: st.DataObject) -> None:
    records = data.draw(st.permutations(_chain(owners)))
    others = [owner for owner, _ in records]
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(records) - 1))
        records[place] = (records[place][0], data.draw(st.sampled_from([*others, "c", "o.ut."])))
    if len(records) > 1 and data.draw(st.booleans()):
        records.remove(data.draw(st.sampled_from([r for r in records if r[0] != "@"])))
    elif data.draw(st.booleans()):
        records.append((data.draw(st.sampled_from(others)), data.draw(st.sampled_from(others))))
    report = _read(list(records))
    held = sorted({_wire(owner) for owner, _ in records}, key=names.canonical_key)
    following = dict(zip(held, held[1:] + held[:1], strict=True))
    gaps = {
        (_wire(owner), _wire(leads_to))
        for owner, leads_to in records
        if following[_wire(owner)] != _wire(leads_to)
    }
    ring, whole = _ring(report)
    assert ring == held
    assert len([w for w in report.warnings if " leads to " in w.reason]) == len(gaps)
    assert whole == (not gaps and len(set(records)) == len(held))


def test_names_that_come_nearly_in_order_are_not_sorted() -> None:
    """As dnssec-signzone writes them; so many that the zone's table has many parts."""
    chain = _chain([f"h{i}" for i in range(9_000)])
    shuffled = [*chain[4_500:4_600], *chain[:4_500], *chain[4_600:]]
    ring, whole = _ring(_read(shuffled))
    assert ring == [_wire(owner) for owner, _ in chain]
    assert whole
    ring, whole = _ring(_read(chain[::-1]))
    assert ring == [_wire(owner) for owner, _ in chain]
    assert not whole


def test_a_name_that_nothing_leads_to_is_in_the_ring() -> None:
    chain = _chain([f"h{i}" for i in range(9_000)])
    ring, whole = _ring(_read([*chain, ("h5x", "h6")]))
    assert (len(ring), whole) == (9_002, False)


def test_a_chain_in_another_order_is_not_whole() -> None:
    report = _read([("@", "b"), ("b", "a"), ("a", "@")])
    assert _ring(report) == ([_wire("@"), _wire("a"), _wire("b")], False)
    assert len([w for w in report.warnings if " leads to " in w.reason]) == 3
