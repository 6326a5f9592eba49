"""How long our copy of a zone lives on, for servers that copy it from us.

A secondary that asks with the EXPIRE option learns what is left of our own time, so that a chain of
secondaries expires as if each of them asked the primary itself. A primary answers with the expire
time of the SOA.

Knows: RFC 7314 sections 2 and 3. Does not know: timers.
"""

from collections.abc import Callable

from resolver.codes import EdnsOption, RRType
from resolver.model import EdnsOptionValue
from resolver.serve.request import Handled, Request
from resolver.wire.edns import option
from resolver.zone.store import ZoneStore

_ASKED_FOR = (RRType.SOA, RRType.AXFR, RRType.IXFR)
_MAX_S = 0xFFFFFFFF


class Expire:
    """Adds the option to replies about zones of `zones`. `life_s` tells how many seconds the copy
    of a secondary zone lives on, None for a zone that is no copy."""

    def __init__(self, zones: ZoneStore, life_s: Callable[[bytes], float | None]) -> None:
        self._zones = zones
        self._life_s = life_s

    def __call__(self, request: Request) -> Handled:
        """Never an answer: others give that."""
        if option(request.message.edns, EdnsOption.EXPIRE) is None:
            return None
        question = request.question
        asked_for = question.qtype in _ASKED_FOR
        zone = self._zones.get(question.name) if asked_for else None
        if zone is not None:
            life_s = self._life_s(zone.origin)
            seconds = _expire_of(zone.soa.rdatas[0]) if life_s is None else max(0, int(life_s))
            value = EdnsOptionValue(EdnsOption.EXPIRE, min(seconds, _MAX_S).to_bytes(4, "big"))
            request.options += (value,)
        return None


def _expire_of(soa: bytes) -> int:
    """The fourth of the five numbers that end an SOA (RFC 1035 section 3.3.13)."""
    return int.from_bytes(soa[-8:-4], "big")
