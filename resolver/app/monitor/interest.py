"""Whether somebody looks at the live view: only then names and clients are counted.

Knows: the event loop. Does not know: what is counted.
"""

import asyncio

from resolver.serve.observe import Observers
from resolver.serve.popular import Popular
from resolver.serve.tally import Tally

# Who has not looked for so long has gone.
GONE_S = 10.0


class Interest:
    """Of everybody together. Counting begins with the first look, and ends some time after the
    last."""

    def __init__(self, tally: Tally, observers: Observers) -> None:
        self._tally = tally
        self._observers = observers
        self._popular: Popular | None = None
        self._ending: asyncio.TimerHandle | None = None

    def look(self) -> Popular:
        """What has been counted since the first look. Call it in the event loop."""
        if self._popular is None:
            self._popular = Popular()
            self._tally.sampler = self._popular
            self._observers.add(self._popular)
        if self._ending is not None:
            self._ending.cancel()
        self._ending = asyncio.get_running_loop().call_later(GONE_S, self.end)
        return self._popular

    def end(self) -> None:
        """Count no more."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._popular is not None:
            self._tally.sampler = None
            self._observers.remove(self._popular)
            self._popular = None
