"""The driver for engines on a fake Internet: what net/run.py does on sockets, on a virtual clock.

Performs Ask, Sub and Spawn for any number of engines at once. Whenever all of them wait, the clock
jumps to the next thing that happens. Equal Subs in flight are joined; one that would wait for
itself gets Cycle. Packets are made and judged by the code that does so on real sockets
(net/match.py).

Does not know: what the engines do, what the servers say.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from random import Random
from typing import Any, TypeVar

from resolver.effects import (
    Ask,
    Await,
    Cycle,
    Finished,
    Outcome,
    Spawn,
    Started,
    Steps,
    Sub,
    Timeout,
    Unreachable,
)
from resolver.net.cookies import Cookies
from resolver.net.entropy import Entropy
from resolver.net.match import Miss, QueryMaker, judge
from resolver.testing.clock import ManualClock
from resolver.testing.internet import Internet
from resolver.testing.watch import Asked, Watch

T = TypeVar("T")

# Where asks leave from, and what cookies are made with: the same in each run.
_OWN = "203.0.113.1"
_SECRET = bytes(32)

MAX_EFFECTS = 100_000  # of one call of run(): an engine without end fails its test, not the machine


@dataclass(slots=True, eq=False)
class _Job:
    """One engine under way. `waits_for` is the Sub it waits for, `waiters` who waits for it;
    `impatient` while it waits only so long."""

    steps: Steps[Any]
    watch: Watch
    key: tuple[bytes, int, int] | None = None
    waits_for: "_Job | None" = None
    waiters: list["_Job"] = field(default_factory=list)
    done: Callable[[Any], None] | None = None
    impatient: bool = False


class Driver:
    """Runs engines on `net`. `start` some, then `run` until all have ended."""

    def __init__(self, net: Internet, clock: ManualClock, *, seed: int = 1) -> None:
        self.net = net
        self.clock = clock
        self._maker = QueryMaker(Entropy(draw=Random(seed).randbytes), Cookies(_SECRET))
        self._ready: deque[tuple[_Job, Outcome | None]] = deque()
        self._later: list[tuple[float, int, _Job, Outcome]] = []
        self._subs: dict[tuple[bytes, int, int], _Job] = {}
        self._count = 0

    def start(self, steps: Steps[T], done: Callable[[T], None], watch: Watch) -> None:
        """Begin with an engine at the next `run`; `done` gets its result."""
        self._ready.append((_Job(steps, watch, done=done), None))

    def run(self) -> None:
        """Let time pass until every engine has ended.

        Raises whatever an engine raises, and RuntimeError after MAX_EFFECTS effects.
        """
        limit = self._count + MAX_EFFECTS
        try:
            while self._ready or self._later:
                if self._ready:
                    self._advance(*self._ready.popleft())
                else:
                    at, _, job, outcome = heappop(self._later)
                    self.clock.advance(max(0.0, at - self.clock.now()))
                    self._stop_waiting(job)
                    self._ready.append((job, outcome))
                if self._count > limit:
                    raise RuntimeError(f"an engine did not end within {MAX_EFFECTS} effects")
        except BaseException:
            self._ready.clear()
            self._later.clear()
            self._subs.clear()
            raise

    def _advance(self, job: _Job, outcome: Outcome | None) -> None:
        """Send an outcome in and perform the effect that comes out."""
        self._count += 1
        try:
            # A new generator takes None, which the type of Steps does not say.
            effect = job.steps.send(outcome)  # type: ignore[arg-type]
        except StopIteration as end:
            self._finish(job, end.value)
            return
        if isinstance(effect, Ask):
            self._ask(job, effect)
        elif isinstance(effect, Await):
            effect.start(lambda result: self._ready.append((job, Finished(result))))
        elif isinstance(effect, Spawn):
            if effect.key not in self._subs:
                self._start_sub(effect, job.watch)
            self._ready.appendleft((job, Started()))
        else:
            self._wait_for_sub(job, effect)

    def _finish(self, job: _Job, result: Any) -> None:
        if job.key is not None:
            del self._subs[job.key]
        for waiter in list(job.waiters):
            self._stop_waiting(waiter)
            self._ready.append((waiter, Finished(result)))
        if job.done is not None:
            job.done(result)

    def _start_sub(self, sub: Sub | Spawn, watch: Watch) -> _Job:
        started = _Job(sub.start(), watch, key=sub.key)
        self._subs[sub.key] = started
        self._ready.append((started, None))
        return started

    def _wait_for_sub(self, job: _Job, sub: Sub) -> None:
        running = self._subs.get(sub.key)
        if running is None:
            running = self._start_sub(sub, job.watch)
        elif _waits_for(running, job):
            self._ready.append((job, Cycle()))
            return
        job.waits_for = running
        running.waiters.append(job)
        if sub.patience_s is not None:
            job.impatient = True
            heappush(self._later, (self.clock.now() + sub.patience_s, self._count, job, Timeout()))

    def _stop_waiting(self, job: _Job) -> None:
        """The job waits for no other any more, whether that has ended or took too long."""
        if job.waits_for is None:
            return
        job.waits_for.waiters.remove(job)
        job.waits_for = None
        if job.impatient:
            job.impatient = False
            self._later = [entry for entry in self._later if entry[2] is not job]
            heapify(self._later)

    def _ask(self, job: _Job, ask: Ask) -> None:
        after_s, outcome = self._perform(ask)
        job.watch.asks.append(
            Asked(
                ask.server.ip,
                str(ask.question),
                ask.stream,
                ask.edns_size,
                self.clock.now(),
                type(outcome).__name__,
            )
        )
        heappush(self._later, (self.clock.now() + after_s, self._count, job, outcome))

    def _perform(self, ask: Ask) -> tuple[float, Outcome]:
        """The outcome of an ask, and after how many seconds it is known."""
        if not self.net.is_reachable(ask.server.ip):
            return 0.0, Unreachable("connection refused" if ask.stream else "port unreachable")
        waited_s, verdict = self._exchange(ask, 0.0, stream=ask.stream)
        if isinstance(verdict, Miss) and verdict.is_near and not ask.stream:
            # Somebody is guessing, so what UDP brings is no longer believed (RFC 5452
            # section 9.3); the rest of the time belongs to TCP.
            waited_s, verdict = self._exchange(ask, waited_s, stream=True)
        return (ask.timeout_s, Timeout()) if isinstance(verdict, Miss) else (waited_s, verdict)

    def _exchange(self, ask: Ask, waited_s: float, *, stream: bool) -> tuple[float, Outcome | Miss]:
        """Send one query; the first packet that decides, and when it comes after the ask."""
        sent = self._maker.make(ask, _OWN)
        at = self.clock.now() + waited_s
        for packet in self.net.exchange(ask.server.ip, sent.packet, stream=stream, at=at):
            arrives_s = waited_s + packet.after_s
            if arrives_s > ask.timeout_s:
                break
            verdict = judge(sent, packet.packet, packet.after_s, stream=stream)
            if not isinstance(verdict, Miss) or (verdict.is_near and not stream):
                return arrives_s, verdict
        return ask.timeout_s, Miss.OTHER


def _waits_for(job: _Job, other: _Job) -> bool:
    """Whether `job` is `other` or waits for it, directly or not."""
    link: _Job | None = job
    while link is not None:
        if link is other:
            return True
        link = link.waits_for
    return False
