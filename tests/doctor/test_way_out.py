"""The doctor on the way to the root: what is missing, and who meddles."""

from patients import ROOT, ROOT6, internet, look

from resolver.doctor.diagnosis import Level
from resolver.doctor.way_out import NOBODY
from resolver.testing import Query, Response

SIGNED = "@ RRSIG SOA 8 0 86400 {} {} 20326 . " + "A" * 86 + "==\n"


def test_all_is_well() -> None:
    assert look(internet()) == {}


def test_no_way_out() -> None:
    net = internet()
    net.dead("*")
    found = look(net)
    assert list(found) == ["no-way-out"]
    assert found["no-way-out"].level == Level.ERROR


def test_udp_is_blocked() -> None:
    net = internet()
    net.dead("*", over="udp")
    assert list(look(net)) == ["udp-blocked"]


def test_tcp_is_blocked() -> None:
    net = internet()
    net.dead("*", over="tcp")
    assert list(look(net)) == ["tcp-blocked"]


def test_no_ipv6() -> None:
    net = internet()
    net.unreachable(ROOT6)
    assert list(look(net)) == ["no-ipv6"]
    assert look(net, ipv6=False) == {}


def test_no_ipv4() -> None:
    net = internet()
    net.dead(ROOT)
    assert list(look(net)) == ["no-ipv4"]
    assert look(net, ipv4=False) == {}


def test_root_that_answers_like_a_resolver() -> None:
    net = internet()

    def available(query: Query, response: Response) -> Response:
        response.record.header.ra = 1
        return response

    net.fault("*", available)
    assert list(look(net)) == ["intercepted"]


def test_answer_from_where_nobody_is() -> None:
    net = internet()
    net.host(".", NOBODY)
    found = look(net)
    assert list(found) == ["intercepted"]
    assert NOBODY in found["intercepted"].says


def test_edns_is_dropped() -> None:
    net = internet()
    net.no_edns("*", "silence")
    assert list(look(net)) == ["edns-blocked"]


def test_case_is_changed() -> None:
    net = internet()
    net.lose_case("*")
    assert list(look(net)) == ["case-changed"]


def test_large_replies_get_lost() -> None:
    net = internet()
    net.dead("*", rrtype="DNSKEY")
    found = look(net)
    assert list(found) == ["large-lost"]
    assert found["large-lost"].level == Level.NOTE


def test_clock() -> None:
    """WALL_S is 2026-09-21."""
    for begins, ends, way in (
        ("20260901000000", "20261001000000", None),
        ("20280901000000", "20281001000000", "slow"),
        ("20230901000000", "20231001000000", "fast"),
    ):
        net = internet()
        text = SIGNED.format(ends, begins)

        def sign(query: Query, response: Response, text: str = text) -> Response:
            if query.question.startswith(". SOA"):
                response.record.add_answer(*zone_records(text))
            return response

        net.fault("*", sign)
        found = look(net)
        assert list(found) == (["clock-wrong"] if way else [])
        if way:
            assert f"days {way}" in found["clock-wrong"].says


def zone_records(text: str) -> list[object]:
    from dnslib import RR

    return list(RR.fromZone(text.replace("@", ".", 1)))
