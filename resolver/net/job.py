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
Key: TypeAlias = tuple[bytes, int, int]  # of a Sub
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


# What jobs have that no more than one other waits for.
_NOBODY: Final[list["Job"]] = []


class Job(Timed):
    """One engine being run. `done` is of clients' jobs; a job waits for a flight, or for another
    job, or is in line with an outcome, which at first is the steps of its engine, or `awaits` what
    is done elsewhere. `due` is when it stops waiting for that other job. The time it takes is
    charged to `account`, that of the client who asked first. `next` is set by Line, `older` and
    `newer` by Jobs."""

    __slots__ = (
        "_driver",
        "account",
        "alive",
        "awaits",
        "done",
        "engine",
        "flight",
        "newer",
        "next",
        "older",
        "outcome",
        "since",
        "waits_for",
    )

    def __init__(
        self,
        driver: "Driver",
        engine: Runner,
        since: float,
        account: Account[Waiting],
    ) -> None:
        super().__init__()
        self._driver = driver
        self.engine = engine
        self.since = since
        self.account = account
        self.outcome: Any = None
        self.done: Done | None = None
        self.waits_for: SubJob | None = None
        self.flight: Flight | None = None
        self.alive = True
        self.awaits = False
        self.next: Job | None = None
        self.older: Job | None = None
        self.newer: Job | None = None

    def resume(self, outcome: Outcome) -> None:
        """Take the outcome of an ask."""
        self._driver.resume(self, outcome)

    def finish(self, result: Any) -> None:
        """Take the result of an Await; a second one is of no use."""
        if self.awaits:
            self.awaits = False
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


class SubJob(Job):
    """One that answers the question of a Sub or Spawn. `waiter` waits for it, and behind it the
    `others`, of whom there seldom are any. `namesake` is set by Subs."""

    __slots__ = ("name", "namesake", "others", "qclass", "qtype", "waiter")

    def __init__(
        self,
        driver: "Driver",
        engine: Runner,
        since: float,
        account: Account[Waiting],
        key: Key,
    ) -> None:
        super().__init__(driver, engine, since, account)
        self.name, self.qtype, self.qclass = key
        self.namesake: SubJob | None = None
        self.waiter: Job | None = None
        self.others = _NOBODY

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return 0 if self.waiter is None else 1 + len(self.others)

    def join(self, job: Job) -> None:
        """Let a job wait for it."""
        job.waits_for = self
        if self.waiter is None:
            self.waiter = job
        elif self.others:
            self.others.append(job)
        else:
            self.others = [job]

    def leave(self, job: Job) -> bool:
        """Let a job that waits for it wait no more; whether that was the last one."""
        job.waits_for = None
        if self.waiter is not job:
            self.others.remove(job)
        else:
            self.waiter = self.others.pop(0) if self.others else None
        return self.waiter is None

    def release(self, line: "Line", outcome: Any) -> None:
        """Put all who wait for it in line with its outcome."""
        waiter, others = self.waiter, self.others
        self.waiter, self.others = None, _NOBODY
        if waiter is not None:
            waiter.waits_for = None
            line.put(waiter, outcome)
        for other in others:
            other.waits_for = None
            line.put(other, outcome)


class Line:
    """Jobs that have an outcome, in the order in which they are to go on: `first` first. `length`
    is how many."""

    __slots__ = ("_last", "first", "length")

    def __init__(self) -> None:
        self.first: Job | None = None
        self._last: Job | None = None
        self.length = 0

    def put(self, job: Job, outcome: Any) -> None:
        """Put a job at the end, with what it goes on with. It must not be in line yet."""
        job.outcome = outcome
        last = self._last
        if last is None:
            self.first = job
        else:
            last.next = job
        self._last = job
        self.length += 1

    def take(self) -> Job | None:
        """Take the first job; None when there is none."""
        job = self.first
        if job is not None:
            self.first = following = job.next
            job.next = None
            if following is None:
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


class Subs:
    """Sub-jobs by key. `jobs` has them in the order in which they began.

    They lie by name, whose hash is known already, and those of one name in a row: a key would be
    made into an object and hashed for each look-up.
    """

    __slots__ = ("_by_name", "jobs")

    def __init__(self) -> None:
        self.jobs = Jobs()
        self._by_name: dict[bytes, SubJob] = {}

    def find(self, key: Key) -> SubJob | None:
        """The one with this key; None when there is none."""
        job = self._by_name.get(key[0])
        while job is not None and (job.qtype != key[1] or job.qclass != key[2]):
            job = job.namesake
        return job

    def add(self, job: SubJob) -> None:
        """Add one that begins now; there must be none with its key."""
        job.namesake = self._by_name.get(job.name)
        self._by_name[job.name] = job
        self.jobs.add(job)

    def remove(self, job: SubJob) -> None:
        """Take one out that is in."""
        self.jobs.remove(job)
        following, job.namesake = job.namesake, None
        before = self._by_name[job.name]
        if before is not job:
            while before.namesake is not None and before.namesake is not job:
                before = before.namesake
            before.namesake = following
        elif following is None:
            del self._by_name[job.name]
        else:
            self._by_name[job.name] = following


class Watch(Timed):
    """The deadline of whichever job is the oldest."""

    __slots__ = ("_act",)

    def __init__(self, act: Callable[[], None]) -> None:
        super().__init__()
        self._act = act

    def expire(self) -> None:
        """Look at the oldest."""
        self._act()
