"""Rate limits on replies, on the full path and on that of finished packets (S03)."""

from collections import Counter

import pytest

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import EdnsOption, Flag, Opcode, Rcode, RRType
from resolver.config.protection import RateLimitSettings
from resolver.config.schema import AccessSettings
from resolver.metrics import Metrics
from resolver.model import Edns, EdnsOptionValue, Message, Question
from resolver.policy.acl import AccessTable, Rule
from resolver.policy.cookies import ServerCookies
from resolver.policy.rate_limit import RateLimiter
from resolver.serve.cookies import CookieCheck
from resolver.serve.fast import FastPath
from resolver.serve.pipeline import handlers
from resolver.serve.rate_limit import ReplyLimits
from resolver.serve.request import Identity, Request
from resolver.serve.service import Service
from resolver.testing import ManualClock
from resolver.wire.build import build, build_query
from resolver.wire.edns import cookie
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore
from tests.serve.test_fast import Received

ZONE = """$TTL 300
@ SOA ns1 host 1 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
*.wild A 192.0.2.81
here DNAME there.example.org.
child NS ns.child
ns.child A 192.0.2.82
"""
VICTIM, NEIGHBOUR, OTHER = bytes((192, 0, 2, 7)), bytes((192, 0, 2, 9)), bytes((192, 0, 3, 7))
RATE = 10


class World:
    """A server of one zone with rate limits."""

    def __init__(self, **settings: object) -> None:
        self.clock = ManualClock()
        store = ZoneStore()
        zone = read_zone_text(ZONE, names.read("example.test.")).zone
        assert zone is not None
        store.swap(zone)
        self.metrics, identity = Metrics(), Identity()
        self.noted: list[str] = []
        cookies = ServerCookies((bytes(16),), self.clock)
        chosen = RateLimitSettings.model_validate({"responses_per_second": RATE, **settings})
        limiter = RateLimiter(chosen, Rule(chosen.exempt, ()))
        limits = ReplyLimits(limiter, clock=self.clock, metrics=self.metrics, notes=self)
        self.service = Service(
            order=handlers(
                store,
                None,
                identity=identity,
                metrics=self.metrics,
                minimal=True,
                cookies=CookieCheck(cookies),
            ),
            access=AccessTable(AccessSettings(), ()),
            answers=Answers(100_000),
            identity=identity,
            clock=self.clock,
            metrics=self.metrics,
            recursion=False,
            on_exception=_fail,
            cookies=cookies,
            limits=limits,
        )
        self.fast = FastPath(self.service.answers, self.service.access.bits, cookies, limiter)

    def refused(self, request: Request, reason: str) -> None:
        """Note it (Notes)."""
        self.noted.append(reason)

    def done(self, request: Request, what: str) -> None:
        """Not of interest (Notes)."""

    def ask(self, packet: bytes, peer: bytes = VICTIM, *, stream: bool = False) -> bytes | None:
        """The reply of the full path."""
        reply = self.service.respond(packet, peer, stream=stream)
        assert reply is None or isinstance(reply, bytes)
        return reply

    def serve(self, *asked: tuple[bytes, bytes]) -> list[bytes | None]:
        """The replies to a batch, as a listener makes them."""
        batch = Received(*asked)
        missed = set(self.fast.answer_batch(batch, self.clock.now()))
        return [
            self.ask(*asked[slot]) if slot in missed else batch.reply(slot)
            for slot in range(len(asked))
        ]

    def flood(self, times: int, packet: bytes, peer: bytes = VICTIM) -> Counter[str]:
        """What becomes of the replies, through the full path alone."""
        return Counter(outcome(self.ask(packet, peer)) for _ in range(times))


def outcome(reply: bytes | None) -> str:
    if reply is None:
        return "dropped"
    message = parse(reply)
    if message.rcode == Rcode.BADCOOKIE:
        return "badcookie"
    return "truncated" if message.flags & Flag.TC else "whole"


def _fail(fault: BaseException) -> None:
    raise fault


def query(name: str = "www.example.test.", data: bytes | None = None) -> bytes:
    options = () if data is None else (EdnsOptionValue(EdnsOption.COOKIE, data),)
    question = Question(names.read(name), RRType.A)
    return build_query(7, question, edns=Edns(options=options), recursion_desired=False)


def valid_cookie(world: World, peer: bytes = VICTIM) -> bytes:
    reply = world.ask(query("ns1.example.test.", b"abcdefgh"), peer)
    assert reply is not None
    found = cookie(parse(reply).edns)
    assert found is not None
    return found.client + found.server


def test_one_answer_is_cut_to_the_rate_with_every_second_reply_truncated() -> None:
    world = World()
    found = world.flood(RATE + 100, query())
    assert found == {"whole": RATE, "dropped": 50, "truncated": 50}
    assert world.metrics.rate_limited_total == 100
    assert world.metrics.rate_limited_dropped_total == 50
    assert world.metrics.dropped_total == 50
    assert world.noted == ["too many replies: ANSWER www.example.test. A"]


def test_a_truncated_reply_is_empty_and_no_longer_than_the_query() -> None:
    world = World()
    asked = query()
    replies = [world.ask(asked) for _ in range(RATE + 2)]
    short = replies[-1]
    assert short is not None
    message = parse(short)
    assert message.flags & Flag.TC
    assert message.flags & Flag.AA
    assert (message.answer, message.authority, message.additional) == ((), (), ())
    assert len(short) <= len(asked)


@pytest.mark.parametrize(
    "name",
    [
        "nope{}.example.test.",
        "a{}.wild.example.test.",
        "x{}.here.example.test.",
        "y{}.child.example.test.",
        "z{}.example.org.",
    ],
)
def test_names_that_are_answered_alike_share_an_account(name: str) -> None:
    """Random names below a zone, a wildcard, a DNAME, a cut, and of nobody."""
    world = World()
    sent = Counter(outcome(world.ask(query(name.format(i)))) for i in range(4 * RATE))
    assert sent["whole"] == RATE
    assert len(world.noted) == 1


def test_different_answers_have_accounts_of_their_own() -> None:
    world = World()
    for name in ("www.example.test.", "ns1.example.test.", "nope.example.test.", "example.test."):
        assert world.flood(RATE + 1, query(name))["whole"] == RATE


def test_the_network_is_limited_not_the_address() -> None:
    world = World()
    assert world.flood(RATE, query())["whole"] == RATE
    assert not world.flood(4, query(), NEIGHBOUR)["whole"]
    assert world.flood(RATE, query(), OTHER)["whole"] == RATE


def test_tcp_is_never_limited() -> None:
    world = World()
    assert world.flood(3 * RATE, query())["whole"] == RATE
    for _ in range(3 * RATE):
        assert outcome(world.ask(query(), stream=True)) == "whole"


def test_a_valid_cookie_passes_and_a_forged_one_gets_badcookie() -> None:
    world = World()
    good = valid_cookie(world)
    assert world.flood(3 * RATE, query())["whole"] == RATE
    assert world.flood(3 * RATE, query(data=good)) == {"whole": 3 * RATE}
    forged = world.flood(RATE, query(data=b"abcdefgh"))
    assert forged == {"badcookie": RATE // 2, "dropped": RATE // 2}
    assert not world.flood(RATE, query(data=good), NEIGHBOUR)["whole"]


def test_neighbours_are_exempt_by_default() -> None:
    world = World()
    assert world.flood(10 * RATE, query(), bytes((127, 0, 0, 1))) == {"whole": 10 * RATE}


def test_a_dry_run_counts_and_tells_and_sends() -> None:
    world = World(dry_run=True)
    assert world.flood(3 * RATE, query()) == {"whole": 3 * RATE}
    assert world.metrics.rate_limited_total == 2 * RATE
    assert world.metrics.rate_limited_dropped_total == 0
    assert len(world.noted) == 1


def test_queries_that_cannot_be_read_are_limited_too() -> None:
    world = World()
    scrap = query()[:-3]
    replies = [world.ask(scrap) for _ in range(3 * RATE)]
    assert sum(reply is not None for reply in replies) == RATE
    assert all(world.ask(scrap, stream=True) for _ in range(3 * RATE))


def test_other_opcodes_are_not_limited() -> None:
    world = World()
    status = build(Message(1, Opcode.STATUS << 11))
    assert world.flood(3 * RATE, status) == {"whole": 3 * RATE}


def test_finished_packets_are_limited_as_well() -> None:
    """The hit path does not classify: what is over the least rate is looked at."""
    world = World()
    outcomes: Counter[str] = Counter()
    for _ in range(100):
        outcomes.update(outcome(r) for r in world.serve(*[(query(), VICTIM)] * 10))
    # One batch goes by before the network is a crowd.
    assert RATE <= outcomes["whole"] <= 2 * RATE + 10
    assert abs(outcomes["dropped"] - outcomes["truncated"]) <= 1
    # From the second on there is nothing but the rate.
    world.clock.advance(1.0)
    seconds = [
        Counter(outcome(r) for _ in range(20) for r in world.serve(*[(query(), VICTIM)] * 10))
        for _ in range(5)
        if world.clock.advance(1.0) is None
    ]
    assert [second["whole"] for second in seconds] == [RATE] * 5


def test_in_a_crowd_other_answers_still_come_from_finished_packets() -> None:
    """A resolver of many users asks often, but seldom the same."""
    world = World()
    asked = [(query(name), VICTIM) for name in ("www.example.test.", "ns1.example.test.")]
    for _ in range(RATE):
        world.serve(*asked)
    world.clock.advance(0.9)
    hits = world.fast.answer_batch(Received(*asked), world.clock.now())
    assert hits == []
    assert world.fast._peers[VICTIM].crowd


def test_in_a_crowd_a_valid_cookie_is_a_hit() -> None:
    world = World()
    good = valid_cookie(world)
    for _ in range(10):
        world.serve(*[(query(), VICTIM)] * 10)
    asked = [(query(data=good), VICTIM)] * 20
    assert world.fast.answer_batch(Received(*asked), world.clock.now()) == []
    forged = [(query(data=b"abcdefgh" + bytes(16)), VICTIM)] * 20
    assert len(world.fast.answer_batch(Received(*forged), world.clock.now())) == 20


def test_a_network_that_asks_less_again_is_a_crowd_no_more() -> None:
    world = World()
    for _ in range(10):
        world.serve(*[(query(), VICTIM)] * 10)
    assert world.fast._peers[VICTIM].crowd
    for _ in range(2):
        world.clock.advance(1.0)
        world.serve((query(), VICTIM))
    assert not world.fast._peers[VICTIM].crowd


def test_without_a_crowd_and_for_neighbours_everything_is_ready() -> None:
    world = World()
    home = bytes((127, 0, 0, 1))
    for _ in range(20):
        world.serve(*[(query(), home)] * 10, (query(), OTHER))
        world.clock.advance(0.2)
    assert not world.fast._peers[home].crowd
    assert not world.fast._peers[OTHER].crowd
