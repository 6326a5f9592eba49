"""Asking one server one question, with the fall-backs that belong to one server.

Truncated over UDP: the same over TCP (RFC 7766 section 5). FORMERR, NOTIMP or BADVERS to EDNS: the
same without (RFC 6891 section 7). Name in the wrong case: nothing of that reply is used, the same
over TCP, where forging needs no case to be hard. What works is remembered in the server table.
"""

from dataclasses import dataclass
from typing import TypeAlias

from resolver.cache.servers import Server, Servers
from resolver.codes import Flag, Rcode, show_rcode
from resolver.effects import Ask, Malformed, Outcome, Reply, Steps, Timeout, Unreachable, WrongCase
from resolver.iterate.work import Work
from resolver.model import Address, Message, Question

_NO_EDNS_RCODES = (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS)
_STREAM_TIMEOUT_FACTOR = 3  # a TCP exchange takes two or three round trips


@dataclass(slots=True)
class Missed:
    """No reply in time."""


@dataclass(slots=True)
class Unusable:
    """A reply, or none for good, that cannot be used: rule the server out for this question."""

    reason: str


Asked: TypeAlias = Message | Missed | Unusable


@dataclass(slots=True)
class Manner:
    """How to put the question to this server."""

    edns: bool
    mix_case: bool
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """What every ask has in common. `edns_size` in octets; `case_mixing` is 0x20;
    `recursion_desired` is for forwarders."""

    servers: Servers
    edns_size: int
    case_mixing: bool
    recursion_desired: bool = False

    def ask(self, address: Address, question: Question, work: Work) -> Steps[Asked]:
        """Ask until there is a usable reply or no other manner to try. Raises OutOfBudget."""
        server = self.servers.at(address, work.clock.now())
        manner = Manner(server.edns, self.case_mixing and server.keeps_case)
        while True:
            outcome = yield from self._ask_once(address, question, manner, work)
            match outcome:
                case Reply(message):
                    fallback = self._fall_back(message, manner)
                    if fallback is None:
                        self._remember(server, manner)
                        return message
                    if fallback is manner:
                        return Unusable("truncated over TCP")
                    work.note("  %s", _why(message, manner))
                    manner = fallback
                case WrongCase():
                    work.note("  name in the wrong case: over TCP instead")
                    manner = Manner(manner.edns, mix_case=False, stream=True)
                case Malformed(reason, rcode):
                    if not (manner.edns and rcode in _NO_EDNS_RCODES):
                        return Unusable(f"malformed reply ({reason})")
                    manner = Manner(edns=False, mix_case=manner.mix_case, stream=manner.stream)
                case Unreachable(reason):
                    server.timed_out(work.clock.now())
                    return Unusable(f"unreachable ({reason})")
                case _:
                    return Missed()

    def _ask_once(
        self, address: Address, question: Question, manner: Manner, work: Work
    ) -> Steps[Outcome]:
        work.spend_ask()
        now = work.clock.now()
        server = self.servers.at(address, now)
        timeout_s = server.timeout_s() * (_STREAM_TIMEOUT_FACTOR if manner.stream else 1)
        work.note("ask %s for %s%s", address, question, " over TCP" if manner.stream else "")
        outcome = yield Ask(
            address,
            question,
            min(timeout_s, max(work.budget.deadline - now, 0.0)),
            edns_size=self.edns_size if manner.edns else None,
            recursion_desired=self.recursion_desired,
            stream=manner.stream,
            mix_case=manner.mix_case and not manner.stream,
        )
        if isinstance(outcome, Reply):
            if not manner.stream:
                server.heard(outcome.rtt_s, work.clock.now())
            work.budget.spend_octets(outcome.octets)
        elif isinstance(outcome, Timeout):
            server.timed_out(work.clock.now())
            work.note("  no reply within %.0f ms", timeout_s * 1000)
        return outcome

    @staticmethod
    def _fall_back(message: Message, manner: Manner) -> Manner | None:
        """Another manner to try after this reply, None if it can be used, the same if nothing
        helps.

        A reply that carries an OPT knows EDNS, so its FORMERR means what it says (RFC 6891
        section 7).
        """
        refuses_edns = message.rcode in _NO_EDNS_RCODES and (
            message.edns is None or message.rcode == Rcode.BADVERS
        )
        if manner.edns and refuses_edns:
            return Manner(edns=False, mix_case=manner.mix_case, stream=manner.stream)
        if message.flags & Flag.TC:
            if manner.stream:
                return manner
            return Manner(manner.edns, manner.mix_case, stream=True)
        return None

    def _remember(self, server: Server, manner: Manner) -> None:
        server.edns = manner.edns
        if manner.stream and self.case_mixing and not manner.mix_case:
            server.keeps_case = False


def _why(message: Message, manner: Manner) -> str:
    if manner.edns and message.rcode in _NO_EDNS_RCODES:
        return f"{show_rcode(message.rcode)} to EDNS: without it"
    return "truncated: over TCP"
