"""One version of a zone: its figures, its order, and that many records stay cheap."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from reading import HEAD, name, report, zone

from resolver import names
from resolver.zone.content import pack_group, pack_node, unpack_node


def test_figures() -> None:
    made = zone("www A 192.0.2.1\nwww A 192.0.2.2\na.b TXT x\n")
    assert (made.serial, made.records, made.size) == (1, 6, 4)
    assert made.soa.ttl == 3600
    assert made.denial_soa.ttl == 300, "the lower of TTL and MINIMUM (RFC 2308 section 3)"
    assert made.denial_soa.rdatas == made.soa.rdatas
    assert repr(made) == "Zone(example.test. serial 1, 6 records)"


def test_denials_are_never_kept_longer_than_the_soa() -> None:
    head = HEAD.replace("@ SOA", "@ 100 SOA")
    found = report("", head=head)
    assert found.zone is not None
    assert found.zone.denial_soa.ttl == 100


def test_names_are_in_canonical_order() -> None:
    made = zone("z A 192.0.2.1\na A 192.0.2.1\nyljkjljk.a A 192.0.2.1\nZ.a A 192.0.2.1\n*.z TXT x")
    expected = ["example.test.", "a", "yljkjljk.a", "z.a", "ns1", "z", "*.z"]
    assert [names.show(n) for n in made.names()] == [names.show(name(n)) for n in expected]


def test_rrsets_begin_with_the_soa_and_are_complete() -> None:
    made = zone("www A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\n")
    rrsets = list(made.rrsets())
    assert rrsets[0] == made.soa
    assert sum(len(r.rdatas) for r in rrsets) == made.records == 6


_rdata = st.binary(max_size=300)


@given(
    st.integers(0, 127),
    st.sampled_from([None, b"\3WwW\4Test\0"]),
    st.dictionaries(
        st.integers(1, 45),
        st.tuples(st.integers(0, 2**31 - 1), st.lists(_rdata, min_size=1, max_size=5)),
    ),
)
def test_a_node_is_packed_and_unpacked(
    flags: int, owner: bytes | None, groups: dict[int, tuple[int, list[bytes]]]
) -> None:
    packed = b"".join(pack_group(t, ttl, rdatas) for t, (ttl, rdatas) in groups.items())
    node = unpack_node(b"\3www\4test\0", pack_node(flags, owner, packed))
    assert node.flags == flags
    assert node.owner == (owner or b"\3www\4test\0")
    assert {t: (r.ttl, list(r.rdatas)) for t, r in node.rrsets.items()} == groups


def test_twenty_thousand_records_take_little_memory() -> None:
    body = "".join(f"h{i} A 10.{i >> 16}.{i >> 8 & 255}.{i & 255}\n" for i in range(20_000))
    tracemalloc.start()
    try:
        made = zone(body)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.records == 20_003
    # Name, packed node and their place in the table; no object per record beside them.
    assert used / made.records < 300
