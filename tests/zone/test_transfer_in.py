"""Transfers that come in as they should: AXFR, IXFR in its shapes, and dnspython's opinion."""

import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest
from transfers import APEX, ORIGIN, message, soa

from resolver import names
from resolver.codes import RRType
from resolver.errors import DiffError
from resolver.slices import finish
from resolver.zone.changed_rrsets import SLICE_RECORDS
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, apply
from resolver.zone.table import MAX_SINGLE
from resolver.zone.transfer_in import (
    Bounds,
    Inbound,
    Increments,
    NeedsStream,
    NothingNewer,
    Refused,
    Result,
    Whole,
)


def axfr(*packets: bytes, held: int | None = None, bounds: Bounds | None = None) -> Result | None:
    """What a whole transfer gives when these messages come."""
    return fed(Inbound(ORIGIN, held=held, incremental=False, bounds=bounds or Bounds()), *packets)


def ixfr(*packets: bytes, held: int = 1, stream: bool = True) -> Result | None:
    inbound = Inbound(ORIGIN, held=held, incremental=True, bounds=Bounds(), stream=stream)
    return fed(inbound, *packets)


def fed(inbound: Inbound, *packets: bytes) -> Result | None:
    result = None
    for packet in packets:
        assert result is None
        result = finish(inbound.feed(packet))
    return result


def zone_of(result: Result | None) -> Zone:
    assert isinstance(result, Whole)
    zone = finish(result.finish())
    assert isinstance(zone, Zone), zone
    return zone


def records(zone: Zone) -> set[tuple[bytes, int, int, bytes]]:
    return {
        (rrset.owner.lower(), int(rrset.rrtype), rrset.ttl, rdata)
        for rrset in zone.rrsets()
        for rdata in rrset.rdatas
    }


def version(serial: int, *more: str) -> Zone:
    return zone_of(axfr(message(soa(serial), *APEX, *more, soa(serial))))


def test_whole_zone_in_one_message() -> None:
    zone = version(5, "www 300 IN A 192.0.2.80", "www 300 IN A 192.0.2.81", "*.a.b 60 IN TXT x")
    assert (zone.origin, zone.serial, zone.records) == (ORIGIN, 5, 6)
    www = zone.node(names.read("www.example.test."))
    assert www is not None
    assert www.rrsets[RRType.A].rdatas == (b"\xc0\0\2\x50", b"\xc0\0\2\x51")
    assert zone.node(names.read("b.example.test.")) is not None  # an empty non-terminal


def test_whole_zone_over_many_messages_of_one_record_each() -> None:
    lines = [soa(5), *APEX, "www 300 IN A 192.0.2.80", soa(5)]
    first, *rest = (
        message(line, question=None if n else "example.test.") for n, line in enumerate(lines)
    )
    assert records(zone_of(axfr(first, *rest))) == records(version(5, "www 300 IN A 192.0.2.80"))


def test_question_may_be_repeated_in_later_messages() -> None:
    """RFC 5936 section 2.2.2."""
    assert zone_of(axfr(message(soa(5)), message(*APEX), message(soa(5)))).serial == 5


def test_names_keep_their_case_and_find_each_other() -> None:
    zone = version(5, "WwW 300 IN A 192.0.2.80", "www 300 IN A 192.0.2.81")
    www = zone.node(names.read("www.example.test."))
    assert www is not None
    assert len(www.rrsets[RRType.A].rdatas) == 2
    assert www.owner == names.read("WwW.example.test.")


def test_glue_and_occluded_records_belong_to_the_zone() -> None:
    more = ["sub 300 IN NS ns.sub", "ns.sub 300 IN A 192.0.2.9", "deep.sub 300 IN TXT hidden"]
    assert version(5, *more).records == len(APEX) + 1 + len(more)


def test_changes_of_one_step() -> None:
    result = ixfr(
        message(
            soa(2),
            soa(1),
            "www 300 IN A 192.0.2.80",
            soa(2),
            "www 300 IN A 192.0.2.81",
            "mail 300 IN A 192.0.2.25",
            soa(2),
            qtype="IXFR",
        )
    )
    assert isinstance(result, Increments)
    (diff,) = result.diffs
    assert (diff.origin, diff.from_serial, diff.to_serial) == (ORIGIN, 1, 2)
    assert [r.rrtype for r in diff.removed] == [RRType.SOA, RRType.A]
    assert [r.rrtype for r in diff.added] == [RRType.SOA, RRType.A, RRType.A]
    assert after(version(1, "www 300 IN A 192.0.2.80"), result) == records(
        version(2, "www 300 IN A 192.0.2.81", "mail 300 IN A 192.0.2.25")
    )


def test_changes_of_several_steps_over_several_messages() -> None:
    lines = [
        soa(4),
        soa(1), "a 60 IN TXT one", soa(2), "b 60 IN TXT two",
        soa(2), soa(3), "c 60 IN TXT three",
        soa(3), "b 60 IN TXT two", "c 60 IN TXT three", soa(4),
        soa(4),
    ]  # fmt: skip
    packets = [message(line, qtype="IXFR") for line in lines]
    result = ixfr(*packets)
    assert isinstance(result, Increments)
    assert [(d.from_serial, d.to_serial) for d in result.diffs] == [(1, 2), (2, 3), (3, 4)]
    assert after(version(1, "a 60 IN TXT one"), result) == records(version(4))


def test_changes_across_the_end_of_the_serials() -> None:
    """RFC 1982: 5 is newer than 4294967290."""
    result = ixfr(
        message(soa(5), soa(4294967290), soa(5), "a 60 IN TXT x", soa(5), qtype="IXFR"),
        held=4294967290,
    )
    assert isinstance(result, Increments)


def after(zone: Zone, result: Increments) -> set[tuple[bytes, int, int, bytes]]:
    for diff in result.diffs:
        assert isinstance(diff, Diff)
        zone = finish(apply(zone, diff))
    return records(zone)


def test_whole_zone_in_answer_to_ixfr() -> None:
    """RFC 1995 section 4: the server may answer with the whole zone."""
    result = ixfr(message(soa(9), *APEX, "www 300 IN A 192.0.2.80", soa(9), qtype="IXFR"))
    assert records(zone_of(result)) == records(version(9, "www 300 IN A 192.0.2.80"))


def test_whole_zone_in_answer_to_ixfr_with_the_first_soa_in_a_message_of_its_own() -> None:
    result = ixfr(*(message(line, qtype="IXFR") for line in [soa(9), *APEX, soa(9)]))
    assert zone_of(result).serial == 9


@pytest.mark.parametrize("serial", [7, 6, 7 + 2**31])
def test_single_soa_that_is_no_newer_means_that_there_is_nothing(serial: int) -> None:
    """RFC 1995 section 2; RFC 1982 leaves a distance of 2^31 undefined, which is not newer."""
    assert ixfr(message(soa(serial), qtype="IXFR"), held=7) == NothingNewer(serial)


def test_whole_zone_that_is_no_newer_is_not_read() -> None:
    packet = message(soa(7), *APEX, soa(7), qtype="IXFR")
    assert ixfr(packet, held=7) == NothingNewer(7)
    assert axfr(message(soa(7), *APEX, soa(7)), held=7) == NothingNewer(7)


def test_whole_zone_is_taken_whatever_its_serial_when_nothing_is_held() -> None:
    assert zone_of(axfr(message(soa(0), *APEX, soa(0)))).serial == 0


def test_datagram_with_the_newest_soa_alone_asks_for_tcp() -> None:
    """RFC 1995 section 4."""
    assert ixfr(message(soa(9), qtype="IXFR"), stream=False) == NeedsStream()


def test_truncated_datagram_asks_for_tcp() -> None:
    packet = message(soa(9), soa(1), qtype="IXFR", flags=0x0200)
    assert ixfr(packet, stream=False) == NeedsStream()
    assert ixfr(message(qtype="IXFR", flags=0x0200), stream=False) == NeedsStream()


def test_datagram_with_all_changes() -> None:
    packet = message(soa(2), soa(1), soa(2), "a 60 IN TXT x", soa(2), qtype="IXFR")
    assert isinstance(ixfr(packet, stream=False), Increments)


def test_datagram_without_the_end_is_refused() -> None:
    packet = message(soa(2), soa(1), soa(2), "a 60 IN TXT x", qtype="IXFR")
    assert isinstance(ixfr(packet, stream=False), Refused)


def test_big_message_is_taken_in_slices() -> None:
    lines = [f"host{n} 300 IN A 192.0.2.{n % 250}" for n in range(1500)]
    inbound = Inbound(ORIGIN, held=None, incremental=False, bounds=Bounds())
    breaks = sum(1 for _ in inbound.feed(message(soa(1), *APEX, *lines, soa(1))))
    assert breaks >= 5


def test_so_are_the_changes_of_a_big_difference() -> None:
    lines = [f"host{n} 300 IN A 192.0.2.{n % 250}" for n in range(1500)]
    inbound = Inbound(ORIGIN, held=1, incremental=True, bounds=Bounds())
    breaks = sum(1 for _ in inbound.feed(message(soa(2), soa(1), soa(2), *lines, qtype="IXFR")))
    ending = sum(1 for _ in inbound.feed(message(soa(2), qtype="IXFR")))
    assert ending >= breaks >= 5, "they are put together in as many pieces"


def test_the_records_of_a_difference_are_counted_as_it_is_read() -> None:
    result = ixfr(message(*STEPS[1], qtype="IXFR"), held=1)
    assert isinstance(result, Increments)
    assert [diff.counted for diff in result.diffs] == [3, 3]


def test_after_a_result_nothing_is_taken() -> None:
    inbound = Inbound(ORIGIN, held=None, incremental=False, bounds=Bounds())
    packet = message(soa(1), *APEX, soa(1))
    finish(inbound.feed(packet))
    with pytest.raises(ValueError, match="over"):
        finish(inbound.feed(packet))


STEPS = [
    [soa(2), soa(1), "a 60 IN TXT one", soa(2), "b 60 IN TXT two", soa(2)],
    [soa(3), soa(1), soa(2), "b 60 IN TXT two", soa(2), soa(3), "c 60 IN A 192.0.2.3", soa(3)],
    [soa(9), *APEX, "z 60 IN TXT whole", soa(9)],
    [soa(2), soa(2)],
    [soa(2), soa(3), soa(2), soa(2)],
    [soa(2), soa(1), "gone 60 IN TXT x", soa(2), soa(2)],
    [soa(3), soa(1), soa(2), soa(3)],
    [soa(2), soa(1), soa(2), "a 60 IN TXT more", soa(2), "b 60 IN TXT late"],
    ["a 60 IN TXT one", soa(2)],
    [soa(1)],
]


@pytest.mark.parametrize("lines", STEPS)
def test_dnspython_agrees(lines: list[str]) -> None:
    """dns.xfr.Inbound is the oracle: the same zone afterwards, or both refuse."""
    start = ["a 60 IN TXT one"]
    packet = message(*lines, qtype="IXFR")
    theirs = dnspython_after([soa(1), *APEX, *start], packet)
    ours = ours_after(version(1, *start), packet)
    assert ours == theirs


def test_changes_to_another_version_of_the_same_serial_do_not_apply() -> None:
    """Stricter than dnspython: the old SOA must be the very one that we have."""
    result = ixfr(message(soa(2), soa(1, "ns9"), soa(2), soa(2), qtype="IXFR"))
    assert isinstance(result, Increments)
    with pytest.raises(DiffError):
        after(version(1), result)


def ours_after(zone: Zone, packet: bytes) -> set[tuple[bytes, int, int, bytes]] | None:
    match ixfr(packet):
        case Increments() as increments:
            try:
                return after(zone, increments)
            except DiffError:
                return None
        case Whole() as whole:
            return records(zone_of(whole))
        case NothingNewer():
            return records(zone)
        case _:
            return None


def dnspython_after(start: list[str], packet: bytes) -> set[tuple[bytes, int, int, bytes]] | None:
    origin = dns.name.from_text("example.test.")
    zone = dns.zone.from_text("\n".join(start), origin, relativize=False)
    parsed = dns.message.from_wire(packet, one_rr_per_rrset=True)
    try:
        with dns.xfr.Inbound(zone, dns.rdatatype.IXFR, serial=1) as inbound:
            if not inbound.process_message(parsed):
                return None
    except (dns.exception.DNSException, KeyError):
        return None
    return {
        (name.to_wire(), int(rdata.rdtype), ttl, rdata.to_digestable())
        for name, ttl, rdata in zone.iterate_rdatas()
    }


def test_a_name_whose_records_come_while_its_table_grows_keeps_all_of_them() -> None:
    # The first record of m is the last of its slice, and fills the table; so m goes on in another.
    single = [f"n{number} 60 IN A 192.0.2.1" for number in range(MAX_SINGLE - 4)]
    last = [f"l 60 IN TXT {number}" for number in range(SLICE_RECORDS - 1)]
    last += ["m 60 IN TXT x", "m 60 IN TXT y"]
    some = [single[at : at + 2_000] for at in range(0, len(single), 2_000)] + [last]
    zone = zone_of(
        axfr(message(soa(1), *APEX), *[message(*part) for part in some], message(soa(1)))
    )
    assert zone.records == len(records(zone)) == 3 + len(single) + len(last)
