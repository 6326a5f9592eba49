"""The record of one resolution: what was tried, in order, and why.

The same record feeds `query --trace`, the text of extended errors and the log, so they never
disagree. A note is kept as a format and its arguments and only becomes text when somebody reads it.
"""

from typing import Any

MAX_NOTES = 400


class Trace:
    """Notes of one client question, shared by its sub-questions. Bounded to MAX_NOTES. `sent`
    counts the queries that were sent for it."""

    __slots__ = ("depth", "notes", "sent")

    def __init__(self) -> None:
        self.notes: list[tuple[float, int, str, tuple[Any, ...]]] = []
        self.depth = 0
        self.sent = 0

    def note(self, now: float, text: str, *args: Any) -> None:
        """Add a %-format and its arguments; `now` is monotonic seconds."""
        if len(self.notes) < MAX_NOTES:
            self.notes.append((now, self.depth, text, args))

    def lines(self) -> list[str]:
        """The notes as text: milliseconds since the first, indented by depth of sub-question."""
        if not self.notes:
            return []
        start = self.notes[0][0]
        return [
            f"{(now - start) * 1000:8.1f} ms  {'  ' * depth}{text % args if args else text}"
            for now, depth, text, args in self.notes
        ]
