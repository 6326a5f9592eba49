"""What every query goes through before its name matters, and who gets what (S01, S02, S07, O17)."""

from collections.abc import Generator
from typing import Any

import pytest

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import Ede, EdnsOption, Flag, Opcode, Rcode, RRClass, RRType
from resolver.config.schema import Config
from resolver.effects import Finished, Sub
from resolver.iterate.priming import builtin_hints
from resolver.metrics import Metrics
from resolver.model import (
    Answer,
    Edns,
    EdnsOptionValue,
    Message,
    Question,
    Rank,
    RRset,
)
from resolver.policy.acl import AccessTable
from resolver.resolve import Recursion
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.testing.clock import ManualClock
from resolver.wire.build import build
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

LOCAL = bytes((127, 0, 0, 1))
STRANGER = bytes((203, 0, 113, 9))
ZONE = """
@ 3600 SOA ns1 host 7 7200 900 1209600 600
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
out CNAME www.elsewhere.test.
sub NS ns.sub
ns.sub A 192.0.2.53
"""


class FixedRng:
    def random(self) -> float:
        return 0.5

    def randrange(self, stop: int, /) -> int:
        return 0


class World:
    """A service over one own zone, with a recursion whose cache the test can fill."""

    def __init__(self, *, recursion: bool = True, config: Config | None = None) -> None:
        config = config or Config()
        report = read_zone_text(ZONE, names.read("example.test."))
        assert report.zone is not None, report.errors
        store = ZoneStore()
        store.swap(report.zone)
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.faults: list[BaseException] = []
        self.recursion = Recursion(
            recursion=config.recursion,
            outgoing=config.outgoing,
            cache=config.cache,
            hints=builtin_hints(),
            clock=self.clock,
            rng=FixedRng(),
        )
        identity = Identity(1232, "node-7", "")
        self.service = Service(
            order=handlers(
                store,
                self.recursion if recursion else None,
                identity=identity,
                metrics=self.metrics,
                minimal=True,
            ),
            access=AccessTable(config.access, []),
            answers=Answers(1 << 20),
            identity=identity,
            clock=self.clock,
            metrics=self.metrics,
            recursion=recursion,
            on_exception=self.faults.append,
        )

    def respond(self, packet: bytes, peer: bytes = LOCAL) -> Any:
        return self.service.respond(packet, peer, stream=False)

    def ask(
        self,
        name: str,
        qtype: int = RRType.A,
        *,
        qclass: int = RRClass.IN,
        flags: int = Flag.RD,
        edns: Edns | None = None,
        peer: bytes = LOCAL,
    ) -> Message:
        question = Question(names.read(name), qtype, qclass)
        reply = self.respond(build(Message(77, flags, [question], edns=edns)), peer)
        assert isinstance(reply, bytes), "the question was not answered at once"
        return parse(reply)

    def know(self, name: str) -> None:
        rrset = RRset(names.read(name), RRType.A, RRClass.IN, 300, (bytes((192, 0, 2, 99)),))
        self.recursion.rrsets.learn(rrset, Rank.AUTHORITATIVE_ANSWER, now=self.clock.now())


@pytest.fixture
def world() -> World:
    return World()


def test_own_zones_are_answered_with_authority(world: World) -> None:
    reply = world.ask("www.example.test.")
    assert reply.flags & Flag.AA
    assert reply.flags & Flag.QR
    assert reply.id == 77
    assert reply.answer[0].rdatas == (bytes((192, 0, 2, 80)),)


def test_cached_data_never_carries_aa(world: World) -> None:
    world.know("www.elsewhere.test.")
    reply = world.ask("www.elsewhere.test.")
    assert reply.answer
    assert not reply.flags & Flag.AA


@pytest.mark.parametrize(("peer", "available"), [(LOCAL, True), (STRANGER, False)])
def test_ra_is_set_only_for_those_who_may_recurse(
    world: World, peer: bytes, available: bool
) -> None:
    assert bool(world.ask("www.example.test.", peer=peer).flags & Flag.RA) is available


def test_ra_is_never_set_without_recursion() -> None:
    assert not World(recursion=False).ask("www.example.test.").flags & Flag.RA


def test_the_access_table_is_obeyed_exactly(world: World) -> None:
    """Closed to strangers by default: own zones for all, recursion and cache for neighbours."""
    world.know("www.elsewhere.test.")
    expected = {
        ("www.example.test.", Flag.RD, LOCAL): Rcode.NOERROR,
        ("www.example.test.", Flag.RD, STRANGER): Rcode.NOERROR,
        ("www.elsewhere.test.", Flag.RD, LOCAL): Rcode.NOERROR,
        ("www.elsewhere.test.", Flag.RD, STRANGER): Rcode.REFUSED,
        ("www.elsewhere.test.", 0, LOCAL): Rcode.NOERROR,
        ("www.elsewhere.test.", 0, STRANGER): Rcode.REFUSED,
        ("unknown.elsewhere.test.", 0, LOCAL): Rcode.REFUSED,
    }
    found = {key: world.ask(key[0], flags=key[1], peer=key[2]).rcode for key in expected}
    assert found == expected


def test_own_zones_can_be_closed_too() -> None:
    closed = Config.model_validate({"access": {"query": ["localhost"]}})
    reply = World(config=closed).ask("www.example.test.", peer=STRANGER, edns=Edns())
    assert reply.rcode == Rcode.REFUSED
    assert extended_errors(reply.edns)[0].code == Ede.PROHIBITED


def test_refusal_says_why(world: World) -> None:
    reply = world.ask("www.elsewhere.test.", peer=STRANGER, edns=Edns())
    assert extended_errors(reply.edns)[0].code == Ede.PROHIBITED
    reply = World(recursion=False).ask("www.elsewhere.test.", edns=Edns())
    assert reply.rcode == Rcode.REFUSED
    assert extended_errors(reply.edns)[0].code == Ede.NOT_AUTHORITATIVE


def test_unknown_names_start_a_resolution_that_others_join(world: World) -> None:
    query = build(Message(5, Flag.RD, [Question(names.read("Cold.example."), RRType.A)]))
    steps = world.respond(query)
    assert isinstance(steps, Generator)
    effect = next(steps)
    assert isinstance(effect, Sub)
    assert effect.key == (names.read("cold.example."), RRType.A, RRClass.IN)
    with pytest.raises(StopIteration) as end:
        steps.send(Finished(Answer(Rcode.NXDOMAIN)))
    reply = parse(end.value.value)
    assert (reply.id, reply.rcode) == (5, Rcode.NXDOMAIN)
    assert reply.questions[0].qname == names.read("Cold.example.")


def test_a_chain_that_leaves_our_zones_goes_on_by_recursion(world: World) -> None:
    world.know("www.elsewhere.test.")
    query = build(Message(5, Flag.RD, [Question(names.read("out.example.test."), RRType.A)]))
    with pytest.raises(StopIteration) as end:
        next(world.respond(query))
    reply = parse(end.value.value)
    assert [r.rrtype for r in reply.answer] == [RRType.CNAME, RRType.A]
    assert reply.flags & Flag.AA
    assert not world.service.answers.entries, "half of this answer ages, the other does not"


def test_strangers_get_the_chain_as_far_as_it_is_ours(world: World) -> None:
    reply = world.ask("out.example.test.", peer=STRANGER)
    assert [r.rrtype for r in reply.answer] == [RRType.CNAME]


def test_below_an_own_cut_strangers_get_a_referral_and_clients_an_answer(world: World) -> None:
    reply = world.ask("host.sub.example.test.", peer=STRANGER)
    assert (reply.answer, reply.authority[0].rrtype) == ((), RRType.NS)
    assert not reply.flags & Flag.AA
    query = build(Message(5, Flag.RD, [Question(names.read("a.sub.example.test."), RRType.A)]))
    ask = next(world.respond(query))
    assert ask.server.ip == "192.0.2.53"


@pytest.mark.parametrize("opcode", [Opcode.IQUERY, Opcode.STATUS, Opcode.NOTIFY, Opcode.UPDATE, 15])
def test_other_opcodes_are_not_implemented(world: World, opcode: int) -> None:
    assert world.ask("www.example.test.", flags=opcode << 11).rcode == Rcode.NOTIMP


@pytest.mark.parametrize("count", [0, 2])
def test_a_query_has_exactly_one_question(world: World, count: int) -> None:
    question = Question(names.read("www.example.test."), RRType.A)
    reply = parse(world.respond(build(Message(1, 0, [question] * count))))
    assert reply.rcode == Rcode.FORMERR


def test_an_unknown_edns_version_gets_badvers_and_ours(world: World) -> None:
    reply = world.ask("www.example.test.", edns=Edns(version=1))
    assert reply.rcode == Rcode.BADVERS
    assert reply.edns is not None
    assert reply.edns.version == 0
    assert not reply.answer


def test_edns_is_answered_with_edns_and_only_then(world: World) -> None:
    assert world.ask("www.example.test.").edns is None
    reply = world.ask("www.example.test.", edns=Edns(udp_size=4096, dnssec_ok=True))
    assert reply.edns is not None
    assert (reply.edns.udp_size, reply.edns.dnssec_ok) == (1232, True)


def test_nsid_is_told_to_who_asks(world: World) -> None:
    wanted = Edns(options=(EdnsOptionValue(EdnsOption.NSID, b""),))
    reply = world.ask("www.example.test.", edns=wanted)
    assert reply.edns is not None
    assert EdnsOptionValue(EdnsOption.NSID, b"node-7") in reply.edns.options
    reply = world.ask("www.example.test.", edns=Edns())
    assert reply.edns is not None
    assert not reply.edns.options


def test_rd_and_cd_are_copied_and_ad_is_not_invented(world: World) -> None:
    reply = world.ask("www.example.test.", flags=Flag.RD | Flag.CD | Flag.AD)
    assert reply.flags & (Flag.RD | Flag.CD | Flag.AD) == Flag.RD | Flag.CD
    assert not world.ask("www.example.test.", flags=0).flags & Flag.RD


def test_chaos_tells_the_identity_and_hides_the_version(world: World) -> None:
    reply = world.ask("id.server.", RRType.TXT, qclass=RRClass.CH)
    assert reply.answer[0].rdatas == (b"\x06node-7",)
    hidden = world.ask("version.bind.", RRType.TXT, qclass=RRClass.CH)
    assert (hidden.rcode, hidden.answer) == (Rcode.REFUSED, ())


def test_other_classes_are_refused(world: World) -> None:
    assert world.ask("www.example.test.", qclass=RRClass.HS).rcode == Rcode.REFUSED


@pytest.mark.parametrize(
    ("qtype", "rcode"),
    [
        (RRType.AXFR, Rcode.REFUSED),
        (RRType.IXFR, Rcode.REFUSED),
        (RRType.OPT, Rcode.FORMERR),
        (RRType.TSIG, Rcode.FORMERR),
        (RRType.NXNAME, Rcode.FORMERR),
        (RRType.MAILB, Rcode.NOTIMP),
    ],
)
def test_types_that_are_no_data(world: World, qtype: int, rcode: Rcode) -> None:
    assert world.ask("example.test.", qtype).rcode == rcode


def test_responses_and_scraps_get_silence(world: World) -> None:
    question = Question(names.read("www.example.test."), RRType.A)
    assert world.respond(build(Message(1, Flag.QR, [question]))) is None
    for size in range(12):
        assert world.respond(bytes(size)) is None
    assert world.metrics.dropped_total == 13


def test_malformed_queries_get_formerr_no_longer_than_themselves(world: World) -> None:
    packet = build(Message(9, Flag.RD, [Question(names.read("www.example.test."), RRType.A)]))
    reply = world.respond(packet[:-3])
    assert len(reply) == 12
    assert (reply[:2], reply[3] & 0xF) == (packet[:2], Rcode.FORMERR)
    assert world.metrics.malformed_total == 1


def test_a_handler_that_raises_costs_its_client_a_servfail(world: World) -> None:
    def broken(request: object) -> None:
        raise RuntimeError("a bug")

    world.service.order = [broken]
    reply = world.ask("www.example.test.", edns=Edns())
    assert reply.rcode == Rcode.SERVFAIL
    assert extended_errors(reply.edns)[0].code == Ede.OTHER
    assert len(world.faults) == 1
