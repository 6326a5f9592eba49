"""Servers that copy a zone from us learn how long our own copy lives on (RFC 7314)."""

import pytest

from resolver import names
from resolver.codes import EdnsOption, RRType
from resolver.model import Answer, Edns, EdnsOptionValue, Message, Question
from resolver.policy.acl import QUERY
from resolver.serve.expire import Expire
from resolver.serve.request import Identity, Request, envelope
from resolver.wire.edns import option
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

ORIGIN = names.read("example.test.")
TEXT = "@ 300 SOA ns admin 1 7200 900 1209600 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"
ASKED = Edns(options=(EdnsOptionValue(EdnsOption.EXPIRE, b""),))


def told(
    qname: str, qtype: int, edns: Edns | None = ASKED, life_s: float | None = None
) -> int | None:
    """The seconds in the option of the reply."""
    zone = read_zone_text(TEXT, ORIGIN).zone
    assert zone is not None
    store = ZoneStore()
    store.swap(zone)
    question = Question(names.read(qname), qtype)
    message = Message(1, 0, [question], edns=edns)
    request = Request(message, b"\x7f\0\0\1", QUERY, stream=False)
    assert Expire(store, lambda origin: life_s)(request) is None
    reply = parse(envelope(request, Answer(), Identity(), recursion=False))
    data = option(reply.edns, EdnsOption.EXPIRE)
    return None if data is None else int.from_bytes(data, "big")


@pytest.mark.parametrize("qtype", [RRType.SOA, RRType.AXFR, RRType.IXFR])
def test_primary_tells_the_expire_time_of_the_soa(qtype: int) -> None:
    assert told("EXAMPLE.test.", qtype) == 1209600


@pytest.mark.parametrize(("life_s", "seconds"), [(77.9, 77), (-3.0, 0), (1e12, 2**32 - 1)])
def test_secondary_tells_what_its_copy_has_left(life_s: float, seconds: int) -> None:
    assert told("example.test.", RRType.SOA, life_s=life_s) == seconds


def test_nothing_is_told_that_was_not_asked_for() -> None:
    assert told("example.test.", RRType.SOA, Edns()) is None
    assert told("example.test.", RRType.SOA, None) is None
    assert told("example.test.", RRType.A) is None
    assert told("ns.example.test.", RRType.SOA) is None
    assert told("other.test.", RRType.SOA) is None
