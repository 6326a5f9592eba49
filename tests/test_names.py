"""Domain names: presentation format, ancestry, canonical order (RFC 1035, RFC 4034)."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import names
from resolver.errors import NameSyntaxError
from resolver.names import ROOT, read

LABELS = st.one_of(
    st.sampled_from([b"a", b"A", b"b", b"ab", b"*", b"\0", b"\1", b"\0\0", b"a.b", b"_25"]),
    st.binary(min_size=1, max_size=63),
)


def join(labels: list[bytes]) -> bytes:
    return b"".join([bytes((len(label),)) + label for label in labels]) + ROOT


NAMES = st.lists(LABELS, max_size=8).map(join).filter(lambda name: len(name) <= 255)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\0"),
        ("example.", b"\7example\0"),
        ("WWW.Example.", b"\3WWW\7Example\0"),
        (r"a\.b.example.", b"\3a.b\7example\0"),
        (r"a\\.example.", b"\2a\\\7example\0"),
        (r"\000\255.", b"\2\0\xff\0"),
        (r"a\032b.", b"\3a b\0"),
        (r"\@.", b"\1@\0"),
        ("*.example.", b"\1*\7example\0"),
        (r"\097.", b"\1a\0"),
        (r"end\.", b"\4end.\0"),
        ("_sip._tcp.example.", b"\4_sip\4_tcp\7example\0"),
    ],
)
def test_presentation_format_is_read(text: str, wire: bytes) -> None:
    assert read(text) == wire


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty name"),
        ("..", "empty label"),
        (".example.", "empty label"),
        ("a..b.", "empty label"),
        ("a" * 64 + ".", "label of 64 octets"),
        (".".join(["a" * 63] * 4) + ".", "257 octets on the wire"),
        ("\\", "incomplete escape"),
        ("a\\1.", "incomplete escape"),
        ("\\256.", "more than"),
        ("bücher.example.", "xn--"),
        ("b\\.ücher.example.", "xn--"),
    ],
)
def test_text_that_is_no_name_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(NameSyntaxError, match=reason):
        read(text)


def test_the_longest_name_has_255_octets() -> None:
    longest = ".".join(["a" * 63] * 3 + ["a" * 61]) + "."
    assert len(read(longest)) == 255
    with pytest.raises(NameSyntaxError):
        read("b" + longest)


def test_a_relative_name_gets_the_origin() -> None:
    origin = read("example.")
    assert read("www", origin) == read("www.example.")
    assert read(r"a\.b", origin) == read(r"a\.b.example.")
    assert read("www.", origin) == read("www.")
    assert read("www") == read("www.")


def test_an_origin_counts_towards_the_length() -> None:
    with pytest.raises(NameSyntaxError, match="256 octets"):
        read("a" * 63, read(".".join(["a" * 63] * 2 + ["a" * 62]) + "."))


@given(NAMES)
def test_shown_names_read_back(name: bytes) -> None:
    assert read(names.show(name)) == name


@given(NAMES)
def test_shown_names_mean_the_same_to_dnspython(name: bytes) -> None:
    assert dns.name.from_text(names.show(name)).to_wire() == name


@given(NAMES)
def test_dnspython_text_means_the_same_to_us(name: bytes) -> None:
    assert read(dns.name.from_wire(name, 0)[0].to_text()) == name


def test_special_octets_are_shown_escaped() -> None:
    assert names.show(b"\x06a.b \0\\\0") == r"a\.b\032\000\\."
    assert names.show(b'\6";()@$\0') == r"\"\;\(\)\@\$."


def test_ancestors_go_from_the_name_to_the_root() -> None:
    assert list(names.ancestors(read("www.example.com."))) == [
        read("www.example.com."),
        read("example.com."),
        read("com."),
        ROOT,
    ]
    assert list(names.ancestors(ROOT)) == [ROOT]


def test_the_root_is_its_own_parent() -> None:
    assert names.parent(read("example.")) == ROOT
    assert names.parent(ROOT) == ROOT


@given(NAMES)
def test_labels_and_ancestors_agree_with_dnspython(name: bytes) -> None:
    theirs = dns.name.from_wire(name, 0)[0]
    assert names.labels(name) == list(theirs.labels[:-1])
    assert names.count_labels(name) == len(theirs.labels) - 1
    assert [a for a in names.ancestors(name) if a != name] == _parents(theirs)


def _parents(name: dns.name.Name) -> list[bytes]:
    found = []
    while name != dns.name.root:
        name = name.parent()
        found.append(name.to_wire())
    return found


def test_suffix_keeps_the_last_labels() -> None:
    name = read("a.b.c.")
    assert [names.suffix(name, n) for n in range(5)] == [
        ROOT,
        read("c."),
        read("b.c."),
        name,
        name,
    ]


@pytest.mark.parametrize(
    ("name", "zone", "within", "below"),
    [
        ("www.example.com.", "example.com.", True, True),
        ("example.com.", "example.com.", True, False),
        ("example.com.", ".", True, True),
        (".", ".", True, False),
        ("badexample.com.", "example.com.", False, False),
        ("com.", "example.com.", False, False),
        (r"a\.example.com.", "example.com.", False, False),
        ("www.example.org.", "example.com.", False, False),
    ],
)
def test_ancestry_respects_label_boundaries(
    name: str, zone: str, *, within: bool, below: bool
) -> None:
    assert names.is_within(read(name), read(zone)) is within
    assert names.is_below(read(name), read(zone)) is below


def test_octets_that_look_like_a_zone_inside_a_label_are_no_zone() -> None:
    # The label's own octets spell "\3com\0"-less wire of com: length 3, then com.
    inside = b"\x07abc\x03com\0"
    assert inside.endswith(read("com."))
    assert not names.is_within(inside, read("com."))


@given(NAMES, NAMES)
def test_ancestry_agrees_with_dnspython(name: bytes, zone: bytes) -> None:
    lower, origin = name.lower(), zone.lower()
    theirs = dns.name.from_wire(lower, 0)[0]
    theirs_zone = dns.name.from_wire(origin, 0)[0]
    assert names.is_within(lower, origin) == theirs.is_subdomain(theirs_zone)
    assert names.is_below(lower, origin) == (
        theirs.is_subdomain(theirs_zone) and theirs != theirs_zone
    )


def test_every_ancestor_contains_its_name() -> None:
    name = read("a.b.c.example.")
    assert all(names.is_within(name, ancestor) for ancestor in names.ancestors(name))


def test_the_canonical_order_of_rfc_4034_section_6_1() -> None:
    ordered = [
        "example.",
        "a.example.",
        "yljkjljk.a.example.",
        "Z.a.example.",
        "zABC.a.EXAMPLE.",
        "z.example.",
        r"\001.z.example.",
        "*.z.example.",
        r"\200.z.example.",
    ]
    wire = [read(text) for text in ordered]
    assert sorted(reversed(wire), key=names.canonical_key) == wire


@given(NAMES, NAMES)
def test_canonical_order_agrees_with_dnspython(a: bytes, b: bytes) -> None:
    ours = _sign(names.canonical_key(a), names.canonical_key(b))
    left, right = dns.name.from_wire(a, 0)[0], dns.name.from_wire(b, 0)[0]
    order = left.fullcompare(right)[1]
    assert ours == (order > 0) - (order < 0)


@given(st.lists(LABELS, max_size=4), LABELS)
def test_names_order_after_their_parents(labels: list[bytes], label: bytes) -> None:
    name = join([label, *labels])
    assert names.canonical_key(join(labels)) < names.canonical_key(name)


def _sign(a: bytes, b: bytes) -> int:
    return (a > b) - (a < b)


def test_the_wildcard_of_a_name() -> None:
    assert names.wildcard(read("example.")) == read("*.example.")
    assert names.wildcard(ROOT) == read("*.")


def test_lower_case_touches_no_length_octet() -> None:
    name = join([b"A" * 63, b"B"])
    assert name.lower() == join([b"a" * 63, b"b"])
