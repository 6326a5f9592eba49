"""Runs engines: performs the effects they yield and sends them the outcomes.

The only place that waits. A resolution is a Job, one small object, and never an asyncio task or
future: whoever has an outcome puts the job in line, and in the next turn of the event loop one loop
sends outcomes into generators until nobody can go on. So a chain of sub-questions that all end at
once costs no stack, and jobs that are at the same point go on one after the other, as do the asks
that they end in: the processor then has the code at hand, which is worth a seventh of a miss.

Identical sub-questions in flight are one job that all of them wait for. A question that would wait
for itself, in however wide a circle, gets Cycle. Spawned work is a job that nobody waits for.

Everything is bounded: client jobs, sub-jobs, clients that wait for one question, the time of a job.
What is over a bound: a client's job ends with None, in silence; a Sub that cannot be run, or whose
job ended without a result, has the outcome Timeout. A job has at most one ask under way, so asks
that queue for a socket are bounded by the jobs. What an engine awaits is done elsewhere, and goes
on when the job is ended.

Knows: effects, generators, deadlines. Does not know: sockets, DNS.
"""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, Final, TypeVar

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
)
from resolver.metrics import Metrics
from resolver.net.descriptors import Shares
from resolver.net.job import Done, Engines, Job, Jobs, Limits, Line, SubJob, Subs, Waiting, Watch
from resolver.net.outbound import Outbound, Outgoing
from resolver.net.outbound_stream import IDLE_S
from resolver.net.timers import TICK_S, Timers
from resolver.policy.fairness import Account, Fairness

T = TypeVar("T")
# So much work of engines in such a time is as much as leaves room for anything else: what is to
# begin then waits for the next turn of the event loop, in the order of fairness. With less of it a
# turn's own cost shows (a fifth of the throughput with 0.5 ms), with more the wait of the others.
TURN_S: Final = 0.004
WINDOW_S = 0.008
# So many are begun together before it is known how much work they are, or when one client waits.
MOST_AT_ONCE: Final = 64
BEGUN_TOGETHER: Final = 8
# The clock is read after so many steps for the same client, or when somebody else's turn comes.
STEPS_TOGETHER: Final = 4

_clock: Final = monotonic  # to look it up each time takes as long as to read it
_log = logging.getLogger(__name__)


class Driver:
    """Runs engines on real sockets. Make it inside the event loop that it is to run on."""

    def __init__(
        self,
        outgoing: Outgoing,
        metrics: Metrics,
        *,
        limits: Limits | None = None,
        sockets: Shares | None = None,
        reserved_ports: frozenset[int] = frozenset(),
        upstream_idle_s: float = IDLE_S,
        cost_clock: Callable[[], float] = monotonic,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._metrics = metrics
        self._limits = limits or Limits()
        self._timers = Timers(self._loop)
        self.outbound = Outbound(
            outgoing,
            metrics,
            loop=self._loop,
            timers=self._timers,
            sockets=sockets,
            reserved_ports=reserved_ports,
            upstream_idle_s=upstream_idle_s,
        )
        self._clients = Jobs()
        self._subs = Subs()
        self._engines = Engines()
        self._line = Line()
        places = self._limits.client_jobs
        self._fairness: Fairness[Waiting] = Fairness(places, places)
        self._nobody: Account[Waiting] = Account(b"", 0.0)
        self._cost_clock = cost_clock
        self._spent_s = 0.0  # on engines, in this window or turn
        self._window_s = WINDOW_S
        self._window_at = 0.0
        self._now = 0.0  # when what is being worked on began, in the event loop's time
        self._turn_is_due = False
        self._due: asyncio.Handle | None = None  # the turn in which the line is worked off
        self._working = False
        self._closed = False
        self._watch = Watch(self._end_overdue)

    @property
    def jobs(self) -> int:
        """Jobs alive, sub-jobs included, and questions that wait to begin."""
        return self._clients.count + self._subs.jobs.count + self._fairness.waiting

    @property
    def oldest_job_age_s(self) -> float:
        """Age of the oldest job, 0.0 without any."""
        since = self._oldest_since()
        return 0.0 if since is None else _clock() - since

    def start(
        self, steps: Steps[T], done: Callable[[T | None], None], client: bytes | None = None
    ) -> None:
        """Run an engine for a client, by packed address; None is somebody of our own, who waits for
        nobody. `done` is called once, possibly before this returns: with the result, or with None
        when there is none (the engine raised, or a bound was met)."""
        now = _clock()
        if self._closed or (client is None and not self._has_room(now)):
            self._metrics.dropped_total += 1
            self._refuse((steps, done))
            return
        account = self._nobody
        if client is not None:
            if now - self._window_at >= self._window_s:
                self._window_at, self._spent_s = now, 0.0
            account = self._fairness.enter(client)
            busy = self._spent_s >= TURN_S
            has_room = self._line.length < (1 if busy else MOST_AT_ONCE)
            if not has_room or not self._fairness.may_begin(account, busy=busy):
                self._wait((steps, done), account, now)
                return
            self._fairness.begin(account)
        self._begin((steps, done), account, now)
        self._work_later()

    def _wait(self, waiting: Waiting, account: Account[Waiting], now: float) -> None:
        self._metrics.recursions_waited_total += 1
        if (given_up := self._fairness.wait(account, waiting, now)) is not None:
            self._give_up(given_up)
        self._turn_later()

    def _begin(self, waiting: Waiting, account: Account[Waiting], now: float) -> None:
        job = Job(self, self._engines.take(), now, account)
        job.done = waiting[1]
        self._clients.add(job)
        if not self._watch.due:
            self._timers.set(self._watch, now + self._limits.job_s)
        self._line.put(job, waiting[0])

    def _refuse(self, waiting: Waiting) -> None:
        waiting[0].close()
        self._tell(waiting[1], None)

    def _give_up(self, waiting: Waiting) -> None:
        self._metrics.recursions_given_up_total += 1
        self._refuse(waiting)

    def _turn_later(self) -> None:
        if not self._turn_is_due and not self._closed:
            self._turn_is_due = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Begin what waits, as far as this turn has room for it: one at least. While a single
        client waits some are begun together; else each is charged before the next is chosen."""
        self._turn_is_due = False
        self._spent_s = 0.0
        self._window_at = _clock()
        fairness = self._fairness
        while fairness.waiting and self._spent_s < TURN_S:
            together = BEGUN_TOGETHER if fairness.has_one_in_turn else 1
            while together and fairness.waiting and self._begin_next():
                together -= 1
            self._work()
            if together and fairness.waiting:
                return  # until a job ends
        if fairness.waiting:
            self._turn_later()

    def _begin_next(self) -> bool:
        """Begin the question whose turn it is, or give it up; False when none may begin now."""
        fairness = self._fairness
        now = _clock()
        if fairness.is_full and not self._has_room(now):
            return False
        if (taken := fairness.take(now)) is None:
            return False
        account, waiting, is_wanted = taken
        if is_wanted:
            fairness.begin(account)
            self._begin(waiting, account, now)
        else:
            self._give_up(waiting)
        return True

    async def complete(self, steps: Steps[T]) -> T | None:
        """Run one engine and wait for its result: for tests and the command line, not for serving.
        None when it has none."""
        future: asyncio.Future[T | None] = self._loop.create_future()
        self.start(steps, lambda result: None if future.done() else future.set_result(result))
        return await future

    def close(self) -> None:
        """End every job, with None for its client, and close every socket."""
        self._closed = True
        for job in [*self._clients, *self._subs.jobs]:
            self._kill(job)
        self._line.clear()
        for waiting in self._fairness.clear():
            self._refuse(waiting)
        self.outbound.close()
        self._timers.close()

    def resume(self, job: Job, outcome: Outcome | Steps[Any]) -> None:
        """Put a job in line. The line is worked off in the next turn of the event loop."""
        self._line.put(job, outcome)
        self._work_later()

    def _work_later(self) -> None:
        if self._due is None and not self._working:
            self._due = self._loop.call_soon(self._work)

    def lose_patience(self, job: Job) -> None:
        """Let a job go on without the one it waits for, which goes on without it."""
        if job.waits_for is not None:
            job.waits_for.leave(job)
            self.resume(job, Timeout())

    def _work(self) -> None:
        """Work the line off for TURN_S at most, and send what its jobs ask."""
        if self._due is not None:
            self._due.cancel()  # this is that turn, or another one before it
        self._working = True
        self._now = _clock()
        line, clock = self._line, self._cost_clock
        began = since = clock()
        steps = 0
        try:
            while (job := line.take()) is not None or self.outbound.depart():
                if job is None:
                    continue
                if job.alive:
                    self._step(job)
                    steps += 1
                following = line.first
                turns = following is None or following.account is not job.account
                if turns or steps >= STEPS_TOGETHER:
                    steps = 0
                    before, since = since, clock()
                    job.account.spent_s += since - before
                    if since - began >= TURN_S:
                        self.outbound.depart()
                        break
        finally:
            self._spent_s += clock() - began
            self._working = False
            self._due = self._loop.call_soon(self._work) if line.length else None

    def _step(self, job: Job) -> None:
        """Let a job go on until it waits or ends."""
        outcome, job.outcome = job.outcome, None
        job.flight = None
        if job.due:
            self._timers.cancel(job)
        while True:
            try:
                effect = job.engine.send(outcome)
                if type(effect) is Ask:
                    job.flight = self.outbound.ask(effect, job, self._now)
                    return
                if type(effect) is Finished:
                    self._engines.give_back(job.engine)
                    self._end(job, effect.result, effect)
                    return
                if type(effect) is Await:
                    job.awaits = True
                    effect.start(job.finish)
                    return
                outcome = (
                    self._sub(job, effect) if type(effect) is Sub else self._spawn(job, effect)
                )
            except Exception:
                self._metrics.exceptions_total += 1
                _log.exception("an engine raised")
                self._kill(job)
                outcome = None
            if outcome is None:
                return

    def _sub(self, job: Job, sub: Sub) -> Outcome | None:
        """Start a sub-job or join it. The outcome when there is one already, else None."""
        running = self._subs.find(sub.key)
        if running is None:
            if self._subs.jobs.count >= self._limits.sub_jobs:
                return Timeout()
            running = self._start_sub(sub, job)
        elif running.waits_for_it(job):
            return Cycle()
        elif not isinstance(job, SubJob):
            self._metrics.recursions_joined_total += 1
            if running.waiting >= self._limits.waiters:
                self._metrics.dropped_total += 1
                self._kill(job)
                return None
        running.join(job)
        if sub.patience_s is not None:
            self._timers.set(job, self._now + sub.patience_s)
        return None

    def _spawn(self, job: Job, spawn: object) -> Outcome:
        """Start work that nobody waits for; it may take half of the places for sub-jobs."""
        if not isinstance(spawn, Spawn):
            raise TypeError(f"an engine yielded {spawn!r}, which is no effect")
        has_room = self._subs.jobs.count < self._limits.sub_jobs // 2
        if has_room and self._subs.find(spawn.key) is None:
            self._start_sub(spawn, job)
        return Started()

    def _start_sub(self, sub: Sub | Spawn, parent: Job) -> SubJob:
        steps = sub.start()
        started = SubJob(self, self._engines.take(), self._now, parent.account, sub.key)
        self._subs.add(started)
        self._line.put(started, steps)
        return started

    def _end(self, job: Job, result: Any, outcome: Outcome | None) -> None:
        """Take an ended job out and tell whoever waits for it."""
        job.alive = False
        if isinstance(job, SubJob):
            self._subs.remove(job)
            job.release(self._line, outcome)
        else:
            self._clients.remove(job)
            if job.account is not self._nobody:
                self._fairness.end(job.account)
                if self._fairness.waiting:
                    self._turn_later()
        if job.done is not None:
            self._tell(job.done, result)

    def _kill(self, job: Job) -> None:
        """End a job from outside, and every job that nobody waits for any more because of it."""
        target: Job | None = job if job.alive else None
        while target is not None:
            if target.flight is not None:
                self.outbound.cancel(target.flight)
                target.flight = None
            if target.due:
                self._timers.cancel(target)
            waited_for = target.waits_for
            try:
                target.engine.close()
            except Exception:
                self._metrics.exceptions_total += 1
                _log.exception("an engine raised while it was being closed")
            self._end(target, None, Timeout())
            alone = waited_for is not None and waited_for.leave(target)
            target = waited_for if alone else None

    def _tell(self, done: Done, result: Any) -> None:
        try:
            done(result)
        except Exception:
            self._metrics.exceptions_total += 1
            _log.exception("taking the result of an engine failed")

    def _has_room(self, now: float) -> bool:
        """Whether another client may start, perhaps in place of the oldest one."""
        oldest = self._clients.oldest
        if oldest is None or self._clients.count < self._limits.client_jobs:
            return True
        if now - oldest.since <= self._limits.displace_after_s:
            return False
        self._metrics.dropped_total += 1
        self._kill(oldest)
        return True

    def _oldest_since(self) -> float | None:
        oldest = (self._clients.oldest, self._subs.jobs.oldest)
        return min((job.since for job in oldest if job is not None), default=None)

    def _end_overdue(self) -> None:
        """End the jobs whose time is over, and watch the oldest of the others."""
        now = _clock()
        horizon = now + TICK_S - self._limits.job_s  # deadlines come up to a tick early
        for job in [*self._clients, *self._subs.jobs]:
            if job.since <= horizon:
                self._kill(job)
        since = self._oldest_since()
        if since is not None and not self._watch.due:
            self._timers.set(self._watch, since + self._limits.job_s)
