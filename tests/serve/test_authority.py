"""Answers from own zones: aliases across zones, parents and children, what is added."""

import pytest

from resolver import codes, names
from resolver.codes import Ede, Rcode, RRClass, RRType, show_type
from resolver.model import Answer, Question, RRset
from resolver.serve.authority import MAX_ADDITIONAL_NAMES, MAX_ALIASES, answer
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

PARENT = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
www A 192.0.2.80
alias CNAME www
Far CNAME Host.Elsewhere.Org.
out CNAME x.example.net.
toother CNAME www.other.test.
tochild CNAME www.child
gone CNAME nothing
red DNAME other.test.
redout DNAME example.net.
loop1 CNAME loop2
loop2 CNAME loop1
child NS ns1
child DS 1 8 2 00
sub NS ns.sub
sub NS ns1
sub NS ns.sibling
sub NS ns.example.org.
sub NS www.other.test.
ns.sub A 192.0.2.2
ns.sub AAAA 2001:db8::2
sibling NS ns.sibling
ns.sibling A 192.0.2.3
tosub CNAME Host.Sub
mx MX 1 www
mx MX 2 www.other.test.
mx MX 3 host.sub
mx MX 4 mail.example.net.
srv SRV 0 0 1 www
svc SVCB 1 www
self HTTPS 1 . alpn=h2
self A 192.0.2.7
off HTTPS 0 .
off A 192.0.2.8
naptr NAPTR 1 1 "A" "service" "" www
"""
CHILD = """$TTL 60
@ SOA ns1.example.test. hostmaster 2 7200 3600 1209600 300
@ NS ns1.example.test.
www A 192.0.2.90
"""
OTHER = """$TTL 60
@ SOA ns hostmaster 3 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.91
www A 192.0.2.92
back CNAME alias.example.test.
"""


def store(**zones: str) -> ZoneStore:
    made = ZoneStore()
    for origin, text in zones.items():
        report = read_zone_text(text, names.read(origin.replace("_", ".")))
        assert report.zone is not None, report.errors
        made.swap(report.zone)
    return made


OURS = store(example_test=PARENT, child_example_test=CHILD, other_test=OTHER)


def ask(qname: str, qtype: str, *, minimal: bool = True, zones: ZoneStore = OURS) -> Answer:
    number = codes.read_type(qtype)
    assert number is not None
    found = answer(zones, Question(names.read(qname), number), minimal=minimal)
    assert found is not None
    assert not found.ages, "own data does not count down"
    return found


def shown(rrsets: object) -> list[str]:
    assert isinstance(rrsets, list | tuple)
    return [f"{names.show(r.owner)} {show_type(r.rrtype)}" for r in rrsets if isinstance(r, RRset)]


def test_names_of_no_own_zone() -> None:
    assert answer(OURS, Question(names.read("example.net."), RRType.A), minimal=True) is None
    assert answer(OURS, Question(names.read("test."), RRType.A), minimal=True) is None
    assert answer(OURS, Question(names.read("example.test."), RRType.DS), minimal=True) is not None


@pytest.mark.parametrize("qclass", [RRClass.CH, RRClass.HS, RRClass.NONE])
def test_only_class_in_is_ours(qclass: int) -> None:
    question = Question(names.read("www.example.test."), RRType.A, qclass)
    assert answer(OURS, question, minimal=True) is None


def test_a_chain_inside_the_zone() -> None:
    found = ask("alias.example.test.", "A")
    assert shown(found.answer) == ["alias.example.test. CNAME", "www.example.test. A"]
    assert (found.rcode, found.authoritative, found.chase) == (Rcode.NOERROR, True, None)


def test_the_rcode_is_that_of_the_last_name() -> None:
    found = ask("gone.example.test.", "A")
    assert found.rcode == Rcode.NXDOMAIN
    assert shown(found.answer) == ["gone.example.test. CNAME"]
    assert shown(found.authority) == ["example.test. SOA"]


def test_a_chain_that_leaves_our_zones_says_where_to() -> None:
    found = ask("far.example.test.", "A")
    assert (found.rcode, found.authoritative) == (Rcode.NOERROR, True)
    assert found.chase == names.read("host.elsewhere.org.")
    assert shown(found.answer) == ["Far.example.test. CNAME"]
    assert not found.authority


def test_a_dname_that_leaves_our_zones() -> None:
    found = ask("A.redout.example.test.", "A")
    assert shown(found.answer) == ["redout.example.test. DNAME", "A.redout.example.test. CNAME"]
    assert found.chase == names.read("a.example.net.")


def test_a_chain_through_several_own_zones() -> None:
    found = ask("back.other.test.", "A")
    assert shown(found.answer) == [
        "back.other.test. CNAME",
        "alias.example.test. CNAME",
        "www.example.test. A",
    ]
    assert shown(ask("toother.example.test.", "A").answer)[-1] == "www.other.test. A"
    assert shown(ask("www.red.example.test.", "A").answer)[-1] == "www.other.test. A"
    assert shown(ask("tochild.example.test.", "A").answer)[-1] == "www.child.example.test. A"


def test_cname_and_any_are_answered_by_the_alias_itself() -> None:
    for qtype in ("CNAME", "ANY"):
        assert shown(ask("alias.example.test.", qtype).answer) == ["alias.example.test. CNAME"]
        assert shown(ask("x.redout.example.test.", qtype).answer) == [
            "redout.example.test. DNAME",
            "x.redout.example.test. CNAME",
        ]


def test_loops_are_an_error() -> None:
    found = ask("loop1.example.test.", "A")
    assert found.rcode == Rcode.SERVFAIL
    assert len(found.answer) == 2
    assert found.chase is None
    assert found.extended_errors[0].code == Ede.OTHER


@pytest.mark.parametrize(
    ("aliases", "rcode"),
    [(MAX_ALIASES, Rcode.NOERROR), (MAX_ALIASES + 1, Rcode.SERVFAIL), (500, Rcode.SERVFAIL)],
)
def test_chains_are_bounded(aliases: int, rcode: Rcode) -> None:
    chain = "".join(f"c{i} CNAME c{i + 1}\n" for i in range(aliases)) + f"c{aliases} A 192.0.2.1\n"
    zones = store(example_test=PARENT + chain)
    found = ask("c0.example.test.", "A", zones=zones)
    assert found.rcode == rcode
    assert len(found.answer) == MAX_ALIASES + 1


def test_a_loop_through_a_growing_dname_is_bounded() -> None:
    zones = store(example_test=PARENT + "grow DNAME x.grow\n")
    found = ask("a.grow.example.test.", "A", zones=zones)
    assert found.rcode == Rcode.SERVFAIL


def test_too_long_a_name_is_yxdomain_with_the_dname() -> None:
    long = ".".join(["x" * 60] * 3)
    zones = store(example_test=PARENT + f"long DNAME {long}\nto CNAME {'y' * 60}.long\n")
    found = ask("y" * 60 + ".long.example.test.", "A", zones=zones)
    assert found.rcode == Rcode.YXDOMAIN
    assert shown(found.answer) == ["long.example.test. DNAME"]
    assert shown(ask("to.example.test.", "A", zones=zones).answer) == [
        "to.example.test. CNAME",
        "long.example.test. DNAME",
    ]


def test_a_child_zone_of_ours_answers_for_itself() -> None:
    found = ask("www.child.example.test.", "A")
    assert found.authoritative
    assert shown(found.answer) == ["www.child.example.test. A"]
    assert shown(ask("child.example.test.", "SOA").answer) == ["child.example.test. SOA"]


def test_ds_is_answered_by_the_parent_where_that_is_ours() -> None:
    found = ask("child.example.test.", "DS")
    assert shown(found.answer) == ["child.example.test. DS"]
    assert not ask("child.example.test.", "DS", minimal=False).authority
    nodata = ask("example.test.", "DS")
    assert (nodata.rcode, shown(nodata.authority)) == (Rcode.NOERROR, ["example.test. SOA"])
    alone = store(child_example_test=CHILD)
    assert shown(ask("child.example.test.", "DS", zones=alone).authority) == [
        "child.example.test. SOA"
    ]


def test_ds_of_the_root_has_no_parent() -> None:
    root = store(_="$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    assert shown(ask(".", "DS", zones=root).authority) == [". SOA"]


def test_a_referral_puts_the_needed_glue_first() -> None:
    found = ask("host.sub.example.test.", "A")
    assert not found.authoritative
    assert not found.answer
    assert shown(found.authority) == ["sub.example.test. NS"]
    additional = shown(found.additional)
    assert found.required_glue == 2
    assert additional[:2] == ["ns.sub.example.test. A", "ns.sub.example.test. AAAA"]
    assert sorted(additional[2:]) == [
        "ns.sibling.example.test. A",
        "ns1.example.test. A",
        "ns1.example.test. AAAA",
        "www.other.test. A",
    ]
    assert found.chase is None


def test_an_alias_to_below_a_cut_is_answered_with_the_referral() -> None:
    found = ask("tosub.example.test.", "A")
    assert found.authoritative, "AA is about the first owner in the answer (RFC 1035 section 4.1.1)"
    assert shown(found.answer) == ["tosub.example.test. CNAME"]
    assert shown(found.authority) == ["sub.example.test. NS"]
    assert found.chase == names.read("host.sub.example.test.")


@pytest.mark.parametrize(
    ("qname", "qtype", "added"),
    [
        ("mx", "MX", ["www.example.test. A", "www.other.test. A"]),
        ("srv", "SRV", ["www.example.test. A"]),
        ("svc", "SVCB", ["www.example.test. A"]),
        ("self", "HTTPS", ["self.example.test. A"]),
        ("off", "HTTPS", []),
        ("naptr", "NAPTR", ["www.example.test. A"]),
        ("example.test.", "NS", ["ns1.example.test. A", "ns1.example.test. AAAA"]),
        ("www", "A", []),
        ("alias", "CNAME", []),
    ],
)
def test_addresses_are_added_for_hosts(qname: str, qtype: str, added: list[str]) -> None:
    full = qname if qname.endswith(".") else f"{qname}.example.test."
    found = ask(full, qtype)
    assert shown(found.additional) == added
    assert not found.authority
    assert found.required_glue == 0


def test_not_minimal_adds_the_zone_s_name_servers() -> None:
    found = ask("www.example.test.", "A", minimal=False)
    assert shown(found.authority) == ["example.test. NS"]
    assert shown(found.additional) == ["ns1.example.test. A", "ns1.example.test. AAAA"]
    assert not ask("example.test.", "NS", minimal=False).authority
    assert shown(ask("ns1.example.test.", "A", minimal=False).additional) == [
        "ns1.example.test. AAAA"
    ]


def test_additional_names_are_bounded() -> None:
    body = "".join(f"many MX 1 h{i}\nh{i} A 192.0.2.1\n" for i in range(MAX_ADDITIONAL_NAMES * 3))
    zones = store(example_test=PARENT + body)
    assert len(ask("many.example.test.", "MX", zones=zones).additional) == MAX_ADDITIONAL_NAMES


def test_any_is_one_rrset_and_adds_nothing() -> None:
    found = ask("mx.example.test.", "ANY", minimal=False)
    assert len(found.answer) == 1
    assert not found.additional


def test_owners_keep_the_case_of_the_file() -> None:
    assert shown(ask("FAR.EXAMPLE.TEST.", "CNAME").answer) == ["Far.example.test. CNAME"]
