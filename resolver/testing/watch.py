"""What a test looks at afterwards: the answer in plain words, and everything that was asked for it.

Text of records comes from dnslib. Does not know: how either came about.
"""

from typing import NamedTuple

from resolver import names
from resolver.codes import RRType, show_rcode, show_type
from resolver.model import Answer, RRset
from resolver.testing.zones import show_rdata
from resolver.trace import Trace


class Asked(NamedTuple):
    """One effect Ask and what came of it. `outcome` is the name of the outcome's class."""

    server: str
    question: str
    stream: bool
    edns_size: int | None
    at: float
    outcome: str


class Watch:
    """What was done on behalf of a question: the resolver's own record, and every ask."""

    __slots__ = ("asks", "trace")

    def __init__(self) -> None:
        self.asks: list[Asked] = []
        self.trace = Trace()

    def lines(self) -> list[str]:
        """The resolver's record as text."""
        return self.trace.lines()

    def asked(self, server: str | None = None) -> int:
        """How many queries went to this server, or to all."""
        return sum(1 for ask in self.asks if server in (None, ask.server))

    @property
    def questions(self) -> list[str]:
        """What was asked, in order, as in "example.com. A"."""
        return [ask.question for ask in self.asks]

    @property
    def servers(self) -> list[str]:
        """Who was asked, in order."""
        return [ask.server for ask in self.asks]


class Result:
    """An answer, in the words of tests. `answer` is the resolver's own; `took_s` is how long the
    client waited, whatever was done for him afterwards."""

    def __init__(self, answer: Answer, *, took_s: float = 0.0) -> None:
        self.answer = answer
        self.took_s = took_s

    def __repr__(self) -> str:
        lines = [self.status, *self.records, *(f"; {code} {text}" for code, text in self.errors)]
        return "\n".join(lines)

    @property
    def rcode(self) -> int:
        """The response code as a number."""
        return int(self.answer.rcode)

    @property
    def status(self) -> str:
        """The response code as a word."""
        return show_rcode(self.answer.rcode)

    @property
    def addresses(self) -> list[str]:
        """Addresses in the answer section, in order."""
        return [*self.data("A"), *self.data("AAAA")]

    def data(self, rrtype: str) -> list[str]:
        """Rdata, in presentation format, of the answer's records of one type."""
        return [
            show_rdata(rrset.rrtype, rdata)
            for rrset in self.answer.answer
            if show_type(rrset.rrtype) == rrtype
            for rdata in rrset.rdatas
        ]

    @property
    def records(self) -> list[str]:
        """The answer section, a line for each record, in the form "owner ttl type rdata"."""
        return [line for rrset in self.answer.answer for line in _lines(rrset)]

    @property
    def authority(self) -> list[str]:
        """The authority section in the same form."""
        return [line for rrset in self.answer.authority for line in _lines(rrset)]

    @property
    def chain(self) -> list[str]:
        """Owners of the CNAME records, in order."""
        return [
            names.show(rrset.owner) for rrset in self.answer.answer if rrset.rrtype == RRType.CNAME
        ]

    @property
    def ttl(self) -> int:
        """The lowest TTL of the answer section, or of the authority section when it is empty.

        Raises ValueError when both are empty.
        """
        return min(rrset.ttl for rrset in self.answer.answer or self.answer.authority)

    @property
    def errors(self) -> list[tuple[int, str]]:
        """Extended errors: code and text."""
        return [(error.code, error.text) for error in self.answer.extended_errors]


def _lines(rrset: RRset) -> list[str]:
    head = f"{names.show(rrset.owner)} {rrset.ttl} {show_type(rrset.rrtype)}"
    return [f"{head} {show_rdata(rrset.rrtype, rdata)}" for rdata in rrset.rdatas]
