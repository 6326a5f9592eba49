"""Differences: found, put on, turned round, joined; and what does not fit is refused."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stages import pauses
from versions import ORIGIN, assert_same, bodies, nodes, version

from resolver import names
from resolver.codes import RRType
from resolver.errors import DiffError
from resolver.model import RRset
from resolver.slices import finish
from resolver.zone import table
from resolver.zone.content import CUT, ENT, GLUE, OCCLUDED, Zone
from resolver.zone.diff import Diff, apply, compute, condense, invert, replay
from resolver.zone.relations import relations_of
from resolver.zone.revision import Revision

WWW = names.read("www", ORIGIN)


def between(old: Zone, new: Zone) -> Diff:
    diff = finish(compute(old, new))
    assert diff.counted == sum(len(r.rdatas) for r in (*diff.removed, *diff.added))
    return diff


def applied(zone: Zone, diff: Diff) -> Zone:
    return finish(apply(zone, diff))


@given(bodies(), bodies())
@settings(max_examples=300, deadline=None)
def test_put_on_the_old_version_a_difference_gives_the_new_one(first: str, second: str) -> None:
    old, new = version(1, first), version(2, second)
    diff = between(old, new)
    made = applied(old, diff)
    assert_same(made, new)
    assert_same(applied(made, invert(diff)), old)
    assert between(made, new).is_empty


@given(bodies(), bodies())
@settings(max_examples=60, deadline=None)
def test_so_it_is_in_a_zone_of_many_parts(first: str, second: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "MAX_SINGLE", 3)
        old, new = version(1, first), version(2, second)
        assert_same(applied(old, between(old, new)), new)


@given(st.lists(bodies(), min_size=2, max_size=5))
@settings(max_examples=100, deadline=None)
def test_a_chain_and_its_short_form_lead_to_the_same_version(texts: list[str]) -> None:
    versions = [version(i, text) for i, text in enumerate(texts)]
    diffs = [between(old, new) for old, new in pairwise(versions)]
    assert_same(finish(replay(versions[0], diffs)), versions[-1])
    short = condense(diffs)
    assert_same(applied(versions[0], short), versions[-1])
    direct = between(versions[0], versions[-1])
    assert short.records == direct.records, "nothing that came and went is left"


def test_old_version_stays_as_it_was() -> None:
    old = version(1, "www A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.3\n")
    before = nodes(old)
    applied(old, between(old, version(2, "")))
    assert nodes(old) == before


def test_difference_begins_with_both_soas_and_holds_only_what_changes() -> None:
    old = version(1, "www A 192.0.2.1\nwww A 192.0.2.2\nmail A 192.0.2.9\n")
    new = version(2, "www A 192.0.2.2\nwww A 192.0.2.3\nmail A 192.0.2.9\n")
    diff = between(old, new)
    assert (diff.from_serial, diff.to_serial) == (1, 2)
    assert diff.removed == (old.soa, RRset(WWW, RRType.A, 1, 300, (bytes((192, 0, 2, 1)),)))
    assert diff.added == (new.soa, RRset(WWW, RRType.A, 1, 300, (bytes((192, 0, 2, 3)),)))
    assert diff.records == 4


def test_new_ttl_takes_all_records_of_the_rrset_out_and_in() -> None:
    old = version(1, "www A 192.0.2.1\nwww A 192.0.2.2\nwww TXT x\n")
    new = version(2, "www 60 A 192.0.2.1\nwww 60 A 192.0.2.2\nwww TXT x\n")
    diff = between(old, new)
    assert [(r.rrtype, r.ttl, len(r.rdatas)) for r in diff.removed[1:]] == [(RRType.A, 300, 2)]
    assert [(r.rrtype, r.ttl, len(r.rdatas)) for r in diff.added[1:]] == [(RRType.A, 60, 2)]
    assert_same(applied(old, diff), new)


def test_order_and_spelling_are_no_difference() -> None:
    old = version(1, "www A 192.0.2.1\nwww A 192.0.2.2\nwww MX 10 Mail\n")
    new = version(1, "WWW MX 10 mail\nwww A 192.0.2.2\nwww A 192.0.2.1\n")
    assert between(old, new).is_empty


def test_spelling_of_a_new_name_is_kept() -> None:
    made = applied(version(1, ""), between(version(1, ""), version(2, "WwW A 192.0.2.1\n")))
    node = made.node(WWW)
    assert node is not None
    assert node.owner == b"\3WwW" + ORIGIN


def flags_of(zone: Zone, name: str) -> int | None:
    return zone.flags(names.read(name, ORIGIN))


def test_what_stays_below_a_cut_that_comes_and_goes() -> None:
    plain = version(1, "a.sub A 192.0.2.1\nns.sub A 192.0.2.2\nx.y.sub TXT x\n")
    cut = version(2, "a.sub A 192.0.2.1\nns.sub A 192.0.2.2\nx.y.sub TXT x\nsub NS ns.sub\n")
    made = applied(plain, between(plain, cut))
    assert flags_of(made, "sub") == CUT
    assert flags_of(made, "ns.sub") == OCCLUDED | GLUE
    assert flags_of(made, "y.sub") == OCCLUDED | ENT
    assert flags_of(made, "x.y.sub") == OCCLUDED
    again = applied(made, invert(between(plain, cut)))
    assert flags_of(again, "sub") == ENT
    assert flags_of(again, "ns.sub") == 0


def test_glue_is_glue_until_the_last_delegation_needs_it_no_more() -> None:
    glue = "ns.a A 192.0.2.2\n"
    both = version(1, f"a NS ns.a\nb NS ns.a\n{glue}")
    one = version(2, f"a NS ns.else.where.\nb NS ns.a\n{glue}")
    none = version(3, f"a NS ns.else.where.\n{glue}")
    made = applied(both, between(both, one))
    assert flags_of(made, "ns.a") == OCCLUDED | GLUE
    made = applied(made, between(one, none))
    assert flags_of(made, "ns.a") == OCCLUDED


def soa(serial: int, owner: bytes = ORIGIN) -> RRset:
    return RRset(owner, RRType.SOA, 1, 300, version(serial, "").soa.rdatas)


def rrset(owner: str, text: str, ttl: int = 300, rrtype: int = RRType.TXT) -> RRset:
    return RRset(names.read(owner, ORIGIN), rrtype, 1, ttl, (bytes((len(text),)) + text.encode(),))


def change(removed: list[RRset], added: list[RRset], **changed: object) -> Diff:
    said = {"origin": ORIGIN, "from_serial": 1, "to_serial": 2} | changed
    return Diff(
        **said,  # type: ignore[arg-type]
        removed=(soa(1), *removed),
        added=(soa(2), *added),
    )


NS = version(1, "").ns
A_NAME = RRset(names.read("www", ORIGIN), RRType.CNAME, 1, 300, (ORIGIN,))


@pytest.mark.parametrize(
    ("diff", "reason"),
    [
        (change([rrset("www", "y")], []), 'www.example.test. TXT "y" is to be removed, but'),
        (change([rrset("nobody", "x")], []), "nobody.example.test. TXT"),
        (change([rrset("www", "x"), rrset("www", "x")], []), "is not there"),
        (change([], [rrset("www", "x")]), "is there already"),
        (change([], [rrset("new", "x"), rrset("NEW", "x")]), "is there already"),
        (change([], [rrset("www", "y", 60)]), "TTL 60 beside records with TTL 300"),
        (change([], [rrset("www.else.where.", "x")]), "outside the zone"),
        (change([rrset("xexample.test.", "x")], []), "outside the zone"),
        (change([], [soa(3)]), "leaves 2 SOA records"),
        (change([], [soa(3, WWW)]), "not the top of the zone"),
        (change([NS], []), "leaves no NS"),
        (change([], [A_NAME]), "has a CNAME and other data"),
        (change([], [rrset("*.d", "", rrtype=RRType.NS)]), "NS at the wildcard"),
        (change([], [RRset(WWW, RRType.TXT, 3, 300, (b"\1x",))]), "nothing that a zone holds"),
        (change([], [RRset(WWW, RRType.ANY, 1, 300, (b"\1x",))]), "nothing that a zone holds"),
        (change([], [], origin=names.ROOT), "is about ., not example.test."),
        (change([], [], from_serial=7), "starts from serial 7, not 1"),
        (change([], [], to_serial=9), "leads to serial 2, not 9"),
        (Diff(ORIGIN, 1, 2, (), (soa(2),)), "does not begin with the SOA"),
        (Diff(ORIGIN, 1, 2, (soa(1),), ()), "does not begin with the SOA"),
        (Diff(ORIGIN, 1, 2, (soa(1),), (soa(2, WWW),)), "does not begin with the SOA"),
        (Diff(ORIGIN, 1, 2, (soa(1),), (RRset(ORIGIN, 6, 1, 0, (b"",)),)), "no proper SOA"),
        (Diff(ORIGIN, 1, 3, (soa(2),), (soa(3),)), "SOA ns.else.where. "),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(diff: Diff, reason: str) -> None:
    zone = version(1, "www TXT x\n")
    before = nodes(zone)
    with pytest.raises(DiffError) as refusal:
        applied(zone, diff)
    assert reason in str(refusal.value)
    assert nodes(zone) == before


def test_ttl_of_a_removed_record_does_not_matter() -> None:
    zone = version(1, "www TXT x\n")
    assert applied(zone, change([rrset("www", "x", 60)], [])).node(WWW) is None


def test_two_zones_have_no_difference_to_speak_of() -> None:
    other = version(1, "")
    other.origin = names.read("other.test.")
    with pytest.raises(DiffError, match="two zones"):
        between(version(1, ""), other)


def test_difference_too_large_to_be_worth_it_is_refused() -> None:
    old, new = version(1, ""), version(2, "".join(f"h{i} TXT x\n" for i in range(11)))
    assert finish(compute(old, new, max_records=11)).records == 13
    with pytest.raises(DiffError, match="worth"):
        finish(compute(old, new, max_records=10))


def test_only_links_that_follow_each_other_are_joined() -> None:
    diff = change([], [])
    with pytest.raises(ValueError, match="does not follow"):
        condense([diff, diff])
    with pytest.raises(ValueError, match="nothing"):
        condense([])


def test_versions_share_what_did_not_change() -> None:
    old = version(1, "".join(f"h{i} A 192.0.2.1\n" for i in range(table.MAX_SINGLE + 10)))
    new = applied(old, change([], [rrset("www", "x")]))
    assert len(old.nodes.shards) == table.SHARDS
    shared = sum(a is b for a, b in zip(old.nodes.shards, new.nodes.shards, strict=True))
    assert shared >= table.SHARDS - 2, "the top and www"


def test_a_large_change_is_made_in_slices_from_beginning_to_end() -> None:
    old = version(1, "")
    new = version(2, "".join(f"h{i} A 192.0.2.1\n" for i in range(5_000)))
    diff = between(old, new)
    revision = Revision(old, finish(relations_of(old)))
    for rrset in diff.removed:
        revision.remove(rrset)
    for rrset in diff.added:
        revision.add(rrset)
    stages = pauses(revision.finish())
    assert set(stages) >= {
        "_write",
        "_drop_empty",
        "_count_servers",
        "_place_below",
        "_close",
        "finish",
    }


def test_versions_of_many_parts_are_compared_part_by_part() -> None:
    many = table.MAX_SINGLE + 1_000
    old = version(1, "".join(f"h{i} 60 A 192.0.2.1\n" for i in range(many)))
    new = version(2, "".join(f"h{i} {60 + (i % 10 == 0)} A 192.0.2.1\n" for i in range(many)))
    differing = sum(one != other for one, other in old.nodes.pairs(new.nodes))
    assert differing > table.SHARDS / 2
    assert pauses(compute(old, new))["compute"] >= differing
