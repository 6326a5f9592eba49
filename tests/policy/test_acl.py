"""Which client may ask for what."""

from ipaddress import ip_address, ip_network

import pytest

from resolver.config.schema import AccessSettings
from resolver.policy import acl
from resolver.policy.acl import CACHE, QUERY, RECURSION, AccessTable, Rule, ZoneRules

LOCAL = (ip_network("192.0.2.0/25"), ip_network("2001:db8:1::/64"))


def packed(text: str) -> bytes:
    return ip_address(text).packed


def table(**lists: list[str]) -> AccessTable:
    return AccessTable(AccessSettings.model_validate(lists), LOCAL)


@pytest.mark.parametrize(
    ("client", "bits"),
    [
        ("127.0.0.1", QUERY | RECURSION | CACHE),
        ("127.255.255.255", QUERY | RECURSION | CACHE),
        ("::1", QUERY | RECURSION | CACHE),
        ("192.0.2.127", QUERY | RECURSION | CACHE),
        ("2001:db8:1::5", QUERY | RECURSION | CACHE),
        ("192.0.2.128", QUERY),
        ("128.0.0.1", QUERY),
        ("2001:db8:2::5", QUERY),
        ("::2", QUERY),
        ("8.8.8.8", QUERY),
    ],
)
def test_strangers_get_own_zones_only_by_default(client: str, bits: int) -> None:
    assert table().bits(packed(client)) == bits


def test_each_list_has_its_own_bit() -> None:
    own = table(query=["10.0.0.0/8"], recursion=["10.1.0.0/16"], cache=["10.1.1.1"])
    assert own.bits(packed("10.2.0.0")) == QUERY
    assert own.bits(packed("10.1.0.0")) == QUERY | RECURSION
    assert own.bits(packed("10.1.1.1")) == QUERY | RECURSION | CACHE
    assert own.bits(packed("10.1.1.2")) == QUERY | RECURSION
    assert own.bits(packed("11.0.0.0")) == 0


def test_any_is_both_families_and_none_is_nobody() -> None:
    open_table = table(query=["none"], recursion=["any"], cache=[])
    assert open_table.bits(packed("203.0.113.9")) == RECURSION
    assert open_table.bits(packed("2001:db8::9")) == RECURSION


def test_mapped_address_counts_as_ipv4() -> None:
    own = table(query=["10.0.0.0/8"], recursion=["::/0"], cache=["localhost"])
    assert own.bits(packed("::ffff:10.1.2.3")) == QUERY
    assert own.bits(packed("::ffff:127.0.0.1")) == CACHE
    assert own.bits(packed("::10.1.2.3")) == RECURSION


def test_ipv6_prefix_never_matches_ipv4() -> None:
    assert table(query=["::/0"], recursion=["none"], cache=["none"]).bits(packed("0.0.0.1")) == 0


def test_key_never_matches_an_address() -> None:
    own = table(query=["key:k"], recursion=["key:k", "10.0.0.1"], cache=["none"])
    assert own.bits(packed("10.0.0.1")) == RECURSION
    assert own.bits(packed("10.0.0.2")) == 0


def test_verdicts_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acl, "MAX_REMEMBERED", 10)
    own = table()
    for i in range(1000):
        client = (i * 7919).to_bytes(4, "big")
        assert own.bits(client) == own.bits(client) == QUERY
        assert len(own._remembered) <= 10
    assert own.bits(packed("127.0.0.1")) == QUERY | RECURSION | CACHE


def test_rule_matches_address_or_key() -> None:
    items = AccessSettings.model_validate({"transfer": ["192.0.2.0/24", "key:k1"]}).transfer
    rule = Rule(items, [])
    key = b"\x02k1\x00"
    assert rule.allows(bytes((192, 0, 2, 9)), None)
    assert rule.allows(bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 9)), None)
    assert rule.allows(bytes((198, 51, 100, 9)), key)
    assert not rule.allows(bytes((198, 51, 100, 9)), b"\x02k2\x00")
    assert not rule.allows(bytes((198, 51, 100, 9)), None)
    assert not rule.allows(bytes(16), None)


def test_rule_without_entries_matches_nobody() -> None:
    assert not Rule((), []).allows(bytes((127, 0, 0, 1)), None)


def test_zone_s_own_list_stands_in_for_the_general_one() -> None:
    read = AccessSettings.model_validate
    rest = Rule(read({"transfer": ["192.0.2.1"]}).transfer, [])
    own = Rule(read({"transfer": ["192.0.2.2"]}).transfer, [])
    rules = ZoneRules(rest, {b"\x01a\x00": own})
    first, second = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    assert [rules.allows(b"\x01a\x00", p, None) for p in (first, second)] == [False, True]
    assert [rules.allows(b"\x01b\x00", p, None) for p in (first, second)] == [True, False]


def test_key_adds_to_what_an_address_may() -> None:
    table = AccessTable(
        AccessSettings.model_validate({"query": ["none"], "recursion": ["key:k1"]}), []
    )
    assert table.key_bits(b"\x02k1\x00") == RECURSION
    assert table.key_bits(b"\x02k2\x00") == 0


def test_a_client_is_judged_anew_when_the_table_has_changed() -> None:
    own, client = table(recursion=["any"]), packed("203.0.113.9")
    assert [own.bits(client) for _ in range(2)] == [QUERY | RECURSION] * 2
    own.turn_to(table(recursion=["none"], query=["none"]))
    assert own.bits(client) == 0
    assert own.bits(packed("203.0.113.9")) == 0
