"""The doctor on own zones: every fault is found, and nothing is wrong with a healthy one."""

import base64
import hashlib

import pytest
from patients import ELSE, ELSEWHERE, ONE, PARENT, TEXT, TLD, TWO, WALL_S, internet, own, visit

from resolver import names
from resolver.doctor.diagnosis import Level
from resolver.doctor.signatures import fits
from resolver.testing import Internet, zone
from resolver.wire.rrsig import key_tag

KEY = bytes((1, 1, 3, 13)) + bytes(range(64))
DNSKEY = f"@ DNSKEY 257 3 13 {base64.b64encode(KEY[4:]).decode()}\n"


def test_healthy_zone_has_no_finding() -> None:
    assert visit(internet()) == {}


def test_lost_packets_alarm_nobody() -> None:
    net = internet()
    net.lose("*", share=0.1, over="udp")
    assert visit(net) == {}


def test_dead_server() -> None:
    net = internet()
    net.dead(TWO)
    found = visit(net)
    assert list(found) == ["server-silent"]
    assert found["server-silent"].level == Level.ERROR
    assert "ns2.elsewhere.test. (198.51.100.4)" in found["server-silent"].says


def test_server_without_tcp() -> None:
    net = internet()
    net.dead(ONE, over="tcp")
    assert list(visit(net)) == ["no-tcp"]


def test_server_without_udp() -> None:
    net = internet()
    net.dead(TWO, over="udp")
    assert list(visit(net)) == ["no-udp"]


@pytest.mark.parametrize("how", ["refused", "upward", "not_aa"])
def test_lame_server(how: str) -> None:
    net = internet()
    net.lame(TWO, how)
    assert list(visit(net)) == ["lame-server"]


def test_server_that_knows_no_edns() -> None:
    net = internet()
    net.no_edns(TWO, "FORMERR")
    assert list(visit(net)) == ["no-edns"]


def test_server_that_does_not_keep_case() -> None:
    net = internet()
    net.lose_case(TWO)
    found = visit(net)
    assert list(found) == ["case-not-kept"]
    assert found["case-not-kept"].level == Level.NOTE


def test_serial_behind_and_ahead() -> None:
    net = internet(second=TEXT.replace("host 7", "host 6"))
    assert list(visit(net)) == ["serial-behind"]
    net = internet(second=TEXT.replace("host 7", "host 8"))
    assert list(visit(net)) == ["serial-ahead"]


def test_serials_go_round() -> None:
    """RFC 1982: 3 is ahead of 2^32 - 1."""
    ours = TEXT.replace("host 7", "host 3")
    net = internet(text=ours, second=TEXT.replace("host 7", "host 4294967295"))
    assert list(visit(net, own(ours))) == ["serial-behind"]


def test_server_only_at_the_parent() -> None:
    net = internet(parent=PARENT + f"example NS ns3.example\nns3.example A {ONE}\n")
    found = visit(net)
    assert set(found) == {"ns-only-at-parent", "ns-without-address"}
    assert "ns3.example.test." in found["ns-only-at-parent"].says


def test_server_only_in_the_zone() -> None:
    net = internet(parent=PARENT.replace("example NS ns2.elsewhere\n", ""))
    assert list(visit(net)) == ["ns-only-in-zone"]


def test_wrong_glue() -> None:
    net = internet(parent=PARENT.replace(f"ns1.example A {ONE}", "ns1.example A 203.0.113.9"))
    found = visit(net)
    # Who is at the wrong address does not answer.
    assert set(found) == {"glue-differs", "server-silent"}
    assert "203.0.113.9, the zone says 198.51.100.3" in found["glue-differs"].says


def test_name_server_that_is_an_alias() -> None:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host(
        "test.",
        TLD,
        zone("test.", PARENT + "elsewhere NS ns.elsewhere\nns.elsewhere A " + ELSEWHERE),
    )
    net.host(
        "elsewhere.test.",
        ELSEWHERE,
        zone("elsewhere.test.", ELSE.replace(f"ns2 A {TWO}", f"ns2 CNAME it\nit A {TWO}")),
    )
    net.host("example.test.", ONE, zone("example.test.", TEXT))
    assert set(visit(net)) == {"ns-is-alias", "single-server"}


def test_name_server_without_address() -> None:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host(
        "test.",
        TLD,
        zone("test.", PARENT + "elsewhere NS ns.elsewhere\nns.elsewhere A " + ELSEWHERE),
    )
    net.host(
        "elsewhere.test.", ELSEWHERE, zone("elsewhere.test.", ELSE.replace("ns2 A", "other A"))
    )
    net.host("example.test.", ONE, zone("example.test.", TEXT))
    assert set(visit(net)) == {"ns-without-address", "single-server"}


def test_zone_that_nobody_delegates() -> None:
    net = internet()
    found = visit(net, own(origin="private.test."))
    assert "not-delegated" in found
    assert found["not-delegated"].level == Level.WARNING


def test_zone_below_a_name_that_is_built_in() -> None:
    found = visit(internet(), own(origin="lan.home.arpa."), special_names=True)
    assert "not-delegated" in found
    assert "parent-silent" not in found


def test_parent_that_is_silent() -> None:
    net = internet()
    net.dead(TLD)
    assert "parent-silent" in visit(net)


def test_ipv6_is_not_tried_where_there_is_none() -> None:
    text = TEXT + "ns1 AAAA 2001:db8::53\n"
    net = internet(parent=PARENT + "ns1.example AAAA 2001:db8::53\n", text=text)
    found = visit(net, own(text), has_ipv6=False)
    assert list(found) == ["not-looked-at"]


def signed(text: str, ends: str) -> str:
    rest = f"13 2 300 {ends} 20260801000000 {key_tag(KEY)} example.test. {'A' * 86}==\n"
    return f"{text}{DNSKEY}@ RRSIG SOA {rest}@ RRSIG DNSKEY {rest}"


def ds(digest: bytes | None = None) -> str:
    owner = names.read("example.test.")
    digest = digest or hashlib.sha256(owner + KEY).digest()
    return f"example DS {key_tag(KEY)} 13 2 {digest.hex()}\n"


def test_signed_zone_in_good_health() -> None:
    text = signed(TEXT, "20270101000000")
    net = internet(parent=PARENT + ds(), text=text)
    assert visit(net, own(text)) == {}


def test_signatures_that_end_soon_or_have_ended() -> None:
    # WALL_S is 2026-09-21.
    for ends, code in (
        ("20260923000000", "signatures-expire"),
        ("20260901000000", "signatures-expired"),
    ):
        text = signed(TEXT, ends)
        assert list(visit(internet(parent=PARENT + ds(), text=text), own(text))) == [code]
    assert WALL_S > 0


def test_ds_of_another_key() -> None:
    text = signed(TEXT, "20270101000000")
    net = internet(parent=PARENT + ds(bytes(32)), text=text)
    assert list(visit(net, own(text))) == ["ds-without-key"]


def test_ds_for_a_zone_that_is_not_signed() -> None:
    assert list(visit(internet(parent=PARENT + ds()))) == ["ds-without-key"]


def test_signed_zone_without_ds() -> None:
    text = signed(TEXT, "20270101000000")
    found = visit(internet(text=text), own(text))
    assert list(found) == ["no-ds"]
    assert found["no-ds"].level == Level.NOTE


def test_key_tag_and_digest_of_the_root_key() -> None:
    """Key 20326 and its DS record, as IANA publishes them."""
    public = (
        "AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN"
        "7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8"
        "efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLY"
        "A4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="
    )
    key = bytes((1, 1, 3, 8)) + base64.b64decode(public)
    digest = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
    assert key_tag(key) == 20326
    record = (20326).to_bytes(2, "big") + bytes((8, 2)) + bytes.fromhex(digest)
    assert fits(names.ROOT, key, record)
    assert not fits(names.ROOT, key, record[:-1] + b"\0")
    assert not fits(names.ROOT, key[:-1] + b"\0", record)
