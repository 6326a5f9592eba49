"""Who is told how each query ended: logs, histograms, the recorder of failures.

One call for every query that takes the full path, at its end. Queries that finished packets answer
(serve/fast.py) are not told of: they cost less than telling would. Nothing here changes a reply.
"""

from typing import Protocol

from resolver.model import Answer
from resolver.serve.recorder import Recorder
from resolver.serve.request import Request
from resolver.serve.tally import Tally


class Observer(Protocol):
    """Somebody who looks on."""

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """A query has ended with `answer`, `seconds` after it came.

        `answer.source` says where the answer comes from; an answer from Source.DROPPED was none. A
        malformed query has no question. `request.trace` is the record of what was done for this
        client, `answer.trace` that of the work which the answer is the result of: another one for
        who joined a question under way, or met the memory of an earlier failure.
        """
        ...


class Observers:
    """Several observers as one. The two that every server has are told first: compiled, they are
    called without a look at what they are."""

    __slots__ = ("_observers", "_recorder", "_tally")

    def __init__(
        self, *observers: Observer, tally: Tally | None = None, recorder: Recorder | None = None
    ) -> None:
        """The others are told in order."""
        self._tally = tally
        self._recorder = recorder
        self._observers = list(observers)

    def add(self, observer: Observer) -> None:
        """One more, from now on."""
        self._observers.append(observer)

    def remove(self, observer: Observer) -> None:
        """One less; nothing happens when it is not there."""
        if observer in self._observers:
            self._observers.remove(observer)

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """Tell all."""
        if self._tally is not None:
            self._tally.saw(request, answer, seconds)
        if self._recorder is not None:
            self._recorder.saw(request, answer, seconds)
        for observer in self._observers:
            observer.saw(request, answer, seconds)


def upstream_queries(request: Request) -> int:
    """How many queries were sent to other servers for this client."""
    return 0 if request.trace is None else request.trace.sent
