"""Transfers as clients see them: who gets which, signed or not, over TCP and UDP, and how many."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import Ede, Flag, Opcode, Rcode, RRClass, RRType
from resolver.config.schema import AccessSettings
from resolver.metrics import Metrics
from resolver.model import Edns, Message, Question, RRset
from resolver.policy.acl import AccessTable, Rule, ZoneRules
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity, Messages, Request
from resolver.serve.service import Service
from resolver.serve.transfer import TransferLimits, Transfers
from resolver.slices import finish
from resolver.testing.clock import ManualClock
from resolver.wire.build import build
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse
from resolver.wire.tsig import ALGORITHMS, Key, Signer, TsigError, Verifier
from resolver.wire.tsig_record import find
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, compute
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

ORIGIN = names.read("own.test.")
OTHER = names.read("other.test.")
FRIEND = bytes((192, 0, 2, 53))
STRANGER = bytes((203, 0, 113, 9))
KEY = Key(names.read("k1."), ALGORITHMS["hmac-sha256"], b"0123456789abcdef")
SECOND = Key(names.read("k2."), ALGORITHMS["hmac-sha512"], b"fedcba9876543210")


def zone(serial: int, hosts: int = 3, origin: bytes = ORIGIN) -> Zone:
    text = f"$TTL 300\n@ SOA ns.elsewhere.test. h {serial} 7200 900 1209600 300\n"
    text += "@ NS ns.elsewhere.test.\n"
    text += "".join(f"h{i} A 10.{serial}.{i >> 8}.{i & 255}\n" for i in range(hosts))
    report = read_zone_text(text, origin)
    assert report.zone is not None, report.errors
    return report.zone


class Notes:
    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.successes: list[str] = []

    def refused(self, request: Request, reason: str) -> None:
        self.refusals.append(reason)

    def done(self, request: Request, what: str) -> None:
        self.successes.append(what)


class World:
    """A service over two zones. `own` is open to FRIEND and to whoever signs with k1, the other
    one as `transfer` says."""

    def __init__(
        self,
        *versions: Zone,
        limits: TransferLimits | None = None,
        access: dict[str, Sequence[str]] | None = None,
        transfer: Sequence[str] = ("none",),
    ) -> None:
        self.store = ZoneStore()
        self.store.swap(versions[-1] if versions else zone(7))
        self.store.swap(zone(1, origin=OTHER))
        self.diffs: list[Diff] = [finish(compute(a, b)) for a, b in pairwise(versions)]
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.notes = Notes()
        self.faults: list[BaseException] = []
        settings = AccessSettings.model_validate({**(access or {}), "transfer": list(transfer)})
        own = AccessSettings.model_validate({"transfer": ["192.0.2.53", "key:k1"]}).transfer
        self.transfers = Transfers(
            self.store,
            ZoneRules(Rule(settings.transfer, []), {ORIGIN: Rule(own, [])}),
            self.history,
            limits=limits or TransferLimits(),
            identity=Identity(),
            clock=self.clock,
            metrics=self.metrics,
            notes=self.notes,
        )
        self.service = Service(
            order=handlers(
                self.store,
                None,
                identity=Identity(),
                metrics=self.metrics,
                minimal=True,
                transfers=self.transfers,
            ),
            access=AccessTable(settings, []),
            answers=Answers(1 << 20),
            identity=Identity(),
            clock=self.clock,
            metrics=self.metrics,
            recursion=False,
            on_exception=self.faults.append,
            keys={KEY.name: KEY},
            notes=self.notes,
        )

    def history(self, origin: bytes, serial: int) -> Sequence[Diff] | None:
        for i, diff in enumerate(self.diffs):
            if (diff.origin, diff.from_serial) == (origin, serial):
                return self.diffs[i:]
        return None

    def send(
        self, packet: bytes, *, peer: bytes = STRANGER, stream: bool = True
    ) -> bytes | Messages:
        reply: Any = self.service.respond(packet, peer, stream=stream)
        assert not self.faults
        return reply  # type: ignore[no-any-return]

    def ask(self, packet: bytes, *, peer: bytes = STRANGER, stream: bool = True) -> list[bytes]:
        """All packets of the reply."""
        reply = self.send(packet, peer=peer, stream=stream)
        return [reply] if isinstance(reply, bytes) else drain(reply)

    def outcome(self, packet: bytes, *, peer: bytes = STRANGER, stream: bool = True) -> str:
        """`transfer`, `soa` or the rcode."""
        packets = self.ask(packet, peer=peer, stream=stream)
        first = parse(packets[0])
        if first.rcode:
            assert not first.answer
            return Rcode(first.rcode).name
        return "transfer" if len(first.answer) > 1 else "soa"


def drain(reply: Messages) -> list[bytes]:
    packets = []
    while (packet := reply.take()) is not None:
        packets.append(packet)
    return packets


def query(qtype: int = RRType.AXFR, name: str = "own.test.", *, serial: int | None = None) -> bytes:
    message = Message(99, 0, [Question(names.read(name), qtype)], edns=Edns())
    if serial is not None:
        rdata = b"\0\0" + serial.to_bytes(4, "big") + bytes(16)
        message.authority = [RRset(names.read(name), RRType.SOA, RRClass.IN, 0, (rdata,))]
    return build(message)


def ixfr(serial: int) -> bytes:
    return query(RRType.IXFR, serial=serial)


def signed(packet: bytes, key: Key = KEY, *, at: float = 0.0) -> tuple[bytes, Verifier]:
    signer = Signer(key)
    return signer.sign(packet, at), Verifier(key, signer.mac)


def signed_now(world: World, packet: bytes, key: Key = KEY) -> bytes:
    return signed(packet, key, at=world.clock.wall())[0]


# Who gets it (X01, S01)


@pytest.mark.parametrize("qtype", [RRType.AXFR, RRType.IXFR])
@pytest.mark.parametrize("stream", [True, False])
def test_closed_to_strangers(qtype: int, stream: bool) -> None:
    world = World()
    (packet,) = world.ask(query(qtype, serial=1), stream=stream)
    reply = parse(packet)
    assert reply.rcode == Rcode.REFUSED
    assert not reply.answer
    assert [e.code for e in extended_errors(reply.edns)] == [Ede.PROHIBITED]
    assert world.metrics.transfers_out_refused_total == 1
    kind = RRType(qtype).name
    assert world.notes.refusals == [f"{kind} of own.test.: not in the transfer list"]


def test_every_zone_is_closed_by_default() -> None:
    assert World().outcome(query(name="other.test."), peer=FRIEND) == "REFUSED"


@pytest.mark.parametrize(
    ("peer", "key", "outcome"),
    [
        (FRIEND, None, "transfer"),
        (b"\0" * 10 + b"\xff\xff" + FRIEND, None, "transfer"),
        (STRANGER, KEY, "transfer"),
        (FRIEND, KEY, "transfer"),
        (STRANGER, None, "REFUSED"),
        (STRANGER, SECOND, "NOTAUTH"),
        (FRIEND, SECOND, "NOTAUTH"),
        (STRANGER, Key(KEY.name, KEY.algorithm, b"guessed"), "NOTAUTH"),
        (FRIEND, Key(KEY.name, KEY.algorithm, b"guessed"), "NOTAUTH"),
    ],
)
def test_address_or_key_opens_it_and_a_bad_signature_never(
    peer: bytes, key: Key | None, outcome: str
) -> None:
    world = World()
    packet = query() if key is None else signed_now(world, query(), key)
    assert world.outcome(packet, peer=peer) == outcome


def test_key_known_but_not_listed_is_refused() -> None:
    world = World(transfer=["key:k2"])
    assert world.outcome(signed_now(world, query(name="other.test."))) == "REFUSED"


@pytest.mark.parametrize(
    ("action", "opens"),
    [("query", (True, False, False)), ("transfer", (False, False, True))],
)
def test_each_action_has_its_own_list(action: str, opens: tuple[bool, ...]) -> None:
    """S01: client classes by action; a list for one thing opens no other."""
    access = {"query": ["198.51.100.1"], "recursion": ["198.51.100.2"]}
    world = World(access=access, transfer=["198.51.100.3"])
    packet = query(RRType.A, "h1.other.test.") if action == "query" else query(name="other.test.")
    for last, opened in enumerate(opens, 1):
        peer = bytes((198, 51, 100, last))
        assert (world.outcome(packet, peer=peer) != "REFUSED") == opened


def test_key_opens_queries_too() -> None:
    world = World(access={"query": ["key:k1"]})
    packet = query(RRType.A, "h1.own.test.")
    assert world.outcome(packet) == "REFUSED"
    assert world.outcome(signed_now(world, packet)) == "soa"  # one record
    assert world.outcome(packet) == "REFUSED"


def test_zone_that_is_not_ours_is_notauth() -> None:
    world = World()
    for name in ("elsewhere.test.", "h1.own.test.", "test."):
        assert world.outcome(query(name=name), peer=FRIEND) == "NOTAUTH"


def test_zone_that_expired_is_servfail_for_those_who_might_have_it() -> None:
    world = World()
    world.store.withhold(ORIGIN, expired=True)
    assert world.outcome(query(), peer=FRIEND) == "SERVFAIL"
    assert world.outcome(query()) == "REFUSED"
    assert world.outcome(query(name="h1.own.test."), peer=FRIEND) == "NOTAUTH"


# What it is


def test_axfr_is_the_zone_and_is_told() -> None:
    world = World(zone(7, hosts=3000))
    packets = world.ask(query(), peer=FRIEND)
    assert len(packets) > 1
    assert all(parse(p).id == 99 for p in packets)
    owners = {r.owner for p in packets for r in parse(p).answer}
    assert len(owners) == 3001
    assert world.metrics.transfers_out_total == 1
    octets = sum(map(len, packets))
    assert world.notes.successes == [
        f"AXFR of own.test. serial 7: {len(packets)} messages, {octets} octets, 0.000 s"
    ]


def test_axfr_over_udp_does_not_exist() -> None:
    world = World()
    (packet,) = world.ask(query(), peer=FRIEND, stream=False)
    assert parse(packet).rcode == Rcode.NOTIMP


def test_ixfr_without_a_serial_is_formerr() -> None:
    assert World().outcome(query(RRType.IXFR), peer=FRIEND) == "FORMERR"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("serial", [7, 8, 2**31 + 6])
def test_client_that_is_up_to_date_gets_the_soa_alone(serial: int, stream: bool) -> None:
    world = World()
    assert world.outcome(ixfr(serial), peer=FRIEND, stream=stream) == "soa"
    assert world.transfers.places.taken == 0


def shown(packets: list[bytes]) -> list[str]:
    """First labels of owners, serials for SOAs; in RRsets, so the last SOA is with the first."""
    return [
        "soa" if r.rrtype == RRType.SOA else r.owner[1 : r.owner[0] + 1].decode()
        for p in packets
        for r in parse(p).answer
    ]


@pytest.mark.parametrize("stream", [True, False])
def test_ixfr_is_the_differences(stream: bool) -> None:
    world = World(zone(5), zone(6), zone(7))
    (packet,) = world.ask(ixfr(5), peer=FRIEND, stream=stream)
    reply = parse(packet)
    assert reply.flags & Flag.AA
    soa = reply.answer[0]
    # The serial now, then of the version removed from; the others are equal to one of these.
    assert [rdata[-17] for rdata in soa.rdatas] == [7, 5]
    assert {r.owner[1:3] for r in reply.answer[1:]} == {b"h0", b"h1", b"h2"}
    assert {d[1] for r in reply.answer[1:] for d in r.rdatas} == {5, 7}


def test_missing_history_is_the_whole_zone_over_tcp_and_the_soa_over_udp() -> None:
    world = World(zone(5), zone(7))
    (packet,) = world.ask(ixfr(4), peer=FRIEND)
    assert [len(r.rdatas) for r in parse(packet).answer] == [1] * 5
    assert world.notes.successes[0].startswith("AXFR of own.test. serial 7")
    assert world.outcome(ixfr(4), peer=FRIEND, stream=False) == "soa"


def test_differences_too_long_for_a_datagram_are_the_soa_alone() -> None:
    world = World(zone(5, hosts=100), zone(7, hosts=100))
    assert world.outcome(ixfr(5), peer=FRIEND, stream=False) == "soa"
    assert world.outcome(ixfr(5), peer=FRIEND) == "transfer"


@pytest.mark.parametrize("hosts", range(20, 40))
def test_datagram_is_never_longer_than_the_client_takes(hosts: int) -> None:
    world = World(zone(5, hosts=hosts), zone(7, hosts=hosts))
    for packet in (ixfr(5), signed_now(world, ixfr(5))):
        (reply,) = world.ask(packet, peer=FRIEND, stream=False)
        assert len(reply) <= 1232
        assert not parse(reply).flags & Flag.TC


def test_transfer_keeps_its_version_while_another_is_swapped_in() -> None:
    world = World(zone(7, hosts=3000))
    reply = world.send(query(), peer=FRIEND)
    assert isinstance(reply, Messages)
    first = reply.take()
    assert first is not None
    world.store.swap(zone(8, hosts=10))
    packets = [first, *drain(reply)]
    assert len({r.owner for p in packets for r in parse(p).answer}) == 3001
    serials = {r.rdatas[0][-17] for p in packets for r in parse(p).answer if r.rrtype == 6}
    assert serials == {7}


# How many at once (X11)


def test_places_are_limited_in_all_and_for_each_client() -> None:
    world = World(limits=TransferLimits(total=3, per_client=2))
    replies = [world.send(query(), peer=FRIEND) for _ in range(2)]
    assert world.outcome(query(), peer=FRIEND) == "SERVFAIL"
    assert "to this address" in world.notes.refusals[-1]
    packet = signed_now(world, query())
    replies.append(world.send(packet, peer=STRANGER))
    assert isinstance(replies[-1], Messages)
    assert world.outcome(packet, peer=STRANGER) == "SERVFAIL"
    assert "3 transfers are under way" in world.notes.refusals[-1]
    # Small things need no place.
    assert world.outcome(ixfr(7), peer=FRIEND) == "soa"
    for reply in replies:
        assert isinstance(reply, Messages)
        reply.close()
    assert world.metrics.transfers_out_failed_total == 3
    assert "broken off" in world.notes.successes[-1]
    assert world.outcome(query(), peer=FRIEND) == "transfer"
    assert world.transfers.places.taken == 0


def test_who_is_refused_takes_no_place() -> None:
    world = World(limits=TransferLimits(total=1, per_client=1))
    for _ in range(5):
        assert world.outcome(query()) == "REFUSED"
    assert world.outcome(query(), peer=FRIEND) == "transfer"


def test_place_is_given_back_once() -> None:
    world = World()
    reply = world.send(query(), peer=FRIEND)
    assert isinstance(reply, Messages)
    drain(reply)
    reply.close()
    reply.close()
    assert world.transfers.places.taken == 0
    assert (world.metrics.transfers_out_total, world.metrics.transfers_out_failed_total) == (1, 0)


# Signatures (X06)


def test_every_message_of_a_signed_transfer_is_signed() -> None:
    world = World(zone(7, hosts=3000))
    packet, verifier = signed(query(), at=world.clock.wall())
    packets = world.ask(packet)
    assert len(packets) > 2
    for reply in packets:
        assert verifier.verify(reply, world.clock.wall()) is None
        assert verifier.signed_to_the_end
        assert len(reply) <= 65_535


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ["h1.own.test.", "gone.own.test.", "elsewhere.test."])
def test_any_reply_to_a_signed_query_is_signed(name: str, stream: bool) -> None:
    world = World()
    packet, verifier = signed(query(RRType.A, name), at=world.clock.wall())
    (reply,) = world.ask(packet, stream=stream)
    assert verifier.verify(reply, world.clock.wall()) is None
    assert verifier.signed_to_the_end
    assert parse(reply).edns is not None


def test_signed_reply_over_udp_fits_and_is_truncated_with_its_signature() -> None:
    world = World()
    text = "$TTL 5\n@ SOA a. b. 1 2 3 4 5\n@ NS ns.elsewhere.test.\n"
    text += "".join(f"@ TXT {'x' * 40}{i}\n" for i in range(9))
    report = read_zone_text(text, ORIGIN)
    assert report.zone is not None
    world.store.swap(report.zone)
    plain = build(Message(1, 0, [Question(ORIGIN, RRType.TXT)]))
    (unsigned,) = world.ask(plain, stream=False)
    assert 420 < len(unsigned) <= 512
    assert not parse(unsigned).flags & Flag.TC
    packet, verifier = signed(plain, at=world.clock.wall())
    (reply,) = world.ask(packet, stream=False)
    assert len(reply) <= 512
    assert parse(reply).flags & Flag.TC
    assert verifier.verify(reply, world.clock.wall()) is None


def test_signed_replies_are_not_kept_for_others() -> None:
    world = World()
    world.ask(signed_now(world, query(RRType.A, "h1.own.test.")))
    assert world.service.answers.entries == 0


@pytest.mark.parametrize(
    ("key", "skew", "error"),
    [
        (SECOND, 0, TsigError.BADKEY),
        (Key(KEY.name, KEY.algorithm, b"guessed"), 0, TsigError.BADSIG),
        (KEY, 301, TsigError.BADTIME),
        (KEY, -301, TsigError.BADTIME),
        (Key(KEY.name, KEY.algorithm, KEY.secret, 16), 0, TsigError.BADTRUNC),
    ],
)
def test_bad_signature_is_notauth_with_the_error_and_is_told(
    key: Key, skew: int, error: TsigError
) -> None:
    world = World()
    packet, verifier = signed(query(), key, at=world.clock.wall() + skew)
    (reply,) = world.ask(packet)
    message = parse(reply)
    assert message.rcode == Rcode.NOTAUTH
    assert not message.answer
    tsig = find(reply)
    assert tsig is not None
    assert tsig.error == error
    flaw = verifier.verify(reply, world.clock.wall() + skew)
    assert flaw is not None
    assert flaw.error == error
    assert world.metrics.tsig_rejected_total == 1
    assert error.name in world.notes.refusals[0]


@pytest.mark.parametrize("what", ["two", "not last", "another section", "short mac"])
def test_signature_that_may_not_be_is_formerr(what: str) -> None:
    world = World()
    packet = signed_now(world, query())
    tsig = find(packet)
    assert tsig is not None
    record = packet[tsig.start :]
    head = packet[: tsig.start]
    if what == "two":
        packet = packet[:10] + b"\0\3" + packet[12:] + record
    elif what == "another section":
        without_opt = build(Message(99, 0, [Question(ORIGIN, RRType.AXFR)]))
        packet = signed_now(world, without_opt)
        packet = packet[:6] + b"\0\1\0\0\0\0" + packet[12:]
    elif what == "not last":
        packet = packet[:10] + b"\0\2" + head[12:-11] + record + head[-11:]
    else:
        packet = signed_now(world, query(), KEY)
        at = tsig.start + len(KEY.name) + 10 + len(KEY.algorithm.name) + 8
        assert packet[at : at + 2] == b"\0\x20"
        length = len(record) - len(KEY.name) - 10 - 24
        rdlength_at = tsig.start + len(KEY.name) + 8
        packet = (
            packet[:rdlength_at]
            + length.to_bytes(2, "big")
            + packet[rdlength_at + 2 : at]
            + b"\0\x08"
            + packet[at + 2 : at + 10]
            + packet[at + 34 :]
        )
    (reply,) = world.ask(packet)
    assert parse(reply).rcode == Rcode.FORMERR


def test_our_own_fault_is_signed_servfail() -> None:
    world = World()

    def broken(origin: bytes, serial: int) -> None:
        raise RuntimeError("spilt milk")

    world.transfers._history = broken
    packet, verifier = signed(ixfr(1), at=world.clock.wall())
    reply = world.service.respond(packet, FRIEND, stream=True)
    assert isinstance(reply, bytes)
    assert parse(reply).rcode == Rcode.SERVFAIL
    assert verifier.verify(reply, world.clock.wall()) is None
    assert len(world.faults) == 1


def test_other_opcodes_may_be_signed() -> None:
    world = World()
    message = Message(1, Opcode.STATUS << 11, [Question(ORIGIN, RRType.SOA)])
    packet, verifier = signed(build(message), at=world.clock.wall())
    (reply,) = world.ask(packet)
    assert parse(reply).rcode == Rcode.NOTIMP
    assert verifier.verify(reply, world.clock.wall()) is None
