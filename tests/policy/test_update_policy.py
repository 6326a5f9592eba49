"""Who may change what: lists, grants by name and type, and zones without rules of their own."""

from ipaddress import ip_network
from typing import Any

import pytest

from resolver import codes, names
from resolver.config.zones import ZoneSettings
from resolver.policy.acl import Rule
from resolver.policy.update_policy import UpdateRule, UpdateRules, rule_of

HERE = bytes((192, 0, 2, 1))
ELSEWHERE = bytes((198, 51, 100, 1))
REST = Rule((ip_network("192.0.2.0/24"),), ())


def name(text: str) -> bytes:
    return names.read(text)


def rule(**settings: Any) -> UpdateRule:
    data = {"name": "example.test", "file": "x", **settings}
    return rule_of(ZoneSettings.model_validate(data), REST, ())


def may(found: UpdateRule, owner: str, rrtype: str, *, key: str | None = None) -> bool:
    rights = found.rights(ELSEWHERE, None if key is None else name(key))
    number = codes.read_type(rrtype)
    assert number is not None
    return rights is not None and rights(name(owner), number)


@pytest.mark.parametrize(
    ("settings", "here", "elsewhere"),
    [
        ({}, True, False),
        ({"update": ["none"]}, False, False),
        ({"update": ["198.51.100.0/24"]}, False, True),
        ({"update_policy": [{"key": "k"}]}, False, False),
        ({"role": "secondary"}, False, False),
        ({"role": "secondary", "update": ["192.0.2.1"]}, True, False),
    ],
)
def test_who_is_let_in_by_address(settings: dict[str, Any], *, here: bool, elsewhere: bool) -> None:
    found = rule(**settings)
    assert (found.rights(HERE, None) is not None) == here
    assert (found.rights(ELSEWHERE, None) is not None) == elsewhere


def test_zone_without_an_entry_has_the_rule_for_the_rest() -> None:
    rules = UpdateRules(UpdateRule(REST), {name("example.test."): rule(update=["none"])})
    assert rules.rights(name("example.test."), HERE, None) is None
    assert rules.rights(name("other.test."), HERE, None) is not None


def test_list_is_for_everything() -> None:
    found = rule(update=["key:admin"])
    for rrtype in ("SOA", "NS", "A", "DNSKEY"):
        assert may(found, "example.test.", rrtype, key="admin.")
    assert not may(found, "example.test.", "A", key="other.")


def test_grants() -> None:
    found = rule(
        update_policy=[
            {"key": "acme", "names": ["_acme-challenge.example.test"], "types": ["TXT"]},
            {"key": "dyn", "names": ["dyn.example.test"], "subtree": True, "types": ["A"]},
            {"key": "all"},
            {"key": "acme", "names": ["x.example.test"], "types": ["NS"]},
        ]
    )
    assert may(found, "_acme-challenge.example.test.", "TXT", key="acme.")
    assert not may(found, "_acme-challenge.example.test.", "A", key="acme.")
    assert not may(found, "a._acme-challenge.example.test.", "TXT", key="acme.")
    assert may(found, "x.example.test.", "NS", key="acme.")
    assert may(found, "dyn.example.test.", "A", key="dyn.")
    assert may(found, "a.b.dyn.example.test.", "A", key="dyn.")
    assert not may(found, "notdyn.example.test.", "A", key="dyn.")
    assert may(found, "www.example.test.", "TYPE65280", key="all.")
    for rrtype in ("SOA", "NS", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"):
        assert not may(found, "www.example.test.", rrtype, key="all.")
    assert not may(found, "www.example.test.", "A", key="stranger.")
