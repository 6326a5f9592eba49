"""One question put straight to one server, a few times, and what came of it in words.

Nothing is cached and nobody else is asked: the doctor wants to know about this server. Engines here
yield effects like all others, so the whole doctor runs on a fake Internet, too.

Knows: RFC 1035 section 4.1.1 (AA), RFC 6891 (EDNS). Does not know: what the answer should be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resolver.effects import Ask, Outcome, Reply, Steps, Timeout, Unreachable, WrongCase
from resolver.model import Address, Message, Question, RRset

TIMEOUT_S = 2.0
# A single lost packet must not alarm anybody; on a stream none gets lost.
TRIES = 3
STREAM_TRIES = 2


@dataclass(frozen=True, slots=True)
class Silent:
    """No reply. `unreachable` when the system says that there is no way."""

    reason: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply. `needs` holds what the server would not answer without: "no EDNS", "kept case"."""

    message: Message
    needs: tuple[str, ...] = ()


def probe(server: Address, question: Question, *, stream: bool = False) -> Steps[Silent | Heard]:
    """Ask without recursion, with EDNS and mixed case first, as a resolver does."""
    ask = Ask(server, question, TIMEOUT_S, stream=stream, dnssec_ok=True, cookie=False)
    heard = yield from _try(ask)
    if isinstance(heard, WrongCase):
        heard = yield from _try(replace(ask, mix_case=False))
        return _told(heard, ("kept case",))
    if isinstance(heard, Reply) and heard.message.edns is not None:
        return _told(heard)
    if isinstance(heard, Unreachable):
        return _told(heard)
    # Silence, an error or an unreadable packet in reply to EDNS: is it the EDNS?
    plain = yield from _try(replace(ask, edns_size=None, dnssec_ok=False))
    return _told(plain, ("no EDNS",)) if isinstance(plain, Reply) else _told(heard)


def _try(ask: Ask) -> Steps[Outcome]:
    outcome: Outcome = Timeout()
    for _ in range(STREAM_TRIES if ask.stream else TRIES):
        outcome = yield ask
        if not isinstance(outcome, Timeout):
            break
    return outcome


def _told(outcome: Outcome, needs: tuple[str, ...] = ()) -> Silent | Heard:
    if isinstance(outcome, Reply):
        return Heard(outcome.message, needs)
    if isinstance(outcome, Unreachable):
        return Silent(outcome.reason, unreachable=True)
    if isinstance(outcome, Timeout):
        return Silent("does not answer")
    return Silent(getattr(outcome, "reason", "sends what is no answer"))


def records(rrsets: Sequence[RRset], owner: bytes, rrtype: int) -> tuple[bytes, ...]:
    """The data of one type at a lower-case name in a section."""
    return tuple(
        rdata
        for rrset in rrsets
        if rrset.rrtype == rrtype and rrset.owner.lower() == owner
        for rdata in rrset.rdatas
    )
