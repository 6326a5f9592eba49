"""Lets a few coroutines through in each turn of the event loop, in the order in which they came.

For what begins for thousands of zones at once: a check of each costs little, all of them together
are a wait that is felt.

Knows: the event loop. Does not know: who goes through.
"""

import asyncio
from collections import deque


class Turnstile:
    """Of use inside a running loop."""

    def __init__(self, at_once: int) -> None:
        """Lets `at_once` coroutines through in each turn."""
        self._at_once = at_once
        self._left = at_once
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turning = False

    async def enter(self) -> None:
        """Go on at once, or in a later turn if there were too many before."""
        loop = asyncio.get_running_loop()
        if not self._turning:
            self._turning = True
            loop.call_soon(self._turn)
        if self._left and not self._waiting:
            self._left -= 1
            return
        place = loop.create_future()
        self._waiting.append(place)
        await place

    def _turn(self) -> None:
        """The next turn of the loop has begun."""
        self._left = self._at_once
        self._turning = bool(self._waiting)
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():  # cancelled
                place.set_result(None)
                self._left -= 1
        if self._turning:
            asyncio.get_running_loop().call_soon(self._turn)
