"""The facts that modules hand to each other: questions, RRsets, messages, answers.

Knows no bytes layout and no behaviour. These dataclasses are slotted and treated as immutable once
handed over; the ones made for every query are not declared frozen only because a frozen one costs
three times as much to make. Their constructors are written out, here and elsewhere, for what
dataclass makes stays interpreted in a compiled copy, and takes seven times as long.

Sources: RFC 1035 section 4, RFC 2181 section 5, RFC 6891, RFC 8914.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final, NamedTuple

from resolver import names
from resolver.codes import RRClass, show_class, show_type
from resolver.native import mypyc_attr
from resolver.trace import Trace

_IN: Final = int(RRClass.IN)


class Address(NamedTuple):
    """Where a server is: an IPv4 or IPv6 address in text, and a port."""

    ip: str
    port: int = 53

    def __str__(self) -> str:
        return f"{self.ip}#{self.port}"

    @property
    def stream(self) -> str:
        """What a connection to it is called."""
        return "TCP"


class Informant(NamedTuple):
    """Who has told us something: a server, and whether on a stream."""

    address: Address
    over_stream: bool = False

    def __str__(self) -> str:
        return f"{self.address} over {self.address.stream if self.over_stream else 'UDP'}"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False, unsafe_hash=True)
class Question:
    """What is asked. `qname` keeps the case of the asker; questions are compared by `key`."""

    qname: bytes
    qtype: int
    qclass: int
    _name: bytes | None = field(init=False, repr=False, compare=False)

    def __init__(self, qname: bytes, qtype: int, qclass: int = _IN) -> None:
        self.qname = qname
        self.qtype = qtype
        self.qclass = qclass
        self._name = None

    @property
    def name(self) -> bytes:
        """`qname` in lower case."""
        name = self._name
        if name is None:
            name = self._name = self.qname.translate(names.LOWER)
        return name

    @property
    def plain(self) -> "Question":
        """The same question with its name in lower case."""
        name = self.name
        return self if name == self.qname else question_of(name, self.qtype)

    @property
    def key(self) -> tuple[bytes, int, int]:
        return self.name, self.qtype, self.qclass

    def __str__(self) -> str:
        text = f"{names.show(self.qname)} {show_type(self.qtype)}"
        return text if self.qclass == _IN else f"{text} {show_class(self.qclass)}"


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class RRset:
    """Records that share owner, type and class (RFC 2181 section 5).

    `owner` keeps its case. Each rdata is in wire form without any compression. `ttl` is in seconds.
    """

    owner: bytes
    rrtype: int
    rrclass: int
    ttl: int
    rdatas: tuple[bytes, ...]

    def __init__(
        self,
        owner: bytes,
        rrtype: int,
        rrclass: int,
        ttl: int,
        rdatas: tuple[bytes, ...],
    ) -> None:
        self.owner = owner
        self.rrtype = rrtype
        self.rrclass = rrclass
        self.ttl = ttl
        self.rdatas = rdatas


def question_of(name: bytes, qtype: int) -> Question:
    """The question for a name in lower case."""
    question = Question(name, qtype)
    question._name = name
    return question


class EdnsOptionValue(NamedTuple):
    """One option of an OPT record, uninterpreted."""

    code: int
    data: bytes


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Edns:
    """What an OPT record says (RFC 6891 section 6.1). Options are kept in order, known or not."""

    udp_size: int
    version: int
    dnssec_ok: bool
    options: tuple[EdnsOptionValue, ...]

    def __init__(
        self,
        udp_size: int = 1232,
        version: int = 0,
        dnssec_ok: bool = False,
        options: tuple[EdnsOptionValue, ...] = (),
    ) -> None:
        self.udp_size = udp_size
        self.version = version
        self.dnssec_ok = dnssec_ok
        self.options = options


class ExtendedError(NamedTuple):
    """An extended DNS error: a code of codes.Ede and a text for people (RFC 8914 section 2)."""

    code: int
    text: str = ""


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Message:
    """A parsed message. `flags` is the header's second word whole, so it holds opcode and rcode
    bits; `rcode` includes the upper bits that OPT carries. The OPT record itself is only in
    `edns`."""

    id: int
    flags: int
    questions: list[Question]
    answer: Sequence[RRset]
    authority: Sequence[RRset]
    additional: Sequence[RRset]
    edns: Edns | None
    rcode: int

    def __init__(
        self,
        id: int,
        flags: int,
        questions: list[Question] | None = None,
        answer: Sequence[RRset] = (),
        authority: Sequence[RRset] = (),
        additional: Sequence[RRset] = (),
        edns: Edns | None = None,
        rcode: int = 0,
    ) -> None:
        self.id = id
        self.flags = flags
        self.questions = [] if questions is None else questions
        self.answer = answer
        self.authority = authority
        self.additional = additional
        self.edns = edns
        self.rcode = rcode

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF


class Source(StrEnum):
    """Where an answer to a client comes from: a closed set, by which metrics and logs are told."""

    OWN = "own"  # own zones
    CACHE = "cache"  # what other servers said before, failures included
    RECURSION = "recursion"  # what other servers were asked for now
    STALE = "stale"  # expired data, for want of better (RFC 8767)
    LOCAL = "local"  # local records and hosts files
    SPECIAL = "special"  # names that are built in (RFC 6303, RFC 6761)
    POLICY = "policy"  # block lists
    REFUSED = "refused"  # access control
    CHAOS = "chaos"  # what is told about this server (RFC 4892)
    TRANSFER = "transfer"  # a zone transfer
    MALFORMED = "malformed"  # the query could not be read
    SERVER = "server"  # everything that needs no data: NOTIFY, UPDATE, NOTIMP, our own faults
    DROPPED = "dropped"  # no reply: the work on it was ended from outside


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Answer:
    """What an authority or the recursion found for a question: the content of a response, without
    the envelope (id, EDNS) that belongs to one client.

    `required_glue` counts the leading RRsets of `additional` without which a referral is of no use:
    leaving one out sets TC (RFC 9471 section 3.1). `chase` is the target of an alias chain that
    left our own zones; recursion may go on from there. `ages` is False for the content of own
    zones, whose TTLs do not count down. `renew_in_s` is when to ask for it anew before it expires,
    in seconds from now; None when that is not wanted. `source` says where it comes from, `trace` is
    the record of the work that it is the result of, `cause` the number of the record of an earlier
    failure that is the reason for it. `made_from` is the wildcard or DNAME of an own zone that
    stands for all the names that get this answer, in lower case.
    """

    rcode: int
    answer: Sequence[RRset]
    authority: Sequence[RRset]
    additional: Sequence[RRset]
    authoritative: bool
    extended_errors: tuple[ExtendedError, ...]
    required_glue: int
    chase: bytes | None
    ages: bool
    renew_in_s: int | None
    made_from: bytes | None = field(compare=False)
    source: Source = field(compare=False)
    trace: Trace | None = field(compare=False, repr=False)
    cause: int = field(compare=False)

    def __init__(
        self,
        rcode: int = 0,
        answer: Sequence[RRset] = (),
        authority: Sequence[RRset] = (),
        additional: Sequence[RRset] = (),
        authoritative: bool = False,
        extended_errors: tuple[ExtendedError, ...] = (),
        required_glue: int = 0,
        chase: bytes | None = None,
        ages: bool = True,
        renew_in_s: int | None = None,
        made_from: bytes | None = None,
        source: Source = Source.SERVER,
        trace: Trace | None = None,
        cause: int = 0,
    ) -> None:
        self.rcode = rcode
        self.answer = answer
        self.authority = authority
        self.additional = additional
        self.authoritative = authoritative
        self.extended_errors = extended_errors
        self.required_glue = required_glue
        self.chase = chase
        self.ages = ages
        self.renew_in_s = renew_in_s
        self.made_from = made_from
        self.source = source
        self.trace = trace
        self.cause = cause

    @property
    def is_renewal_due(self) -> bool:
        """Whether to ask for it anew now."""
        return self.renew_in_s is not None and self.renew_in_s <= 0


class Rank(IntEnum):
    """Trustworthiness of data, weakest first (RFC 2181 section 5.4.1)."""

    ADDITIONAL = 1  # additional data, and the authority section of a non-authoritative answer
    REFERRAL = 2  # NS and glue of a referral: may lead to a server, never answers a client
    NON_AUTHORITATIVE_ANSWER = 3  # answer section of a reply without AA
    AUTHORITY = 4  # authority section of an authoritative answer
    AUTHORITATIVE_ANSWER = 5  # answer section of an authoritative answer
    HINT = 0  # configured or built-in root hints: only until something is learned


class Security(IntEnum):
    """State of data under DNSSEC (RFC 4033 section 5)."""

    INDETERMINATE = 0  # not looked at: validation is off
    INSECURE = 1
    SECURE = 2
    BOGUS = 3
