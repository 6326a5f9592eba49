"""One engine being run, what it waits for, and how much of it all there may be. The driver (run.py)
is who runs it.

Knows: effects, deadlines. Does not know: event loops, sockets.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from resolver.effects import Effect, Finished, Outcome, Steps
from resolver.net.flight import Flight
from resolver.policy.fairness import Account

Done: TypeAlias = Callable[[Any], None]
Key: TypeAlias = tuple[bytes, int, int]
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


class Runner(Protocol):
    """The driver, as its jobs see it."""

    def resume(self, job: "Job", outcome: Outcome | None) -> None:
        """Let a job go on."""
        ...

    def lose_patience(self, job: "Job") -> None:
        """Let a job go on without the one it waits for."""
        ...


def to_the_end(steps: Steps[Any]) -> Generator[Effect | Finished, Outcome, None]:
    """The same steps, with their result as the last of them: the exception that a generator ends
    with takes a microsecond to raise and catch in a compiled copy."""
    result = yield from steps
    yield Finished(result)


class Job:
    """One engine being run. `key` and `waiters` are of sub-jobs, `done` of clients' jobs; a job
    waits for a flight, or for another job, or is in line. `due` is when it stops waiting for that
    other job (Timed). The time it takes is charged to `account`, that of the client who asked
    first."""

    __slots__ = (
        "_runner",
        "account",
        "alive",
        "done",
        "due",
        "flight",
        "key",
        "since",
        "steps",
        "waiters",
        "waits_for",
    )

    def __init__(
        self,
        runner: Runner,
        steps: Generator[Effect | Finished, Outcome, None],
        since: float,
        account: Account[Waiting],
    ) -> None:
        self._runner = runner
        self.steps = steps
        self.since = since
        self.account = account
        self.done: Done | None = None
        self.key: Key | None = None
        self.waiters: list[Job] = []
        self.waits_for: Job | None = None
        self.flight: Flight | None = None
        self.alive = True
        self.due = 0.0

    def resume(self, outcome: Outcome) -> None:
        """Take the outcome of an ask (Waiter)."""
        self._runner.resume(self, outcome)

    def expire(self) -> None:
        """Its patience is over (Timed)."""
        self._runner.lose_patience(self)

    def waits_for_it(self, other: "Job") -> bool:
        """Whether this job is `other` or waits for it, directly or not."""
        link: Job | None = self
        while link is not None:
            if link is other:
                return True
            link = link.waits_for
        return False


class Watch:
    """The deadline of whichever job is the oldest (Timed)."""

    __slots__ = ("_act", "due")

    def __init__(self, act: Callable[[], None]) -> None:
        self.due = 0.0  # set by Timers
        self._act = act

    def expire(self) -> None:
        """Look at the oldest."""
        self._act()
