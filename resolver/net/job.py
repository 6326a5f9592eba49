"""One engine being run, what it waits for, and how much of it all there may be. The driver (run.py)
is who runs it.

Knows: effects, deadlines. Does not know: event loops, sockets.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from resolver.effects import Effect, Finished, Outcome, Steps
from resolver.net.flight import Flight
from resolver.net.timers import Timed
from resolver.policy.fairness import Account

if TYPE_CHECKING:
    from resolver.net.run import Driver

Done: TypeAlias = Callable[[Any], None]
# An engine that has not begun, and who wants its result.
Waiting: TypeAlias = tuple[Steps[Any], Done]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one driver. `client_jobs`: questions of clients being worked on. `sub_jobs`:
    sub-questions. `waiters`: clients that wait for one sub-question. `job_s`: the longest life of a
    job, well over what engines allow themselves. A new client takes the place of the oldest one
    when that has waited longer than `displace_after_s`, for its client has given up by then."""

    client_jobs: int = 1000
    sub_jobs: int = 4000
    waiters: int = 100
    job_s: float = 15.0
    displace_after_s: float = 1.9


def _engines() -> Generator[Effect | Finished | None, Any, None]:
    """Takes the steps of one engine after the other. The result of one is the last of its steps:
    the exception that a generator ends with takes a microsecond to raise and catch in a compiled
    copy."""
    steps: Steps[Any] = yield None
    while True:
        steps = yield Finished((yield from steps))


class Runner:
    """Runs engines, one after the other: takes the steps of one as its first outcome."""

    __slots__ = ("close", "send")

    def __init__(self) -> None:
        engines = _engines()
        next(engines)
        # Kept, lest they be looked up for each step.
        self.send = engines.send
        self.close = engines.close


class Engines:
    """What engines are run by. It is used again when one has come to its end, not when that was
    closed or has raised; so there are at most as many as jobs at one time."""

    __slots__ = ("_idle",)

    def __init__(self) -> None:
        self._idle: list[Runner] = []

    def take(self) -> Runner:
        """One that runs nothing."""
        return self._idle.pop() if self._idle else Runner()

    def give_back(self, engine: Runner) -> None:
        """Its last effect was Finished."""
        self._idle.append(engine)


# What jobs have that nobody waits for.
_NOBODY: Final[list["Job"]] = []


class Job(Timed):
    """One engine being run. `key` and `waiters` are of sub-jobs, `done` of clients' jobs; a job
    waits for a flight, or for another job, or is in line with an outcome, which at first is the
    steps of its engine. `due` is when it stops waiting for that other job. The time it takes is
    charged to `account`, that of the client who asked first. `next` is set by Line, `older` and
    `newer` by Jobs."""

    __slots__ = (
        "_driver",
        "account",
        "alive",
        "done",
        "engine",
        "flight",
        "key",
        "newer",
        "next",
        "older",
        "outcome",
        "since",
        "waiters",
        "waits_for",
    )

    def __init__(
        self,
        driver: "Driver",
        engine: Runner,
        since: float,
        account: Account[Waiting],
        *,
        key: object = None,
    ) -> None:
        super().__init__()
        self._driver = driver
        self.engine = engine
        self.since = since
        self.account = account
        self.outcome: Any = None
        self.done: Done | None = None
        self.key = key
        self.waiters: list[Job] = _NOBODY if key is None else []
        self.waits_for: Job | None = None
        self.flight: Flight | None = None
        self.alive = True
        self.next: Job | None = None
        self.older: Job | None = None
        self.newer: Job | None = None

    def resume(self, outcome: Outcome) -> None:
        """Take the outcome of an ask."""
        self._driver.resume(self, outcome)

    def finish(self, result: Any) -> None:
        """Take the result of an Await."""
        self._driver.resume(self, Finished(result))

    def expire(self) -> None:
        """Its patience is over (Timed)."""
        self._driver.lose_patience(self)

    def waits_for_it(self, other: "Job") -> bool:
        """Whether this job is `other` or waits for it, directly or not."""
        link: Job | None = self
        while link is not None:
            if link is other:
                return True
            link = link.waits_for
        return False


class Line:
    """Jobs that have an outcome, in the order in which they are to go on. `length` is how many."""

    __slots__ = ("_first", "_last", "length")

    def __init__(self) -> None:
        self._first: Job | None = None
        self._last: Job | None = None
        self.length = 0

    def put(self, job: Job, outcome: Any) -> None:
        """Put a job at the end, with what it goes on with. It must not be in line yet."""
        job.outcome = outcome
        last = self._last
        if last is None:
            self._first = job
        else:
            last.next = job
        self._last = job
        self.length += 1

    def take(self) -> Job | None:
        """Take the first job; None when there is none."""
        job = self._first
        if job is not None:
            self._first = job.next
            job.next = None
            if self._first is None:
                self._last = None
            self.length -= 1
        return job

    def clear(self) -> None:
        """Send everybody away."""
        while self.take() is not None:
            pass


class Jobs:
    """Jobs in the order in which they began: `oldest` first. `count` is how many."""

    __slots__ = ("_newest", "count", "oldest")

    def __init__(self) -> None:
        self.oldest: Job | None = None
        self._newest: Job | None = None
        self.count = 0

    def __iter__(self) -> Iterator[Job]:
        """Those that are there now."""
        jobs = []
        job = self.oldest
        while job is not None:
            jobs.append(job)
            job = job.newer
        return iter(jobs)

    def add(self, job: Job) -> None:
        """Add one that begins now."""
        newest = self._newest
        if newest is None:
            self.oldest = job
        else:
            newest.newer = job
            job.older = newest
        self._newest = job
        self.count += 1

    def remove(self, job: Job) -> None:
        """Take one out that is in."""
        older, newer = job.older, job.newer
        job.older = job.newer = None
        if older is None:
            self.oldest = newer
        else:
            older.newer = newer
        if newer is None:
            self._newest = older
        else:
            newer.older = older
        self.count -= 1


class Watch(Timed):
    """The deadline of whichever job is the oldest."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def expire(self) -> None:
        """Look at the oldest."""
        self._act()
