"""Asking one server one question, with the fall-backs that belong to one server.

Truncated over UDP: the same over TCP (RFC 7766 section 5). FORMERR, NOTIMP or BADVERS to EDNS: the
same without (RFC 6891 section 7). Name in the wrong case: nothing of that reply is used, the same
over TCP, where forging needs no case to be hard. BADCOOKIE: once more with the cookie that came
along, then over TCP (RFC 7873 section 5.3). FORMERR in spite of EDNS: without the cookie. What
works is remembered in the server table. A server with a TlsAddress is asked over TLS and in no
other way, whatever happens (RFC 8310 section 5).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from resolver.cache.servers import FORGIVING_S, UNKNOWN_RTT_S, Server, Servers
from resolver.codes import EdnsOption, Flag, Rcode, show_rcode
from resolver.effects import Ask, Malformed, Outcome, Reply, Steps, Timeout, Unreachable, WrongCase
from resolver.iterate import steps
from resolver.iterate.budget import Budget
from resolver.iterate.response import Aliased, Answered, Referred
from resolver.iterate.work import Work
from resolver.model import Message, Question
from resolver.trace import Trace

_NO_EDNS_RCODES: Final = frozenset((1, 4, 16))  # FORMERR, NOTIMP, BADVERS
_FORMERR: Final = int(Rcode.FORMERR)
_BADVERS: Final = int(Rcode.BADVERS)
_BADCOOKIE: Final = int(Rcode.BADCOOKIE)
_TC: Final = int(Flag.TC)
_STREAM_TIMEOUT_FACTOR: Final = 3  # a TCP exchange takes two or three round trips
_TLS_TIMEOUT_FACTOR: Final = 5  # and a handshake up to two more

# How a question is put: bits, since one is made up for every ask.
_EDNS: Final = 1
_MIX_CASE: Final = 2
_STREAM: Final = 4
_COOKIE: Final = 8
_NEW_COOKIE: Final = 16


@dataclass(slots=True)
class Missed:
    """No reply in time."""


@dataclass(slots=True)
class Unusable:
    """A reply, or none for good, that cannot be used: rule the server out for this question."""

    reason: str


Asked: TypeAlias = Reply | Missed | Unusable


@dataclass(frozen=True, slots=True)
class Asker:
    """What every ask has in common. `edns_size` in octets, None for no EDNS; `case_mixing` is 0x20;
    `cookies` says whether any are sent; `recursion_desired` is for forwarders."""

    servers: Servers
    edns_size: int | None
    case_mixing: bool
    recursion_desired: bool = False
    cookies: bool = True

    def ask(self, server: Server, question: Question, work: Work) -> Steps[Asked]:
        """Ask until there is a usable reply or no other manner to try. Raises OutOfBudget."""
        first = manner = self.manner(server, work.now)
        while True:
            ask = self.put(server, question, manner, work)
            try:
                outcome = yield ask
            finally:
                server.in_flight -= 1
            asked = self.hear(server, ask, outcome, work, first=first, manner=manner)
            if not isinstance(asked, int):
                return asked
            manner = asked

    def hear(
        self, server: Server, ask: Ask, outcome: Outcome, work: Work, *, first: int, manner: int
    ) -> Asked | int:
        """What the outcome of a query that was put in some manner comes to: a usable reply, or
        another manner to put it in. `first` is how it was begun."""
        work.tick()
        self._settle(server, ask, outcome, work)
        if isinstance(outcome, Reply):
            message = outcome.message
            fallback = _fall_back(message, manner)
            if fallback is None:
                if manner != first and message.rcode != _FORMERR:
                    self._remember(server, first & ~manner, manner, work.now)
                return outcome
            if fallback == manner:
                what = "BADCOOKIE" if message.rcode == _BADCOOKIE else "truncated"
                return Unusable(f"{what} over {server.address.stream}")
            work.note(steps.AGAIN, server.address, _why(message, manner))
            return fallback
        if isinstance(outcome, Timeout):
            return Missed()
        next_manner = _second_thought(outcome, manner)
        if isinstance(next_manner, int):
            work.note(steps.AGAIN, server.address, _why_again(manner & ~next_manner))
        return next_manner

    def manner(self, server: Server, now: float) -> int:
        """How to begin with this server."""
        manner = _EDNS if now >= server.no_edns_until else 0
        if self.case_mixing and now >= server.no_case_until:
            manner |= _MIX_CASE
        if self.cookies and now >= server.no_cookie_until:
            manner |= _COOKIE
        if server.over_tls:
            manner |= _STREAM
        return manner

    def put(
        self, server: Server, question: Question, manner: int, work: Work, *, hurried: bool = False
    ) -> Ask:
        """One query, put in this manner. It is charged, and counts as under way. `hurried`: many
        other servers are left to try."""
        sent_at = work.now
        work.spend_ask(sent_at)
        timeout_s = server.timeout_s(self.servers.unknown_rtt_s() if hurried else UNKNOWN_RTT_S)
        stream = manner & _STREAM != 0
        if stream:
            timeout_s *= _TLS_TIMEOUT_FACTOR if server.over_tls else _STREAM_TIMEOUT_FACTOR
        server.in_flight += 1
        self.servers.count_ask(server, sent_at)
        ask = Ask(
            server.address,
            question,
            min(timeout_s, max(work.budget.deadline - sent_at, 0.0)),
            self.edns_size if manner & _EDNS else None,
            self.recursion_desired,
            stream,
            manner & (_MIX_CASE | _STREAM) == _MIX_CASE,
            work.dnssec_ok,
            manner & _COOKIE != 0,
        )
        ask.at = sent_at
        ask.depth = work.depth
        work.trace.keep(ask)
        return ask

    def _settle(self, server: Server, ask: Ask, outcome: Outcome, work: Work) -> None:
        """What the outcome of a query says of the server."""
        if isinstance(outcome, Reply):
            if not ask.stream or server.over_tls:
                self.servers.heard(server, outcome.rtt_s, work.now)
            outcome.ask = ask
            outcome.at = work.now
            work.trace.keep(outcome)
            work.budget.spend_octets(outcome.octets)
        elif isinstance(outcome, (Timeout, Unreachable)):
            server.timed_out(work.now, ask.at)
            if isinstance(outcome, Timeout):
                over = steps.transport(server.address, stream=ask.stream)
                work.note(steps.TIMEOUT, server.address, ask.timeout_s * 1000, over)

    def probe(self, server: Server, question: Question, work: Work) -> Steps[None]:
        """Ask once, on nobody's behalf, to learn whether the server is back."""
        now = work.clock()
        alone = Work(Budget(now + server.timeout_s(), 1), Trace(), work.clock, now=now)
        manner = _EDNS | _COOKIE if now >= server.no_edns_until else 0
        if server.over_tls:
            manner |= _STREAM
        ask = self.put(server, question, manner, alone)
        try:
            outcome = yield ask
        finally:
            server.in_flight -= 1
        alone.tick()
        self._settle(server, ask, outcome, alone)

    @staticmethod
    def _remember(server: Server, given_up: int, manner: int, now: float) -> None:
        """What it took to get a usable reply."""
        if given_up & _EDNS:
            server.no_edns_until = now + FORGIVING_S
        if given_up & _COOKIE:
            server.no_cookie_until = now + FORGIVING_S
        if given_up & _MIX_CASE and manner & _STREAM:
            server.no_case_until = now + FORGIVING_S


def credit(reply: Reply, response: Answered | Aliased | Referred, server: Server) -> None:
    """What a reply comes to, as the word of the server that it is of."""
    reply.said = response
    informant = server.informant(reply.over_stream)
    if type(response) is Answered:  # as most are: of one type it takes no look-up by name
        response.informant = informant
    else:
        response.informant = informant


def _second_thought(outcome: Outcome, manner: int) -> int | Unusable:
    """What to try after something that is neither a message nor a time-out."""
    match outcome:
        case WrongCase():
            return manner & ~_MIX_CASE | _STREAM
        case Malformed(reason, rcode):
            if manner & _EDNS and rcode in _NO_EDNS_RCODES:
                return manner & ~_EDNS
            return Unusable(f"malformed reply ({reason})")
        case Unreachable(reason):
            return Unusable(f"unreachable ({reason})")
    raise TypeError(f"{outcome!r} is no outcome of an ask")


def _fall_back(message: Message, manner: int) -> int | None:
    """Another manner to try after this reply, None if it can be used, the same if nothing helps.

    A reply that carries an OPT knows EDNS, so its FORMERR is not for that (RFC 6891 section 7); but
    there are servers that take offence at an option.
    """
    rcode = message.rcode
    if not rcode and not message.flags & _TC:
        return None
    if rcode in _NO_EDNS_RCODES and manner & _EDNS and (message.edns is None or rcode == _BADVERS):
        return manner & ~_EDNS
    if rcode == _FORMERR and manner & _EDNS and manner & _COOKIE:
        return manner & ~_COOKIE
    if rcode == _BADCOOKIE:
        return manner | (_NEW_COOKIE if _may_help_again(message, manner) else _STREAM)
    if message.flags & _TC:
        return manner | _STREAM
    return None


def _why_again(given_up: int) -> str:
    if given_up & _EDNS:
        return "an error that is not even a message: without EDNS"
    return "name in the wrong case: over TCP instead"


def _why(message: Message, manner: int) -> str:
    if manner & _EDNS and message.rcode in _NO_EDNS_RCODES:
        what = "EDNS" if message.edns is None or message.rcode == _BADVERS else "a cookie"
        return f"{show_rcode(message.rcode)} to {what}: without it"
    if message.rcode == _BADCOOKIE:
        again = _may_help_again(message, manner)
        return "BADCOOKIE: with the new one" if again else "BADCOOKIE, and no new one: over TCP"
    return "truncated: over TCP"


def _may_help_again(message: Message, manner: int) -> bool:
    """Whether this BADCOOKIE came with the cookie to show, and that is not what was shown."""
    if manner & _NEW_COOKIE or message.edns is None:
        return False
    return any(option.code == EdnsOption.COOKIE for option in message.edns.options)
