"""Cookies in replies (RFC 7873 section 5.2), on the full path and on that of finished packets."""

import struct
from typing import Literal

import pytest

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import EdnsOption, Rcode, RRType
from resolver.config.schema import AccessSettings
from resolver.metrics import Metrics
from resolver.model import Edns, EdnsOptionValue, Message, Question
from resolver.policy.acl import AccessTable
from resolver.policy.cookies import ServerCookies
from resolver.serve.cookies import CookieCheck
from resolver.serve.fast import FastPath
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.testing import ManualClock
from resolver.wire.build import build, build_query
from resolver.wire.edns import cookie
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

ZONE = """$TTL 300
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
big TXT "{}" "{}" "{}" "{}"
""".format("a" * 255, "b" * 255, "c" * 255, "d" * 255)
CLIENT, OTHER = bytes((192, 0, 2, 7)), bytes((192, 0, 2, 8))
ALONE = b"abcdefgh"
FORGED = ALONE + bytes(16)
Edition = Literal["off", "on", "required"]


class World:
    """A server of one zone as its listeners see it."""

    def __init__(self, edition: Edition = "on") -> None:
        self.clock = ManualClock()
        store = ZoneStore()
        zone = read_zone_text(ZONE, names.read("example.test.")).zone
        assert zone is not None
        store.swap(zone)
        metrics, identity = Metrics(), Identity(nsid="here")
        made = ServerCookies((bytes(16),), self.clock, required=edition == "required")
        cookies = None if edition == "off" else made
        check = None if cookies is None else CookieCheck(cookies)
        self.service = Service(
            order=handlers(
                store, None, identity=identity, metrics=metrics, minimal=True, cookies=check
            ),
            access=AccessTable(AccessSettings(), ()),
            answers=Answers(100_000),
            identity=identity,
            clock=self.clock,
            metrics=metrics,
            recursion=False,
            on_exception=_fail,
            cookies=cookies,
        )
        self.fast = FastPath(self.service.answers, self.service.access.bits, cookies)

    def hit(self, packet: bytes, peer: bytes = CLIENT, *, stream: bool = False) -> bytes | None:
        bits, now = self.service.access.bits(peer), self.clock.now()
        return self.fast.hit(packet, peer, bits, now, stream=stream)

    def ask(self, packet: bytes, peer: bytes = CLIENT, *, stream: bool = False) -> Message:
        """The reply of the full path."""
        reply = self.service.respond(packet, peer, stream=stream)
        assert isinstance(reply, bytes)
        return parse(reply)

    def learn(self) -> bytes:
        """Client and server cookie of the client."""
        return given(self.ask(query(ALONE)))


def _fail(fault: BaseException) -> None:
    raise fault


def query(
    data: bytes | None = None, name: str = "www.example.test.", *, size: int = 1232, number: int = 1
) -> bytes:
    options = () if data is None else (EdnsOptionValue(EdnsOption.COOKIE, data),)
    question = Question(names.read(name), RRType.TXT if name.startswith("big") else RRType.A)
    edns = Edns(size, options=options)
    return build_query(number, question, edns=edns, recursion_desired=False)


def given(reply: Message) -> bytes:
    """The whole cookie in a reply."""
    found = cookie(reply.edns)
    assert found is not None
    assert found.client == ALONE
    assert len(found.server) == 16
    return found.client + found.server


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        ("www.example.test.", Rcode.NOERROR),
        ("nope.example.test.", Rcode.NXDOMAIN),
        ("example.org.", Rcode.REFUSED),
    ],
)
def test_every_reply_to_a_client_with_a_cookie_has_one(name: str, rcode: Rcode) -> None:
    world = World()
    first = world.ask(query(ALONE, name))
    assert first.rcode == rcode
    second = world.ask(query(given(first), name))
    assert (second.rcode, given(second)) == (rcode, given(first))
    assert cookie(world.ask(query(None, name)).edns) is None


def test_when_switched_off_cookies_are_passed_over() -> None:
    world = World("off")
    assert cookie(world.ask(query(ALONE)).edns) is None
    assert world.hit(query(ALONE)) == world.hit(query())
    assert world.ask(query(b"short")).rcode == Rcode.NOERROR


@pytest.mark.parametrize("length", [0, 7, 9, 15, 41])
def test_a_malformed_cookie_is_a_format_error(length: int) -> None:
    reply = World().ask(query(bytes(length)))
    assert (reply.rcode, reply.answer) == (Rcode.FORMERR, ())


def test_who_asks_with_cookies_fills_and_uses_finished_packets() -> None:
    """Everybody with a cookie of his own gets the packet that one of them had kept."""
    world = World()
    whole = world.ask(query(ALONE))
    for number in range(100):
        client = struct.pack("!Q", number)
        reply = world.hit(query(client, number=number))
        assert reply is not None
        hit = parse(reply)
        found = cookie(hit.edns)
        assert found is not None
        assert (hit.id, found.client, hit.answer) == (number, client, whole.answer)
        again = world.hit(query(found.client + found.server))
        assert again is not None
        assert cookie(parse(again).edns) == found
    assert world.service.answers.entries == 1


def test_hit_and_full_path_say_the_same() -> None:
    world = World()
    for asked in (query(ALONE), query(world.learn()), query(FORGED), query()):
        full = world.service.respond(asked, CLIENT, stream=False)
        assert world.hit(asked) == full
        over_tcp = world.service.respond(asked, CLIENT, stream=True)
        assert world.hit(asked, stream=True) == over_tcp


def test_a_packet_kept_for_one_client_has_no_cookie_of_his() -> None:
    world = World()
    world.ask(query(ALONE))
    reply = world.hit(query())
    assert reply is not None
    assert ALONE not in reply
    assert parse(reply).edns == Edns()


def test_a_reply_that_the_cookie_makes_too_long_for_the_client_is_truncated() -> None:
    """What fits without a cookie is kept; 28 octets more are too many for this size."""
    world = World()
    plain = world.service.respond(query(None, "big.example.test."), CLIENT, stream=False)
    assert isinstance(plain, bytes)
    size = len(plain)
    assert 1024 < size < 1200
    for limit, truncated in ((1232, False), (size + 28, False), (size + 27, True), (size, True)):
        asked = query(ALONE, "big.example.test.", size=limit)
        reply = world.hit(asked) or world.service.respond(asked, CLIENT, stream=False)
        assert isinstance(reply, bytes)
        assert len(reply) <= limit
        assert bool(reply[2] & 2) == truncated
        given(parse(reply))


def test_required_cookies_are_asked_for_with_badcookie() -> None:
    world = World("required")
    for data in (ALONE, FORGED):
        reply = world.ask(query(data))
        assert (reply.rcode, reply.answer) == (Rcode.BADCOOKIE, ())
    good = given(reply)
    assert world.ask(query(good)).rcode == Rcode.NOERROR
    # What is kept is for those who have one, and for those who do not know cookies.
    assert world.hit(query(good)) is not None
    assert world.hit(query()) is not None
    assert world.hit(query(FORGED)) is None
    assert world.hit(query(good), OTHER) is None


def test_over_tcp_the_address_is_known_without_a_cookie() -> None:
    """RFC 7873 section 5.2.3."""
    world = World("required")
    assert world.ask(query(FORGED), stream=True).rcode == Rcode.NOERROR
    assert world.hit(query(FORGED), stream=True) is not None


@pytest.mark.parametrize(
    ("data", "rcode"), [(ALONE, Rcode.NOERROR), (FORGED, Rcode.BADCOOKIE), (None, Rcode.FORMERR)]
)
def test_a_query_without_question_is_for_a_cookie(data: bytes | None, rcode: Rcode) -> None:
    """RFC 7873 section 5.4."""
    world = World()
    options = () if data is None else (EdnsOptionValue(EdnsOption.COOKIE, data),)
    reply = world.ask(build(Message(1, 0, edns=Edns(options=options))))
    assert reply.rcode == rcode
    if data is not None:
        good = EdnsOptionValue(EdnsOption.COOKIE, given(reply))
        asked = build(Message(1, 0, edns=Edns(options=(good,))))
        assert world.ask(asked).rcode == Rcode.NOERROR


def test_options_of_a_newer_edns_are_not_looked_at() -> None:
    options = (EdnsOptionValue(EdnsOption.COOKIE, b"?"),)
    question = Question(names.read("www.example.test."), RRType.A)
    packet = build_query(
        1, question, edns=Edns(version=1, options=options), recursion_desired=False
    )
    assert World().ask(packet).rcode == Rcode.BADVERS


def test_beside_other_options_the_cookie_is_there_and_the_packet_is_not_kept() -> None:
    world = World()
    options = (EdnsOptionValue(EdnsOption.NSID, b""), EdnsOptionValue(EdnsOption.COOKIE, ALONE))
    question = Question(names.read("www.example.test."), RRType.A)
    packet = build_query(1, question, edns=Edns(options=options), recursion_desired=False)
    given(world.ask(packet))
    assert world.service.answers.entries == 0
