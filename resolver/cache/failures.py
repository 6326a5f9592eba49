"""Questions that could not be answered, and why (RFC 9520).

Kept for a few seconds, longer each time the same question fails again, so that a broken zone costs
its servers one attempt and its clients no waiting. The reason stays with it: what a client is told
later is what the first was told.

Knows: instants. Does not know: why a question failed or what else is known about it.
"""

from typing import Final

from resolver.cache.rrsets import key_of
from resolver.model import ExtendedError

MAX_FAILURES = 10_000
FIRST_MEMORY_S: Final = 5.0  # RFC 9520 section 3.2: at least 1 s
MAX_MEMORY_S: Final = 30.0  # and at most 5 min
# A failure that comes so soon after an earlier one has ended is taken for the same trouble.
_SAME_TROUBLE_S: Final = 60.0
_MAKE_ROOM_SHARE: Final = 0.1


class Failure:
    """One question's last failure. `since` and `until` are instants, `memory_s` their distance.
    `cause` is the number of the record of the work that failed, 0 without one."""

    __slots__ = ("cause", "error", "memory_s", "since", "until")

    def __init__(self, error: ExtendedError, cause: int, since: float, memory_s: float) -> None:
        self.error = error
        self.cause = cause
        self.since = since
        self.memory_s = memory_s
        self.until = since + memory_s


class Failures:
    """Failed questions by lower-case name and type; at most MAX_FAILURES."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures: dict[bytes, Failure] = {}

    def __len__(self) -> int:
        return len(self._failures)

    def lookup(self, name: bytes, rrtype: int, now: float) -> Failure | None:
        """The failure, if it is too early to try again."""
        if not self._failures:
            return None
        failure = self._failures.get(key_of(name, rrtype))
        return failure if failure is not None and failure.until > now else None

    def learn(
        self,
        name: bytes,
        rrtype: int,
        error: ExtendedError,
        *,
        now: float,
        least_s: float = FIRST_MEMORY_S,
        cause: int = 0,
    ) -> None:
        """The question failed; it is not to be tried again for `least_s` or longer. `cause` is the
        number of the record of it."""
        key = key_of(name, rrtype)
        before = self._failures.pop(key, None)
        memory_s = least_s
        if before is not None and now - before.until < _SAME_TROUBLE_S:
            memory_s = min(max(least_s, 2 * before.memory_s), MAX_MEMORY_S)
        if len(self._failures) >= MAX_FAILURES:
            for old in list(self._failures)[: int(MAX_FAILURES * _MAKE_ROOM_SHARE)]:
                del self._failures[old]
        self._failures[key] = Failure(error, cause, now, memory_s)

    def forget(self, name: bytes, rrtype: int) -> None:
        """The question has an answer now."""
        if self._failures:
            self._failures.pop(key_of(name, rrtype), None)

    def keys(self) -> list[bytes]:
        """Lower-case name and type of every failure (cache/rrsets.py: key_of)."""
        return list(self._failures)

    def remove(self, key: bytes) -> bool:
        """Drop one; whether it was there."""
        return self._failures.pop(key, None) is not None

    def clear(self) -> None:
        """Forget everything."""
        self._failures.clear()
