"""Randomness, as an argument.

Engines choose among servers by dice they are given. Ids, ports and the case of names are not chosen
by engines at all: the network layer takes those from the system's CSPRNG.
"""

from typing import Protocol


class Rng(Protocol):
    """The two methods of `random.Random` that engines use."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...

    def randrange(self, stop: int, /) -> int:
        """An int in [0, stop)."""
        ...
