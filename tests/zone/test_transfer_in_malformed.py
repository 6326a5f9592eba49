"""Transfers wrong in one thing each: refused with a reason, and nothing is left of them."""

import re
from collections.abc import Callable

import pytest
from transfers import APEX, ORIGIN, message, soa

from resolver.slices import finish
from resolver.zone.transfer_in import Bounds, Inbound, Refused, Result, Whole

GOOD = [soa(5), *APEX, "www 300 IN A 192.0.2.80", soa(5)]
MORE = "www 300 IN A 192.0.2.80"


def result_of(packets: list[bytes], *, held: int | None, **options: object) -> Result | None:
    inbound = Inbound(
        ORIGIN,
        held=held,
        incremental=held is not None,
        bounds=options.get("bounds") or Bounds(octets=100_000, records=40, messages=9, changes=20),
    )
    for packet in packets:
        result = finish(inbound.feed(packet))
        if result is not None:
            return finish(result.finish()) if isinstance(result, Whole) else result
    return None


def a(*lines: str, **options: object) -> list[bytes]:
    """An AXFR in one message."""
    return [message(*lines, **options)]


def i(*lines: str, **options: object) -> list[bytes]:
    """An IXFR in one message."""
    return [message(*lines, qtype="IXFR", **options)]


def patched(packet: bytes, change: Callable[[bytearray], object]) -> list[bytes]:
    octets = bytearray(packet)
    change(octets)
    return [bytes(octets)]


def set_at(at: int, value: int) -> Callable[[bytearray], object]:
    return lambda octets: octets.__setitem__(at, value)


AXFR = {
    "refused": (a(rcode=5), "REFUSED"),
    "not authoritative": (a(rcode=9), "NOTAUTH"),
    "error behind good messages": (a(soa(5), *APEX) + a(rcode=2), "SERVFAIL"),
    "no SOA first": (a(*APEX, soa(5)), "begins with example.test. NS"),
    "SOA in the middle": (a(soa(5), *APEX, soa(6), MORE, soa(5)), "has an SOA of serial 6"),
    "two SOAs of one serial": (a(soa(5), *APEX, soa(5, "ns2"), soa(5)), "has an SOA of serial 5"),
    "other SOA at the end": (a(soa(5), *APEX, soa(6)), "serial 6"),
    "SOA below the apex": (a(soa(5), *APEX, "sub" + soa(5)[1:], soa(5)), "inside the zone"),
    "records behind the end": (a(*GOOD, MORE), "after the end"),
    "nothing but SOAs": (a(soa(5), soa(5)), "no NS"),
    "name of another zone": (a(soa(5), "www.other.test. 60 IN A 192.0.2.1"), "outside the zone"),
    "name above the zone": (a(soa(5), "test. 60 IN NS ns1"), "outside the zone"),
    "class CH": (a(soa(5), "www 60 CH TXT x"), "class CH"),
    "type ANY": (a(soa(5), r"www 60 IN TYPE255 \# 0"), "no zone can hold"),
    "TSIG among the data": (a(soa(5), r"www 60 IN TYPE0 \# 0"), "no zone can hold"),
    "another question": (a(*GOOD, question="other.test."), "another question"),
    "question of another type": (a(*GOOD, qtype="SOA"), "another question"),
    "another question in a later message": (
        a(soa(5), *APEX) + a(soa(5), question="other.test."),
        "another question",
    ),
    "a query": (patched(message(*GOOD), set_at(2, 0)), "not a response"),
    "a notify": (patched(message(*GOOD), set_at(2, 0xA4)), "not a response"),
    "truncated": (a(*GOOD, flags=0x0200), "truncated"),
    "truncated later": (a(soa(5), *APEX) + a(soa(5), flags=0x0200), "truncated"),
    "shorter than a header": ([b"\0\7\x84"], "malformed"),
    "cut off in a record": ([message(*GOOD)[:-3]], "malformed"),
    "fewer records than announced": (patched(message(*GOOD), set_at(7, 9)), "malformed"),
    "A of five octets": (
        [
            message(soa(5), r"www 60 IN TYPE65280 \# 5 0102030405").replace(
                b"\xff\0\0\1", b"\0\1\0\1"
            )
        ],
        "malformed",
    ),
    "CNAME and other data": (
        a(soa(5), *APEX, "www 60 IN CNAME ns1", MORE, soa(5)),
        "CNAME and other data",
    ),
    "two CNAMEs": (
        a(soa(5), *APEX, "w 60 IN CNAME ns1", "w 60 IN CNAME ns2", soa(5)),
        "different CNAME",
    ),
    "no NS": (a(soa(5), MORE, soa(5)), "no NS"),
    "too many records": (
        a(soa(5), *APEX, *(f"n{n} 60 IN TXT x" for n in range(50)), soa(5)),
        "more than 40 records",
    ),
    "too many messages": ([*a(soa(5)), *a(*APEX), *a(MORE) * 20], "more than 9 messages"),
    "messages without records": (a(soa(5)) + a() * 20, "more than 9 messages"),
}

IXFR = {
    "not implemented": (i(rcode=4), "NOTIMP"),
    "format error": (i(rcode=1), "FORMERR"),
    "refused": (i(rcode=5), "REFUSED"),
    "starts from another serial": (i(soa(5), soa(2), soa(5), soa(5)), "changes to serial 2"),
    "starts from the newest": (i(soa(5), soa(5)), "changes to serial 5"),
    "steps that do not meet": (
        i(soa(5), soa(1), soa(2), soa(3), soa(5), soa(5)),
        "changes to serial 3, but 2 is held",
    ),
    "step back": (i(soa(5), soa(1), soa(0), soa(0), soa(5), soa(5)), "back to 0"),
    "step to itself": (i(soa(5), soa(1), soa(1), soa(1), soa(5), soa(5)), "back to 1"),
    "another SOA at the end": (i(soa(5), soa(1), soa(5), soa(5, "ns2")), "another SOA"),
    "two newest SOAs": (i(soa(5), soa(1), soa(5, "ns2"), soa(5)), "two different SOAs"),
    "records behind the end": (i(soa(5), soa(1), soa(5), soa(5), MORE), "after the end"),
    "removal outside the zone": (i(soa(5), soa(1), "a.test. 1 IN TXT x"), "outside the zone"),
    "addition outside the zone": (
        i(soa(5), soa(1), soa(5), "a.test. 1 IN TXT x"),
        "outside the zone",
    ),
    "class CH": (i(soa(5), soa(1), "a 1 CH TXT x"), "class CH"),
    "too many changes": (
        i(soa(5), soa(1), *(f"n{n} 60 IN TXT x" for n in range(30))),
        "more than 20 changes",
    ),
    "without end": (
        [*i(soa(9)), *(p for n in range(1, 9) for p in i(soa(n), soa(n + 1)))] * 2,
        "more than 9 messages|after the end|another SOA|held by then",
    ),
    "whole zone that breaks the rules": (
        i(soa(5), *APEX, "www 60 IN CNAME ns1", MORE, soa(5)),
        "CNAME and other data",
    ),
    "question about AXFR": (a(*GOOD), "another question"),
}


@pytest.mark.parametrize("case", AXFR)
def test_whole_transfer_is_refused(case: str) -> None:
    packets, reason = AXFR[case]
    check(result_of(packets, held=None), reason)


@pytest.mark.parametrize("case", IXFR)
def test_incremental_transfer_is_refused(case: str) -> None:
    packets, reason = IXFR[case]
    check(result_of(packets, held=1), reason)


def check(result: Result | None, reason: str) -> None:
    assert isinstance(result, Refused), result
    assert re.search(reason, result.reason), result.reason


def test_two_questions_are_refused() -> None:
    packet = message(*GOOD)
    twice = packet[:5] + b"\2" + packet[6:12] + packet[12:30] + packet[12:]
    check(result_of([twice], held=None), "more than one question")


def test_too_many_octets_are_refused() -> None:
    packets = a(soa(5), *APEX) + [message("big 60 IN TXT " + "x" * 200)] * 3
    bounds = Bounds(octets=500)
    check(result_of(packets, held=None, bounds=bounds), "more than 500 octets")


@pytest.mark.parametrize("length", range(12, len(message(*GOOD)), 7))
def test_transfer_cut_off_anywhere_gives_no_zone(length: int) -> None:
    packet = message(*GOOD)[:length]
    assert isinstance(result_of([packet], held=None), Refused)


def test_refusal_tells_the_rcode_of_the_primary() -> None:
    result = result_of(i(rcode=4), held=1)
    assert isinstance(result, Refused)
    assert result.rcode == 4
