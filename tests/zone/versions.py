"""Random zones and a strict comparison of two versions, for tests of differences."""

from hypothesis import strategies as st

from resolver import names
from resolver.slices import finish
from resolver.zone.content import CASED, Zone
from resolver.zone.file import read_zone_text
from resolver.zone.groups import unpack_groups
from resolver.zone.relations import relations_of
from resolver.zone.table import Table

ORIGIN = names.read("example.test.")


def version(serial: int, body: str) -> Zone:
    """A zone whose servers are elsewhere, so that any body makes a zone."""
    head = f"$TTL 300\n@ SOA ns.else.where. host {serial} 2 3 4 5\n@ NS ns.else.where.\n"
    report = read_zone_text(head + body, ORIGIN)
    assert report.zone is not None, report.errors
    return report.zone


_LABELS = st.sampled_from(["a", "b", "c", "ns", "*"])
_OWNERS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)
_TARGETS = st.one_of(_OWNERS, _OWNERS, st.just("ns.else.where."))
_TTLS = st.sampled_from([60, 300])
_ADDRESSES = st.integers(1, 3).map("192.0.2.{}".format)


def _rrset(rrtype: str, datas: st.SearchStrategy[str], most: int) -> st.SearchStrategy[list[str]]:
    records = st.lists(datas, min_size=1, max_size=most, unique=True)
    return st.builds(lambda ttl, rs: [f"{ttl} {rrtype} {r}" for r in rs], _TTLS, records)


_A = _rrset("A", _ADDRESSES, 3)
_TXT = _rrset("TXT", st.sampled_from(["x", "y"]), 2)
_MX = _rrset("MX", _TARGETS.map("10 {}".format), 2)
_NS = _rrset("NS", _TARGETS, 3)
_DATA = st.lists(
    st.one_of(_A, _TXT, _MX), min_size=1, max_size=2, unique_by=lambda r: r[0].split()[1]
)
_NODES = st.one_of(
    _DATA,
    _DATA,
    st.tuples(_NS),
    st.tuples(_NS, _A),
    st.tuples(_rrset("DNAME", _TARGETS, 1)),
    st.tuples(_rrset("CNAME", _TARGETS, 1)),
)


@st.composite
def bodies(draw: st.DrawFn) -> str:
    """Master files with cuts, cuts below cuts, glue, ENTs, wildcards, DNAMEs, also at the top."""
    lines: list[str] = []
    if draw(st.integers(0, 9)) == 0:
        lines.append("@ DNAME over.there.")
    for owner, rrsets in draw(st.dictionaries(_OWNERS, _NODES, max_size=8)).items():
        for rrset in rrsets:
            if owner[0] != "*" or " NS " not in rrset[0]:
                lines += [f"{owner} {record}" for record in rrset]
    return "\n".join(lines) + "\n"


def nodes(zone: Zone) -> dict[str, object]:
    """Every name with its flags and records, whatever their order and spelling."""
    return {
        names.show(name): (
            packed[0] & ~CASED,
            {key: (g.ttl, sorted(g.rdatas)) for key, g in unpack_groups(packed).items()},
        )
        for name, packed in zone.nodes.items()
    }


def assert_same(made: Zone, expected: Zone) -> None:
    """Equal in every name, flag, record and count, as if it had been loaded."""
    assert nodes(made) == nodes(expected)
    assert (made.records, made.size) == (expected.records, expected.size)
    assert made.soa.rdatas == expected.soa.rdatas
    kept, counted = finish(relations_of(made)), finish(relations_of(expected))
    assert _counts(kept.children) == _counts(counted.children)
    assert _counts(kept.uses) == _counts(counted.uses)


def _counts(table: Table[int]) -> dict[bytes, int]:
    return dict(table.items())
