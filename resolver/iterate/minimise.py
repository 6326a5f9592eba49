"""How much of a name a server gets to see (QNAME minimisation, RFC 9156).

A server of a zone needs one label more than the zone has to say where to go on. So it is asked for
that, with a type that any server knows, and for the whole question only when nothing is left to
hide or the steps are used up: at most MAX_STEPS of them, the first MAX_ONE_LABEL_STEPS one label
each, the others equal parts of the rest (RFC 9156 section 2.3). A label that begins with an
underscore is never a zone cut that matters: from there on the whole name is shown (section 2.3).

Knows: names. Does not know: what servers make of it (iterator.py).
"""

from typing import Final

from resolver.model import Question

MAX_STEPS: Final = 10
MAX_ONE_LABEL_STEPS: Final = 4
_UNDERSCORE: Final = 0x5F


class Disclosure:
    """One question's way into the open. `steps` counts the shortened questions that were asked;
    whoever asks one counts it."""

    __slots__ = ("_labels", "_qtype", "_shown", "_starts", "steps", "whole")

    def __init__(self, whole: Question, qtype: int) -> None:
        """`qtype` is that of shortened questions; the name of `whole` is in lower case."""
        self.whole = whole
        self.steps = 0
        self._qtype = qtype
        self._shown = 0
        name = whole.qname
        starts = []
        i = 0
        while n := name[i]:
            starts.append(i)
            i += n + 1
        self._starts = starts
        self._labels = len(starts)

    def toward(self, zone: bytes) -> Question:
        """The first question for the servers of a zone that holds the name."""
        name_octets = len(self.whole.qname)
        below = sum(1 for start in self._starts if name_octets - start > len(zone))
        self._shown = self._labels - below
        return self.further()

    def further(self) -> Question:
        """The next question, with more labels than the last."""
        left = self._labels - self._shown
        if left <= 1 or self.steps >= MAX_STEPS:
            return self.whole
        step = 1 if self.steps < MAX_ONE_LABEL_STEPS else max(1, left // (MAX_STEPS - self.steps))
        name = self.whole.qname
        start = self._starts[left - step]
        if step == left or name[start + 1] == _UNDERSCORE:
            return self.whole
        self._shown += step
        return Question(name[start:], self._qtype)


def is_next_to(name: bytes, zone: bytes) -> bool:
    """Whether a name in a zone is its apex or one label below: then there is nothing to hide."""
    return len(name) - name[0] - 1 <= len(zone)
