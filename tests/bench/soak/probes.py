"""Questions of every kind, each with the judgement of its reply.

A judgement is a text that says what is wrong, or None. Knows: truth.py, parsed replies. Does not
know: sockets, how often what is asked.
"""

from collections.abc import Callable, Container
from random import Random
from typing import NamedTuple, TypeAlias

from resolver import names
from resolver.codes import Ede, Flag, Rcode, RRType, show_rcode
from resolver.model import Message
from resolver.wire.edns import extended_errors
from tests.bench.soak import truth
from tests.bench.soak.truth import SLACK_S, Changing

OWN = "own.test."
RELOADED = "reloaded.test."
COMING = "coming.test."  # a zone that is there, and gone again
ABSENT = b""
OWN_HOSTS = 8
SHARES = {
    "hit": 40.0,
    "short": 6.0,
    "moving": 8.0,
    "alias": 6.0,
    "mortal": 5.0,
    "nomad": 5.0,
    "wild": 5.0,
    "nxdomain": 5.0,
    "nodata": 2.0,
    "reverse": 4.0,
    "big": 1.0,
    "lame": 0.3,
    "loop": 0.3,
    "special": 1.0,
    "own": 6.0,
    "own alias": 3.0,
    "reloaded": 2.0,
    "coming": 1.0,
}

Judge: TypeAlias = Callable[[Message, float, float], str | None]


class Probe(NamedTuple):
    """A question; its judge gets the reply and, in seconds since the beginning, when the query was
    sent and when the reply came."""

    kind: str
    name: bytes
    rrtype: int
    judge: Judge


class Probes:
    """All that is asked. `own` is what own zones hold at each moment."""

    def __init__(self, own: Changing) -> None:
        self.own = own
        self.forgotten_at = 0.0  # when the cache was flushed, for what has to be in it
        self._known: dict[bytes, float] = {}
        self._fixed: dict[str, list[Probe]] = {}
        for probe in self._make():
            self._fixed.setdefault(probe.kind, []).append(probe)
        self._kinds = list(SHARES)
        self._weights = list(SHARES.values())
        self._serial = 0

    def draw(self, rng: Random, count: int) -> list[Probe]:
        """So many questions of the mix."""
        drawn = []
        for kind in rng.choices(self._kinds, self._weights, k=count):
            fixed = self._fixed.get(kind)
            drawn.append(rng.choice(fixed) if fixed else self._new(kind))
        return drawn

    def find(self, name: str) -> Probe:
        """The first question for a name that is asked for again and again. Raises StopIteration."""
        wanted = names.read(name)
        return next(p for fixed in self._fixed.values() for p in fixed if p.name == wanted)

    def _make(self) -> list[Probe]:
        """The questions that come again and again."""
        made: list[Probe] = []

        def add(kind: str, name: str, judge: Judge, rrtype: int = RRType.A) -> None:
            made.append(Probe(kind, names.read(name), rrtype, judge))

        ttl_s = truth.LONG_TTL_S
        for k in range(truth.STEADY):
            for i in range(truth.HOSTS):
                owner = f"h{i}.steady{k}.com."
                add("hit", owner, _address({truth.steady(k, i)}, ttl_s))
                add("nodata", owner, _denial(Rcode.NOERROR), RRType.AAAA)
                target = names.read(owner)
                add("reverse", f"{i}.{k}.18.198.in-addr.arpa.", _data({target}), RRType.PTR)
        self._add_changing(add)
        for i in range(OWN_HOSTS):
            add("own", f"u{i}.{OWN}", self._own(names.read(f"u{i}.{OWN}")))
            add("own alias", f"a{i}.{OWN}", _address({truth.steady(0, i)}, ttl_s))
        add("reloaded", f"v.{RELOADED}", self._own(names.read(f"v.{RELOADED}")))
        add("coming", f"v.{COMING}", self._coming(names.read(f"v.{COMING}")))
        add("big", "b.big.com.", _big, RRType.TXT)
        for k in range(truth.LAME):
            add("lame", f"www.lame{k}.net.", _failure)
        add("loop", "a.loop.net.", _failure)
        add("special", "localhost.", _address({bytes((127, 0, 0, 1))}, 86_400))
        add("special", "www.invalid.", _denial(Rcode.NXDOMAIN))
        return made

    def _add_changing(self, add: Callable[[str, str, Judge], None]) -> None:
        for i in range(truth.FEW):
            for k in range(truth.SHORT):
                fixed = {truth.steady(100 + k, i)}
                judge = _lossy(_address(fixed, truth.SHORT_TTL_S))
                add("short", f"h{i}.short{k}.net.", judge)
            for k in range(truth.MOVING):
                add("moving", f"h{i}.moving{k}.com.", _moving(k, i))
                add("alias", f"w{i}.alias{k}.net.", _moving(k, i))
            for k in range(truth.MORTAL):
                name = f"h{i}.mortal{k}.net."
                add("mortal", name, self._mortal(names.read(name), k, i))
            for k in range(truth.NOMADS):
                fixed = {truth.steady(150 + k, i)}
                add("nomad", f"h{i}.nomad{k}.com.", _address(fixed, truth.SHORT_TTL_S))

    def _new(self, kind: str) -> Probe:
        """A name that was never asked for before."""
        self._serial += 1
        k = self._serial % truth.WILD
        label = f"x{self._serial * 2654435761 & 0xFFFFFFFF:x}"
        if kind == "wild":
            judge = _address({truth.steady(200, k)}, truth.WILD_TTL_S)
            return Probe(kind, names.read(f"{label}.wild{k}.com."), RRType.A, judge)
        return Probe(kind, names.read(f"{label}.empty{k}.net."), RRType.A, _denial(Rcode.NXDOMAIN))

    def _mortal(self, name: bytes, k: int, i: int) -> Judge:
        """Whose servers die: then it must be the last data, and said to be stale."""

        def judge(message: Message, sent: float, received: float) -> str | None:
            # The reply was made at some moment between the two.
            recovered = truth.mortal_has_recovered(k, sent, received)
            if message.rcode == Rcode.SERVFAIL:
                known = self._known.get(name, 0.0) > self.forgotten_at
                if known:
                    return "SERVFAIL, though there was an answer before"
                return "SERVFAIL, though its servers are back" if recovered else None
            stale = is_stale(message)
            if stale and recovered and sent > truth.CYCLE_S / 2:
                return "stale, though its servers have been back for long"
            oldest = 0 if stale else truth.mortal_deaths(k, sent - truth.MORTAL_TTL_S - SLACK_S)
            newest = truth.mortal_deaths(k, received)
            allowed = {truth.mortal(k, i, deaths) for deaths in range(oldest, newest + 1)}
            wrong = _address(allowed, truth.MORTAL_TTL_S)(message, sent, received)
            if wrong is None:
                self._known[name] = sent
            return wrong

        return judge

    def _own(self, name: bytes) -> Judge:
        def judge(message: Message, sent: float, received: float) -> str | None:
            if not message.flags & Flag.AA:
                return "own data without AA"
            return _data(self.own.allowed(name, sent, received))(message, sent, received)

        return judge

    def _coming(self, name: bytes) -> Judge:
        """Own data, or a name that does not exist: test. is nobody's (RFC 6761 section 6.2)."""
        own, denial = self._own(name), _denial(Rcode.NXDOMAIN)

        def judge(message: Message, sent: float, received: float) -> str | None:
            if message.rcode and ABSENT in self.own.allowed(name, sent, received):
                return denial(message, sent, received)
            return own(message, sent, received)

        return judge


def is_stale(message: Message) -> bool:
    """Whether it says of itself that it is."""
    return any(error.code == Ede.STALE_ANSWER for error in extended_errors(message.edns))


def is_timed_out(message: Message) -> bool:
    """Whether it says that the time for the question was over."""
    errors = extended_errors(message.edns)
    return any("time limit reached" in error.text for error in errors)


def describe(message: Message) -> str:
    """A reply in a few words."""
    data = message.answer[-1].rdatas[:2] if message.answer else ()
    errors = "; ".join(f"{code} {text}" for code, text in extended_errors(message.edns))
    return f"{show_rcode(message.rcode)} {[rdata.hex() for rdata in data]} {errors}".rstrip()


def _data(allowed: Container[bytes]) -> Judge:
    """One record at the end of the chain, out of these."""

    def judge(message: Message, sent: float, received: float) -> str | None:
        if message.rcode or not message.answer:
            return "no answer"
        rdatas = message.answer[-1].rdatas
        return None if len(rdatas) == 1 and rdatas[0] in allowed else "other data"

    return judge


def _address(allowed: Container[bytes], max_ttl_s: int) -> Judge:
    """The same, and a TTL that is not longer than what the zone gives."""
    data = _data(allowed)

    def judge(message: Message, sent: float, received: float) -> str | None:
        if wrong := data(message, sent, received):
            return wrong
        most_s = truth.STALE_TTL_S if is_stale(message) else max_ttl_s
        return None if message.answer[-1].ttl <= most_s else "a TTL that is too long"

    return judge


def _moving(k: int, i: int) -> Judge:
    """Data that changes: what held when the query was sent, or a TTL before, or since."""

    def judge(message: Message, sent: float, received: float) -> str | None:
        oldest_s = 0.0 if is_stale(message) else sent - truth.MOVING_TTL_S - SLACK_S
        versions = range(truth.moving_version(k, oldest_s), truth.moving_version(k, received) + 1)
        allowed = {truth.moving(k, i, version) for version in versions}
        return _address(allowed, truth.MOVING_TTL_S)(message, sent, received)

    return judge


def _denial(rcode: int) -> Judge:
    """No data, with an SOA to remember it by."""

    def judge(message: Message, sent: float, received: float) -> str | None:
        if message.rcode != rcode or message.answer:
            return "no denial"
        is_soa = [rrset.rrtype == RRType.SOA for rrset in message.authority]
        return None if is_soa == [True] else "a denial without SOA"

    return judge


def _failure(message: Message, sent: float, received: float) -> str | None:
    if message.rcode != Rcode.SERVFAIL:
        return "an answer where there is none"
    return None if extended_errors(message.edns) else "a failure without a reason"


def _lossy(judge: Judge) -> Judge:
    """Or a failure after time-outs, for every packet may be lost; report.py bounds their share."""

    def judge_lossy(message: Message, sent: float, received: float) -> str | None:
        texts = [error.text for error in extended_errors(message.edns)]
        if message.rcode == Rcode.SERVFAIL and any(" timeout" in text for text in texts):
            return None
        return judge(message, sent, received)

    return judge_lossy


def _big(message: Message, sent: float, received: float) -> str | None:
    """Whole, or over UDP cut off and marked."""
    if message.flags & Flag.TC:
        return None
    whole = [len(rrset.rdatas) for rrset in message.answer] == [truth.BIG_RECORDS]
    return None if whole and not message.rcode else "not whole, and not marked as cut off"
