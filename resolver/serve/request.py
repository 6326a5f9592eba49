"""One client's exchange: the request as the handlers see it, and the envelope of the reply.

Knows: header bits, EDNS of both sides, sizes (RFC 1035 section 4.1.1, RFC 6891 sections 6.2.3 to
6.2.5 and 7). Does not know: what the answer is or where it comes from.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from resolver.codes import EdnsOption, Flag, Rcode
from resolver.effects import Steps
from resolver.model import Answer, Edns, EdnsOptionValue, Message, Question, question_of
from resolver.native import mypyc_attr
from resolver.policy.acl import RECURSION
from resolver.policy.cookies import Verdict
from resolver.trace import Trace
from resolver.wire.build import build, build_plain, plain_opt
from resolver.wire.edns import extended_error_option
from resolver.wire.parse import parse
from resolver.wire.peek import HEADER_OCTETS, ID_OCTETS, Peek
from resolver.wire.tsig import Signer

MAX_STREAM_OCTETS: Final = 65_535
MIN_UDP_OCTETS: Final = 512  # RFC 1035 section 4.2.1
MAX_EDE_TEXT_OCTETS: Final = 300
_QR: Final = int(Flag.QR)
_SERVFAIL: Final = int(Rcode.SERVFAIL)
_AA: Final = int(Flag.AA)
_RD: Final = int(Flag.RD)
_RA: Final = int(Flag.RA)
_RCODE_BITS: Final = 0xF
# Of a question behind its name; and where in an OPT record the size and the flags are.
_TYPE_AND_CLASS_OCTETS: Final = 4
_SIZE_IN_OPT: Final = 3
_FLAGS_IN_OPT: Final = 7
_DNSSEC_OK: Final = 0x80
_COPIED_FLAGS: Final = _RD | int(Flag.CD) | 0x7800  # and the opcode


@dataclass(frozen=True, slots=True)
class Identity:
    """What replies say about this server. `udp_size` in octets; empty texts are not told."""

    udp_size: int = 1232
    nsid: str = ""
    version: str = ""


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Request:
    """A parsed query. `peer` is the packed address; `bits` what it may do (policy/acl.py).

    `key` is the lower-case name of the TSIG key that signed it, None for an unsigned query; only
    a valid signature gets this far. `signer` signs the reply. `packet` is what it was parsed from.
    `options` are EDNS options that handlers want in the reply. `since` is the instant it came.
    `trace` is the record of what was done for it, once there is something to record. `cookie` is
    what its cookie is worth, None without one. `look` is the peek of a plain query, None for one
    that is not plain, or was not looked at.
    """

    message: Message
    peer: bytes
    bits: int
    stream: bool
    key: bytes | None
    signer: Signer | None
    packet: bytes
    options: tuple[EdnsOptionValue, ...]
    since: float
    cookie: Verdict | None
    trace: Trace | None
    look: Peek | None

    def __init__(
        self,
        message: Message,
        peer: bytes,
        bits: int,
        stream: bool,
        key: bytes | None = None,
        signer: Signer | None = None,
        packet: bytes = b"",
        options: tuple[EdnsOptionValue, ...] = (),
        since: float = 0.0,
        cookie: Verdict | None = None,
        trace: Trace | None = None,
        look: Peek | None = None,
    ) -> None:
        self.message = message
        self.peer = peer
        self.bits = bits
        self.stream = stream
        self.key = key
        self.signer = signer
        self.packet = packet
        self.options = options
        self.since = since
        self.cookie = cookie
        self.trace = trace
        self.look = look

    @property
    def question(self) -> Question:
        return self.message.questions[0]

    @property
    def recursion_desired(self) -> bool:
        return self.message.flags & _RD != 0


@dataclass(slots=True, init=False)
class Relayed(Answer):
    """The reply of another server, to be sent as it is."""

    packet: bytes

    def __init__(self, packet: bytes) -> None:
        Answer.__init__(self)
        self.packet = packet


class Messages:
    """A reply over a stream in many packets, which are made one by one as the client takes them.

    `ended` is called once, whatever the end: with True when the last packet has been handed out,
    with False when the client went away or making one failed.
    """

    __slots__ = ("_ended", "_packets", "count", "octets")

    def __init__(self, packets: Iterator[bytes], ended: Callable[[bool], None]) -> None:
        self._packets = packets
        self._ended: Callable[[bool], None] | None = ended
        self.count = 0
        self.octets = 0

    def map(self, change: Callable[[bytes], bytes]) -> None:
        """Have every packet changed before it is handed out."""
        self._packets = map(change, self._packets)

    def on_end(self, ended: Callable[[bool], None]) -> None:
        """Have one more function called at the end, after the first."""
        first = self._ended

        def both(complete: bool) -> None:
            if first is not None:
                first(complete)
            ended(complete)

        self._ended = both

    def take(self) -> bytes | None:
        """The next packet; None after the last. Raises what making it raises."""
        packet = next(self._packets, None)
        if packet is None:
            self._end(complete=True)
            return None
        self.count += 1
        self.octets += len(packet)
        return packet

    def close(self) -> None:
        """No more packets will be taken. May be called at any time, any number of times."""
        self._end(complete=False)

    def _end(self, *, complete: bool) -> None:
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended(complete)


class Notes(Protocol):
    """Who is told what an operator wants to read. `done` is for the rare and successful."""

    def refused(self, request: Request, reason: str) -> None:
        """Somebody was refused something that matters. May come in floods."""
        ...

    def done(self, request: Request, what: str) -> None:
        """Something worth a line was done for a client."""
        ...


class NoNotes:
    """Nobody is told anything."""

    def refused(self, request: Request, reason: str) -> None:
        """Not told."""

    def done(self, request: Request, what: str) -> None:
        """Not told."""


def read_query(packet: bytes, look: Peek | None) -> Message:
    """What `parse` makes of a query, of which `look` is the peek: of a plain one without EDNS
    options all is known where it stands. Raises WireError."""
    if look is None or not look.optionless:
        return parse(packet)
    at = look.name_end
    qname, qtype = packet[HEADER_OCTETS:at], packet[at] << 8 | packet[at + 1]
    question = question_of(qname, qtype) if look.lower else Question(qname, qtype)
    edns = None
    at += _TYPE_AND_CLASS_OCTETS
    if len(packet) > at:
        size = packet[at + _SIZE_IN_OPT] << 8 | packet[at + _SIZE_IN_OPT + 1]
        edns = Edns(size, 0, packet[at + _FLAGS_IN_OPT] & _DNSSEC_OK != 0)
    flags = packet[2] << 8 | packet[3]
    return Message(packet[0] << 8 | packet[1], flags, [question], edns=edns)


Handled: TypeAlias = Answer | Steps[Answer] | Messages | None
Handler: TypeAlias = Callable[[Request], Handled]


@mypyc_attr(allow_interpreted_subclasses=True)
class Stage(ABC):
    """A handler that every query comes to: a compiled copy calls it directly."""

    @abstractmethod
    def handle(self, request: Request) -> Handled:
        """What it makes of a request; None when it is for the next one."""


def envelope(request: Request, answer: Answer, identity: Identity, *, recursion: bool) -> bytes:
    """The reply's bytes: fitted to the transport and to what the client can take.

    `recursion` says whether this server recurses at all; RA is set for clients that may use it.
    """
    query = request.message
    flags = _QR | query.flags & _COPIED_FLAGS
    if answer.authoritative:
        flags |= _AA
    if recursion and request.bits & RECURSION:
        flags |= _RA
    if request.look is not None and answer.rcode <= _RCODE_BITS:
        plain = _plain_reply(request, answer, identity, flags | answer.rcode)
        if plain is not None:
            return plain
    reply = Message(
        query.id,
        flags,
        query.questions,
        answer.answer,
        answer.authority,
        answer.additional,
        None if query.edns is None else reply_edns(request, answer, identity),
        answer.rcode,
    )
    if query.edns is None and reply.rcode > 0xF:
        reply.rcode = _SERVFAIL  # only EDNS can carry the upper bits
    return build(
        reply,
        max_size=reply_octets(request, identity),
        required_glue=answer.required_glue,
        reserve=signature_octets(request),
    )


def _plain_reply(request: Request, answer: Answer, identity: Identity, flags: int) -> bytes | None:
    """The reply to a plain query, if it has nothing but an answer in it and is like most."""
    if answer.authority or answer.additional or answer.extended_errors or request.options:
        return None
    message, packet = request.message, request.packet
    edns, opt = message.edns, b""
    if edns is not None:
        opt = plain_opt(identity.udp_size, dnssec_ok=edns.dnssec_ok)
    head = packet[:ID_OCTETS], flags, message.questions[0]
    return build_plain(head, answer.answer, opt, reply_octets(request, identity))


def signature_octets(request: Request) -> int:
    """What a reply must leave free for its signature."""
    return 0 if request.signer is None else request.signer.key.record_octets


def reply_octets(request: Request, identity: Identity) -> int:
    """How long a reply may be on the transport of its query, signature included."""
    if request.stream:
        return MAX_STREAM_OCTETS
    edns = request.message.edns
    if edns is None:
        return MIN_UDP_OCTETS
    # Sizes below 512 count as 512 (RFC 6891 section 6.2.3).
    return min(max(edns.udp_size, MIN_UDP_OCTETS), identity.udp_size)


def reply_edns(request: Request, answer: Answer, identity: Identity) -> Edns | None:
    """OPT goes only to clients that sent one (RFC 6891 section 6.1.1)."""
    query = request.message.edns
    if query is None:
        return None
    options = list(request.options)
    if identity.nsid and any(o.code == EdnsOption.NSID for o in query.options):
        options.append(EdnsOptionValue(EdnsOption.NSID, identity.nsid.encode()))
    for code, text in answer.extended_errors:
        options.append(extended_error_option(code, text[:MAX_EDE_TEXT_OCTETS]))
    return Edns(identity.udp_size, 0, query.dnssec_ok, tuple(options))


def formerr(packet: bytes) -> bytes:
    """The reply to a query of which only the header could be read: that header, and nothing behind
    it, so it is never longer than the query."""
    flags = Flag.QR | int.from_bytes(packet[2:4], "big") & _COPIED_FLAGS | Rcode.FORMERR
    return packet[:2] + flags.to_bytes(2, "big") + bytes(8)
