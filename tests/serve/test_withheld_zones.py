"""Zones of ours that cannot be served: SERVFAIL with the reason, and no zone in their place."""

import pytest

from resolver import names
from resolver.codes import Ede, Rcode, RRType
from resolver.model import Answer, Message, Question
from resolver.policy.acl import QUERY
from resolver.serve.own_zones import OwnZones
from resolver.serve.request import Request
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

PARENT = """@ 300 SOA ns . 1 7200 900 1209600 300
@ 300 NS ns
ns 300 A 192.0.2.1
child 300 NS ns.child
ns.child 300 A 192.0.2.2
alias 300 CNAME www.child
"""
CHILD = "child.parent.test."


def store() -> ZoneStore:
    zones = ZoneStore()
    zone = read_zone_text(PARENT, names.read("parent.test.")).zone
    assert zone is not None
    zones.swap(zone)
    return zones


def answer(zones: ZoneStore, qname: str, bits: int = QUERY) -> Answer | None:
    question = Question(names.read(qname), RRType.A)
    request = Request(Message(1, 0, [question]), b"\x7f\0\0\1", bits, stream=False)
    handled = OwnZones(zones, None, minimal=True).handle(request)
    assert handled is None or isinstance(handled, Answer)
    return handled


@pytest.mark.parametrize(("expired", "code"), [(True, Ede.INVALID_DATA), (False, Ede.NOT_READY)])
@pytest.mark.parametrize("qname", [CHILD, f"www.{CHILD}", f"a.b.{CHILD.upper()}"])
def test_every_name_of_it_fails_with_the_reason(qname: str, expired: bool, code: int) -> None:
    zones = store()
    zones.withhold(names.read(CHILD), expired=expired)
    found = answer(zones, qname)
    assert found is not None
    assert found.rcode == Rcode.SERVFAIL
    assert [error.code for error in found.extended_errors] == [code]


def test_names_beside_and_above_it_are_answered() -> None:
    zones = store()
    zones.withhold(names.read(CHILD), expired=True)
    found = answer(zones, "ns.parent.test.")
    assert found is not None
    assert found.rcode == Rcode.NOERROR
    assert answer(zones, "other.test.") is None


def test_zone_below_it_is_answered() -> None:
    zones = store()
    zones.withhold(names.read("test."), expired=False)
    found = answer(zones, "ns.parent.test.")
    assert found is not None
    assert found.rcode == Rcode.NOERROR


def test_alias_into_it_fails() -> None:
    zones = store()
    zones.withhold(names.read(CHILD), expired=True)
    found = answer(zones, "alias.parent.test.")
    assert found is not None
    assert found.rcode == Rcode.SERVFAIL


def test_access_list_comes_first() -> None:
    zones = store()
    zones.withhold(names.read(CHILD), expired=True)
    found = answer(zones, CHILD, bits=0)
    assert found is not None
    assert found.rcode == Rcode.REFUSED


def test_new_version_ends_it() -> None:
    zones = store()
    generation = zones.generation
    zones.withhold(names.read("parent.test."), expired=True)
    assert zones.generation > generation
    assert zones.get(names.read("parent.test.")) is None
    again = store().get(names.read("parent.test."))
    assert again is not None
    zones.swap(again)
    found = answer(zones, "ns.parent.test.")
    assert found is not None
    assert found.rcode == Rcode.NOERROR


def test_removed_zone_is_no_longer_ours() -> None:
    zones = store()
    zones.withhold(names.read("parent.test."), expired=True)
    zones.remove(names.read("parent.test."))
    assert answer(zones, "ns.parent.test.") is None
