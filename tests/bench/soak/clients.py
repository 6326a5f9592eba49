"""The load: thousands of questions a second from several networks, over UDP and TCP.

Each question is one query, sent once. What is answered after BOUND_S is late, unless the machine
stood still meanwhile (stalls.py); what is not answered within GIVE_UP_S is unanswered.
Knows: sockets, ids. Does not know: what is right (probes.py).
"""

import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from resolver.codes import Flag, Rcode, RRType
from resolver.errors import WireError
from resolver.model import Address, Edns, Message, Question
from resolver.wire.build import build_query
from resolver.wire.parse import parse
from tests.bench.soak.probes import Probe, Probes, describe, is_stale, is_timed_out
from tests.bench.soak.stalls import Stalls
from tests.bench.soak.truth import SLACK_S

# What a question may take (recursion.max_time) and a second more for a busy machine.
BOUND_S = 9.0
GIVE_UP_S = 60.0
NETWORKS = 64  # so many that none is a crowd (server.discard_after)
MAX_WAITING = 4000
EXAMPLES_EACH = 3
# Less than this that the machine withheld excuses nothing.
MIN_WITHHELD_S = 1.0
OWN_KINDS = ("own", "reloaded", "coming")
_TICK_S = 0.002
_BATCH = 64
_SWEEP_S = 0.25
_RECEIVE_OCTETS = 4 << 20
_TCP_THREADS = 2
_TCP_PAUSE_S = 0.05
_GARBAGE_EVERY = 200


@dataclass(slots=True)
class Tally:
    """What came of the questions of one kind. Seconds of waiting; `took` is a sample of them."""

    asked: int = 0
    answered: int = 0
    wrong: int = 0
    late: int = 0
    unanswered: int = 0
    excused: int = 0  # would be wrong, had the machine not stood still
    stale: int = 0
    failed: int = 0
    timed_out: int = 0  # told so at the bound of time
    worst_s: float = 0.0
    took: deque[float] = field(default_factory=lambda: deque(maxlen=20_000))


class Judges:
    """Counts and judges replies; used by several threads."""

    def __init__(self, epoch: float, stalls: Stalls, upstream: Stalls) -> None:
        self.epoch = epoch
        self.stalls = stalls
        self.upstream = upstream  # of the hierarchy
        self.tallies: dict[str, Tally] = {}
        self.examples: list[str] = []
        self.wrongs: Counter[str] = Counter()
        self._lock = threading.Lock()

    def tally(self, kind: str) -> Tally:
        """That of a kind."""
        with self._lock:
            return self.tallies.setdefault(kind, Tally())

    def take(self, kind: str, probe: Probe, packet: bytes, sent: float) -> bool:
        """Judge a reply; whether it was cut off and is to be asked for again over TCP."""
        now = time.monotonic()
        tally = self.tally(kind)
        tally.answered += 1
        tally.took.append(now - sent)
        tally.worst_s = max(tally.worst_s, now - sent)
        if now - sent > BOUND_S:
            self.stalls.look()
            tally.late += now - sent - self.stalls.within(sent, now) > BOUND_S
        try:
            message = parse(packet)
        except WireError as error:
            self.wrong(kind, probe, f"cannot be read: {error}", "")
            return False
        if len(message.questions) != 1 or message.questions[0].qname != probe.name:
            self.wrong(kind, probe, "a reply to another question", describe(message))
            return False
        tally.stale += is_stale(message)
        tally.failed += message.rcode == Rcode.SERVFAIL
        tally.timed_out += is_timed_out(message)
        if fault := probe.judge(message, sent - self.epoch, now - self.epoch):
            if self._is_excused(probe, message, sent, now):
                tally.excused += 1
            else:
                self.wrong(kind, probe, fault, describe(message))
        return bool(message.flags & Flag.TC)

    def _is_excused(self, probe: Probe, message: Message, sent: float, now: float) -> bool:
        """Whether it is due to the machine: servers that were not let answer in time, or data that
        lay about until somebody could go on. Own data is never excused."""
        withheld_s = self._withheld_s(sent - SLACK_S, now)
        if probe.kind in OWN_KINDS or withheld_s < MIN_WITHHELD_S:
            return False
        earlier = sent - withheld_s - self.epoch
        return message.rcode == Rcode.SERVFAIL or not probe.judge(
            message, earlier, now - self.epoch
        )

    def _withheld_s(self, since: float, until: float) -> float:
        """By the machine, from the server, the clients and the hierarchy."""
        withheld_s = 0.0
        for each in (self.stalls, self.upstream):
            each.look()
            withheld_s += each.within(since, until)
        return withheld_s

    def unanswered(self, kind: str, sent: float, count: int = 1) -> None:
        """Count questions that were given up. They are excused if the machine withheld time before
        their bound: then questions heap up, and a crowd at one name loses some (Limits.waiters)."""
        tally = self.tally(kind)
        if self._withheld_s(sent - SLACK_S, sent + BOUND_S) < MIN_WITHHELD_S:
            tally.unanswered += count
        else:
            tally.excused += count

    def wrong(self, kind: str, probe: Probe, fault: str, shown: str) -> None:
        """Count a reply that is not right, and keep some of them."""
        self.tally(kind).wrong += 1
        with self._lock:
            self.wrongs[f"{kind}: {fault}"] += 1
            if self.wrongs[f"{kind}: {fault}"] <= EXAMPLES_EACH:
                at = time.monotonic() - self.epoch
                question = Question(probe.name, probe.rrtype)
                self.examples.append(f"{at:.1f} s {kind} {question}: {fault}: {shown}")


@dataclass(slots=True, eq=False)
class _Socket:
    """A client's socket, and the queries that wait on it by id; oldest first."""

    socket: socket.socket
    ip: str
    waiting: dict[int, tuple[Probe, float]] = field(default_factory=dict)
    next_id: int = 0


class Clients:
    """Asks `server` at `rate` questions a second, one reply each."""

    def __init__(self, server: Address, probes: Probes, judges: Judges, *, rate: float) -> None:
        self.server = server
        self.probes = probes
        self.judges = judges
        self.rate = rate
        self.held_back = 0  # questions not asked since too many were waiting
        self.replies: Counter[str] = Counter()  # by the address that they came to
        self.rng = Random(3)
        self.cut_off: deque[Probe] = deque(maxlen=1000)
        self.stopped = threading.Event()
        self._sockets: list[_Socket] = []
        self._packets: dict[tuple[bytes, int], bytes] = {}
        self._garbage: socket.socket | None = None

    @property
    def ports(self) -> set[int]:
        """Of the sockets that replies come to over UDP."""
        return {each.socket.getsockname()[1] for each in self._sockets}

    @property
    def waiting(self) -> int:
        """Questions over UDP without an answer so far."""
        return sum(len(each.waiting) for each in self._sockets)

    def open(self) -> None:
        """Open one socket in each network, and begin over TCP."""
        for network in range(NETWORKS):
            ip = f"127.9.{network}.1"
            self._sockets.append(_Socket(self._connect(ip), ip))
        self._garbage = self._connect("127.9.250.1")
        for number in range(_TCP_THREADS):
            threading.Thread(target=self._ask_over_tcp, args=(number,), daemon=True).start()

    def close(self) -> None:
        """Ask no more, and count what is still waiting."""
        self.stopped.set()
        for each in self._sockets:
            for probe, sent in each.waiting.values():
                self.judges.unanswered(probe.kind, sent)
            each.socket.close()
        if self._garbage is not None:
            self._garbage.close()

    def run(self, until: float, every: float, act: Callable[[], None]) -> None:
        """Ask until then, and `act` every so many seconds; then wait for what is under way."""
        with selectors.DefaultSelector() as selector:
            for each in self._sockets:
                selector.register(each.socket, selectors.EVENT_READ, each)
            stalls = self.judges.stalls
            stalls.begin()
            began = now = time.monotonic()
            asked = 0
            next_act, next_sweep = began, began + _SWEEP_S
            while now < until + GIVE_UP_S and (now < until or self.waiting):
                if now < until:
                    due = int((now - began) * self.rate) - asked
                    asked += due
                    self._send(due)
                for key, _ in selector.select(_TICK_S):
                    stalls.tick()
                    self._receive(key.data)
                stalls.tick()
                now = time.monotonic()
                if now >= next_sweep:
                    next_sweep = now + _SWEEP_S
                    self._give_up(now)
                if now >= next_act:
                    next_act = now + every
                    act()

    def _send(self, count: int) -> None:
        room = min(count, MAX_WAITING - self.waiting, self.rng.randrange(_BATCH, 4 * _BATCH))
        self.held_back += count - max(room, 0)
        for probe in self.probes.draw(self.rng, max(room, 0)):
            each = self.rng.choice(self._sockets)
            number = each.next_id
            while number in each.waiting:
                number = (number + 1) & 0xFFFF
            each.next_id = (number + 1) & 0xFFFF
            self.judges.tally(probe.kind).asked += 1
            each.waiting[number] = (probe, time.monotonic())
            with suppress(BlockingIOError):
                each.socket.send(number.to_bytes(2, "big") + self._packet(probe)[2:])
            if self._garbage is not None and self.rng.randrange(_GARBAGE_EVERY) == 0:
                self._send_garbage(self._packet(probe))

    def _send_garbage(self, packet: bytes) -> None:
        """A query with some octets changed; whatever comes back is not looked at."""
        assert self._garbage is not None
        damaged = bytearray(packet)
        for _ in range(self.rng.randrange(1, 6)):
            damaged[self.rng.randrange(2, len(damaged))] = self.rng.randrange(256)
        with suppress(OSError):
            self._garbage.send(damaged[: self.rng.randrange(8, len(damaged) + 1)])
        with suppress(OSError):
            while self._garbage.recv(65_535):
                pass

    def _packet(self, probe: Probe) -> bytes:
        key = (probe.name, probe.rrtype)
        packet = self._packets.get(key)
        if packet is None:
            question = Question(probe.name, probe.rrtype)
            packet = build_query(0, question, edns=Edns(), recursion_desired=True)
            if probe.kind not in ("wild", "nxdomain"):
                self._packets[key] = packet
        return packet

    def _receive(self, each: _Socket) -> None:
        for _ in range(_BATCH):
            try:
                packet = each.socket.recv(65_535)
            except OSError:
                return
            self.replies[each.ip] += 1
            found = each.waiting.pop(int.from_bytes(packet[:2], "big"), None)
            if found is None:
                continue  # given up already
            probe, sent = found
            if self.judges.take(probe.kind, probe, packet, sent):
                self.cut_off.append(probe)

    def _give_up(self, now: float) -> None:
        for each in self._sockets:
            while each.waiting:
                number = next(iter(each.waiting))
                probe, sent = each.waiting[number]
                if now - sent < GIVE_UP_S:
                    break
                del each.waiting[number]
                self.judges.unanswered(probe.kind, sent)

    def _connect(self, ip: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_OCTETS)
        made.setblocking(False)
        made.bind((ip, 0))
        made.connect(tuple(self.server))
        return made

    def _ask_over_tcp(self, number: int) -> None:
        """Connection after connection, some for one question and some for twenty."""
        rng = Random(number)
        while not self.stopped.wait(_TCP_PAUSE_S):
            probes = self.probes.draw(rng, rng.choice((1, 1, 3, 20)))
            while self.cut_off and len(probes) < 25:
                probes.append(self.cut_off.popleft())
            tally = self.judges.tally("over TCP")
            tally.asked += len(probes)
            sent, answered = time.monotonic(), 0
            with suppress(OSError):
                answered = self._exchange(f"127.9.{100 + number}.1", probes)
            if answered < len(probes):
                self.judges.unanswered("over TCP", sent, len(probes) - answered)

    def _exchange(self, ip: str, probes: list[Probe]) -> int:
        """Ask all of them at once over a connection; how many replies came."""
        waiting = dict(enumerate(probes))
        with socket.create_connection(tuple(self.server), GIVE_UP_S, (ip, 0)) as stream:
            sent = time.monotonic()
            for number, probe in waiting.items():
                packet = number.to_bytes(2, "big") + self._packet(probe)[2:]
                stream.sendall(struct.pack("!H", len(packet)) + packet)
            read = b""
            while waiting and not self.stopped.is_set():
                data = stream.recv(65_535)
                if not data:
                    break
                read += data
                while len(read) > 2 and len(read) >= (end := 2 + int.from_bytes(read[:2], "big")):
                    packet, read = read[2:end], read[end:]
                    probe = waiting.pop(int.from_bytes(packet[:2], "big"))
                    self.replies[ip] += 1
                    cut = self.judges.take("over TCP", probe, packet, sent)
                    if cut and probe.rrtype == RRType.TXT:
                        self.judges.wrong("over TCP", probe, "cut off over TCP", "")
        return len(probes) - (0 if self.stopped.is_set() else len(waiting))
