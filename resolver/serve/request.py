"""One client's exchange: the request as the handlers see it, and the envelope of the reply.

Knows: header bits, EDNS of both sides, sizes (RFC 1035 section 4.1.1, RFC 6891 sections 6.2.3 to
6.2.5 and 7). Does not know: what the answer is or where it comes from.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from resolver.codes import EdnsOption, Flag, Rcode
from resolver.effects import Steps
from resolver.model import Answer, Edns, EdnsOptionValue, Message, Question
from resolver.policy.acl import RECURSION
from resolver.wire.build import build
from resolver.wire.edns import extended_error_option

MAX_STREAM_OCTETS = 65_535
MIN_UDP_OCTETS = 512  # RFC 1035 section 4.2.1
MAX_EDE_TEXT_OCTETS = 300
_COPIED_FLAGS = Flag.RD | Flag.CD | 0x7800  # and the opcode


@dataclass(frozen=True, slots=True)
class Identity:
    """What replies say about this server. `udp_size` in octets; empty texts are not told."""

    udp_size: int = 1232
    nsid: str = ""
    version: str = ""


@dataclass(slots=True)
class Request:
    """A parsed query. `peer` is the packed address; `bits` what it may do (policy/acl.py)."""

    message: Message
    peer: bytes
    bits: int
    stream: bool

    @property
    def question(self) -> Question:
        return self.message.questions[0]

    @property
    def recursion_desired(self) -> bool:
        return bool(self.message.flags & Flag.RD)


Handled: TypeAlias = Answer | Steps[Answer] | None
Handler: TypeAlias = Callable[[Request], Handled]


def envelope(request: Request, answer: Answer, identity: Identity, *, recursion: bool) -> bytes:
    """The reply's bytes: fitted to the transport and to what the client can take.

    `recursion` says whether this server recurses at all; RA is set for clients that may use it.
    """
    query = request.message
    flags = Flag.QR | query.flags & _COPIED_FLAGS
    if answer.authoritative:
        flags |= Flag.AA
    if recursion and request.bits & RECURSION:
        flags |= Flag.RA
    reply = Message(
        query.id,
        flags,
        query.questions,
        list(answer.answer),
        list(answer.authority),
        list(answer.additional),
        _edns(query.edns, answer, identity),
        answer.rcode,
    )
    if query.edns is None and reply.rcode > 0xF:
        reply.rcode = Rcode.SERVFAIL  # only EDNS can carry the upper bits
    max_size = MAX_STREAM_OCTETS if request.stream else _udp_size(query.edns, identity)
    return build(reply, max_size=max_size, required_glue=answer.required_glue)


def _udp_size(edns: Edns | None, identity: Identity) -> int:
    if edns is None:
        return MIN_UDP_OCTETS
    # Sizes below 512 count as 512 (RFC 6891 section 6.2.3).
    return min(max(edns.udp_size, MIN_UDP_OCTETS), identity.udp_size)


def _edns(query: Edns | None, answer: Answer, identity: Identity) -> Edns | None:
    """OPT goes only to clients that sent one (RFC 6891 section 6.1.1)."""
    if query is None:
        return None
    options: list[EdnsOptionValue] = []
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
