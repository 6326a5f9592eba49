"""pytest fixtures around the fake Internet; found by pytest when the package is installed.

    def test_my_policy(internet, world):
        internet.root(".", "198.51.100.1", zone(".", "www.example. A 192.0.2.7"))
        answer, watch = world.ask("www.example. A")

Imports nothing of the fake until a fixture is used. Does not know: what tests do with it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from resolver.testing import Internet, Loopback, ManualClock, World


@pytest.fixture
def internet() -> "Internet":
    """An empty fake Internet."""
    from resolver.testing import Internet

    return Internet()


@pytest.fixture
def clock() -> "ManualClock":
    """A clock that only moves when told to; `world` runs on it."""
    from resolver.testing import ManualClock

    return ManualClock()


@pytest.fixture
def world(internet: "Internet", clock: "ManualClock") -> "World":
    """A resolver in `internet` on `clock`, with default settings and an empty cache."""
    from resolver.testing import World

    return World(internet, clock=clock)


@pytest.fixture
def on_loopback(internet: "Internet") -> "Iterator[Callable[[], Loopback]]":
    """A function that binds `internet` to loopback addresses until the test ends."""
    from resolver.testing import Loopback

    with ExitStack() as stack:
        yield lambda: stack.enter_context(Loopback(internet))
