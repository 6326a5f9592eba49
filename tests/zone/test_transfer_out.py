"""Transfers handed out: what is in the messages of AXFR and IXFR, and how they are cut."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import dns.message
import dns.name
import dns.rdatatype
import dns.transaction
import dns.xfr
import dns.zone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolver import names
from resolver.codes import Flag, RRType
from resolver.compile import is_compiled
from resolver.model import Edns, Message, Question, RRset
from resolver.slices import finish
from resolver.wire.parse import parse
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, compute
from resolver.zone.dump import dump
from resolver.zone.file import read_zone_text
from resolver.zone.transfer_in import Bounds, Inbound, Whole
from resolver.zone.transfer_out import (
    MAX_MESSAGE_OCTETS,
    MESSAGE_OCTETS,
    Request,
    axfr,
    ixfr,
    steps_to,
)

ORIGIN = names.read("example.test.")
HEAD = "$TTL 300\n@ SOA ns1.other.test. Host {serial} 7200 900 1209600 600\n@ NS ns1.other.test.\n"
ZONE = (
    HEAD
    + """
ns1 A 192.0.2.1
@ MX 10 Mail.Example.TEST.
mail A 192.0.2.25
mail AAAA 2001:db8::25
WWW A 192.0.2.80
a.deep.ent TXT "one" "two"
*.wild A 192.0.2.99
sub NS ns.sub
ns.sub A 192.0.2.53
other.sub TXT "occluded"
alias CNAME WWW
_sip._tcp SRV 0 0 5060 WWW
d DNAME elsewhere.test.
x.d TXT "below a DNAME"
odd TYPE65280 \\# 3 010203
"""
)


def zone(body: str = ZONE, serial: int = 7) -> Zone:
    report = read_zone_text(body.replace("{serial}", str(serial)), ORIGIN)
    assert report.zone is not None, report.errors
    return report.zone


def request(qtype: int = RRType.AXFR, **options: object) -> Request:
    return Request(77, Question(ORIGIN, qtype), **options)  # type: ignore[arg-type]


def one_by_one(packet: bytes) -> dns.message.Message:
    return dns.message.from_wire(packet, xfr=True, one_rr_per_rrset=True)


def records(packets: list[bytes]) -> list[tuple[bytes, int, int, bytes]]:
    """Every record in its order, without grouping: read with dnspython one RR at a time."""
    found = []
    for packet in packets:
        message = one_by_one(packet)
        for rrset in message.answer:
            (rdata,) = rrset
            found.append((rrset.name.to_wire(), int(rrset.rdtype), rrset.ttl, rdata.to_wire()))
    return found


def contents(of: Zone) -> list[tuple[bytes, int, int, bytes]]:
    return [(r.owner, r.rrtype, r.ttl, d) for r in of.rrsets() for d in r.rdatas]


def large(count: int, serial: int = 7) -> Zone:
    return zone(HEAD + "".join(f"h{i} A 10.0.{i >> 8}.{i & 255}\n" for i in range(count)), serial)


# AXFR


def test_whole_zone_with_the_soa_at_both_ends() -> None:
    own = zone()
    packets = list(axfr(own, request()))
    assert len(packets) == 1
    sent = records(packets)
    assert sent[0] == sent[-1]
    assert sent[0][1] == RRType.SOA
    assert [r[1] for r in sent].count(RRType.SOA) == 2
    # Glue, occluded names and unknown types included (RFC 5936 sections 3.3 and 3.5), case kept.
    assert sorted(sent[:-1]) == sorted(contents(own))
    assert any(owner == names.read("WWW.example.test.") for owner, *_ in sent)
    assert own.records == len(sent) - 1


def test_header_says_authoritative_answer_to_this_query() -> None:
    for packet in axfr(large(2000), request(flags=Flag.RD)):
        message = parse(packet)
        assert (message.id, message.flags) == (77, Flag.QR | Flag.AA | Flag.RD)
        assert message.questions == [Question(ORIGIN, RRType.AXFR)]
        assert not message.authority


def test_many_records_share_messages_of_bounded_size() -> None:
    packets = list(axfr(large(5000), request()))
    assert len(packets) < 20
    assert all(len(p) < MESSAGE_OCTETS + 100 for p in packets)
    assert all(len(p) >= MESSAGE_OCTETS for p in packets[:-1])
    assert sorted(records(packets)[:-1]) == sorted(contents(large(5000)))


def test_names_are_compressed() -> None:
    (packet,) = axfr(zone(), request())
    # SRV's target is written out (RFC 2782), all other names are not.
    assert packet.count(b"\x07example\x04test") == 2
    # With their case: another spelling of the origin is not the same name (RFC 5936 section 3.4).
    assert packet.count(b"\x07Example\x04TEST") == 1
    assert len(packet) < 600


def test_question_in_another_case_changes_no_record() -> None:
    asked = Question(names.read("EXAMPLE.test."), RRType.AXFR)
    (packet,) = axfr(zone(), Request(1, asked))
    assert sorted(records([packet])[:-1]) == sorted(contents(zone()))
    assert parse(packet).questions == [asked]


def test_opt_is_in_the_first_message_only() -> None:
    first, *rest = axfr(large(3000), request(edns=Edns(1232)))
    assert parse(first).edns == Edns(1232)
    assert rest
    assert all(parse(packet).edns is None for packet in rest)


@pytest.mark.parametrize("size", [40_000, 64_000, 65_000])
def test_record_that_fits_alone_only_gets_a_message_of_its_own(size: int) -> None:
    strings = " ".join(['"' + "x" * 255 + '"'] * (size // 256))
    own = zone(HEAD + f"{'f' * 63}.big TXT {strings}\nbefore A 192.0.2.1\nbig TXT {strings}\n")
    packets = list(axfr(own, request(reserve=200, edns=Edns(1232))))
    assert all(len(p) <= MAX_MESSAGE_OCTETS - 200 for p in packets)
    assert sorted(records(packets)[:-1]) == sorted(contents(own))


def test_room_for_a_signature_is_left() -> None:
    strings = " ".join([*['"' + "x" * 255 + '"'] * 255, "y" * 150])
    own = zone(HEAD + f"big TXT {strings}\n")
    assert max(map(len, axfr(own, request()))) > MAX_MESSAGE_OCTETS - 200
    with pytest.raises(ValueError, match="fits in no message"):
        list(axfr(own, request(reserve=200)))


def test_names_beyond_the_reach_of_a_pointer_are_no_targets() -> None:
    own = zone(
        HEAD + "".join(f"h{i}.sub{i} A 10.0.0.1\nm{i} MX 1 h{i}.sub{i}\n" for i in range(900))
    )
    (packet,) = axfr(own, request(), message_octets=MAX_MESSAGE_OCTETS)
    assert len(packet) > 2 * 0x4000
    assert sorted(records([packet])[:-1]) == sorted(contents(own))


def test_record_that_fits_nowhere_is_our_fault() -> None:
    huge = RRset(ORIGIN, 65280, 1, 0, (bytes(65_530),))
    diff = Diff(ORIGIN, 6, 7, (zone(serial=6).soa,), (zone().soa, huge))
    with pytest.raises(ValueError, match="65532 octets"):
        list(ixfr(zone(), [diff], request()))


def test_rrset_of_many_records_goes_on_in_the_next_message() -> None:
    own = zone(HEAD + "".join(f'many TXT "{i} {"x" * 100}"\n' for i in range(500)))
    packets = list(axfr(own, request()))
    assert len(packets) > 3
    assert sorted(records(packets)[:-1]) == sorted(contents(own))


@pytest.mark.skipif(is_compiled(), reason="a compiled class takes no other in its place")
def test_messages_are_made_on_demand() -> None:
    made = []

    class Counting(Zone):
        __slots__ = ()

        def packed_rrsets(self, most_octets: int) -> Iterator[tuple[bytes, bytes, int]]:
            for groups in super().packed_rrsets(most_octets):
                made.append(groups)
                yield groups

    own = large(5000)
    own.__class__ = Counting
    packets = axfr(own, request())
    assert not made
    next(packets)
    assert 0 < len(made) < 1500


def test_root_zone() -> None:
    text = "$TTL 60\n. SOA a. b. 1 2 3 4 5\n. NS a.\na. A 192.0.2.1\ntest. NS ns.test.\n"
    report = read_zone_text(text + "ns.test. A 192.0.2.2\n", names.ROOT)
    assert report.zone is not None, report.errors
    packets = list(axfr(report.zone, Request(1, Question(names.ROOT, RRType.AXFR))))
    assert sorted(records(packets)[:-1]) == sorted(contents(report.zone))


LABEL = st.text("abAB*_1", min_size=1, max_size=8)
OWNER = st.lists(LABEL, max_size=4).map(".".join)
DATA = st.one_of(
    st.tuples(st.just("A"), st.integers(0, 255).map(lambda n: f"192.0.2.{n}")),
    st.tuples(st.just("MX"), OWNER.filter(bool).map(lambda n: f"5 {n}")),
    st.tuples(st.just("TXT"), st.integers(0, 3).map(lambda n: '"' + "t" * 80 * n + '"')),
    st.tuples(st.just("SRV"), OWNER.filter(bool).map(lambda n: f"1 2 3 {n}")),
)


@settings(max_examples=60)
@given(st.lists(st.tuples(OWNER, DATA), max_size=120), st.integers(300, 3000))
def test_any_zone_arrives_whole(lines: list[tuple[str, tuple[str, str]]], octets: int) -> None:
    body = HEAD + "".join(f"{owner or '@'} {rrtype} {rdata}\n" for owner, (rrtype, rdata) in lines)
    own = zone(body)
    packets = list(axfr(own, request(), message_octets=octets))
    assert sorted(records(packets)[:-1]) == sorted(contents(own))


def test_every_type_is_the_same_after_load_transfer_and_dump() -> None:
    """A06: from one file to the other, octet for octet."""
    lines = (Path(__file__).parent / "every_type.txt").read_text().splitlines()
    wanted = [line for line in lines if line.split()[0] not in ("SOA", "NSEC3")]
    own = zone(HEAD + "".join(f"n{number} {line}\n" for number, line in enumerate(wanted)))
    bounds = Bounds()
    inbound = Inbound(ORIGIN, held=None, incremental=False, bounds=bounds)
    results = [finish(inbound.feed(packet)) for packet in axfr(own, request())]
    whole = results[-1]
    assert isinstance(whole, Whole)
    copy = finish(whole.finish())
    assert isinstance(copy, Zone)
    assert dumped(copy) == dumped(own)
    assert sorted(contents(copy)) == sorted(contents(own))
    assert len(contents(own)) == len(wanted) + 2


def dumped(of: Zone) -> str:
    chunks: list[str] = []
    finish(dump(of, chunks.append))
    return "".join(chunks)


def test_dnspython_takes_it() -> None:
    own = large(3000)
    theirs = dns.zone.Zone("example.test.", relativize=False)
    inbound = dns.xfr.Inbound(theirs, dns.rdatatype.AXFR)
    with inbound:
        for packet in axfr(own, request()):
            done = inbound.process_message(one_by_one(packet))
    assert done
    assert len(theirs.nodes) == own.size


# IXFR


def versions(*bodies: str) -> list[Zone]:
    return [zone(HEAD + body, serial) for serial, body in enumerate(bodies, 1)]


def differences(chain: list[Zone]) -> list[Diff]:
    return [finish(compute(a, b)) for a, b in pairwise(chain)]


def kinds(packets: list[bytes]) -> list[str]:
    """SOAs with their serial, other records by their owner's first label."""
    shown = []
    for owner, rrtype, _, rdata in records(packets):
        serial = int.from_bytes(rdata[-20:-16], "big")
        shown.append(str(serial) if rrtype == RRType.SOA else owner[1 : owner[0] + 1].decode())
    return shown


BASE = "ns1 A 192.0.2.1\n"


def test_sequences_are_in_the_order_of_rfc_1995() -> None:
    chain = versions(BASE + "a A 192.0.2.2\n", BASE + "b A 192.0.2.3\n", BASE + "c A 192.0.2.4\n")
    packets = list(ixfr(chain[-1], differences(chain), request(RRType.IXFR)))
    assert kinds(packets) == ["3", "1", "a", "2", "b", "2", "b", "3", "c", "3"]


def test_without_differences_it_is_the_soa_alone() -> None:
    (packet,) = ixfr(zone(), [], request(RRType.IXFR))
    assert kinds([packet]) == ["7"]


def test_differences_that_undo_each_other_are_joined() -> None:
    chain = versions(BASE, BASE + "a A 192.0.2.2\n", BASE + "b A 192.0.2.3\n")
    steps = steps_to(chain[-1], differences(chain), 1)
    assert steps is not None
    assert kinds(list(ixfr(chain[-1], steps, request(RRType.IXFR)))) == ["3", "1", "3", "b", "3"]


def test_long_history_is_not_joined_at_once() -> None:
    chain = versions(*(BASE + f"x{i} A 192.0.2.2\n" for i in range(90)))
    steps = steps_to(chain[-1], differences(chain), 1)
    # 89 differences of 4 records each are many times more than the zone, yet sent: the zone is
    # small; joining them would take longer than a query may wait.
    assert steps is None
    steps = steps_to(chain[-1], differences(chain)[-40:], 50)
    assert steps is not None
    assert len(steps) == 1


@pytest.mark.parametrize("start", [1, 2])
def test_history_before_the_client_s_serial_is_needed_whole(start: int) -> None:
    chain = versions(BASE, BASE + "a A 192.0.2.2\n", BASE + "b A 192.0.2.3\n")
    diffs = differences(chain)
    assert steps_to(chain[-1], diffs[start:], 1) is None
    assert steps_to(chain[-1], diffs[:start], 1) is None or start == 2
    assert steps_to(chain[-1], [], 1) is None
    assert steps_to(chain[-1], None, 1) is None


def test_history_may_be_ahead_of_the_version() -> None:
    chain = versions(BASE, BASE + "a A 192.0.2.2\n", BASE + "b A 192.0.2.3\n")
    steps = steps_to(chain[1], differences(chain), 1)
    assert steps is not None
    assert [s.to_serial for s in steps] == [2]


def test_history_of_another_zone_is_no_use() -> None:
    chain = versions(BASE, BASE + "a A 192.0.2.2\n")
    (diff,) = differences(chain)
    other = Diff(names.read("other.test."), 1, 2, diff.removed, diff.added)
    assert steps_to(chain[-1], [other], 1) is None


def test_whole_zone_is_sent_when_it_is_shorter() -> None:
    old = zone(HEAD + "".join(f"a{i} A 192.0.2.1\n" for i in range(400)), 1)
    new = zone(HEAD + BASE, 2)
    assert steps_to(new, differences([old, new]), 1) is None
    assert steps_to(old, differences([new, old]), 2) is None  # more records than the zone has
    more = zone(HEAD + "".join(f"a{i} A 192.0.2.1\n" for i in range(401)), 2)
    assert steps_to(more, differences([old, more]), 1) is not None


def test_dnspython_applies_the_sequence_and_has_the_new_zone() -> None:
    old, new = large(900), zone(HEAD + "".join(f"h{i} A 10.1.0.7\n" for i in range(800)), 8)
    theirs = dns.zone.Zone("example.test.", relativize=False)
    with dns.xfr.Inbound(theirs, dns.rdatatype.AXFR) as inbound:
        for packet in axfr(old, request()):
            inbound.process_message(one_by_one(packet))
    packets = list(ixfr(new, differences([old, new]), request(RRType.IXFR)))
    assert len(packets) > 1
    with dns.xfr.Inbound(theirs, dns.rdatatype.IXFR, 7) as inbound:
        for packet in packets:
            done = inbound.process_message(one_by_one(packet))
    assert done
    wanted = dns.zone.Zone("example.test.", relativize=False)
    with dns.xfr.Inbound(wanted, dns.rdatatype.AXFR) as inbound:
        for packet in axfr(new, request()):
            inbound.process_message(one_by_one(packet))
    assert theirs == wanted


def test_messages_parse_as_ours_too() -> None:
    message: Message = parse(next(axfr(zone(), request())))
    assert message.answer[0].rrtype == RRType.SOA
