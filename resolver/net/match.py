"""What was sent, and whether a packet is the response to it.

A response must have the id and exactly the question that was sent, in the case that was sent
(RFC 5452 section 4; RFC 1035 section 7.3). Address and port are the kernel's part: every socket
here is connected. From a server that is known to send cookies it must also have ours (cookies.py).
What does not match is not the server's fault, for anybody may have sent it; so it gives no outcome.

Knows: the header's layout, 0x20. Does not know: sockets, time, who asked.
"""

import logging
from collections.abc import Sequence
from enum import Enum
from typing import Final

from resolver.codes import Flag, Rcode
from resolver.effects import Ask, Malformed, Outcome, Reply, WrongCase
from resolver.errors import WireError
from resolver.metrics import Metrics
from resolver.model import Edns, Message, Question
from resolver.native import mypyc_attr
from resolver.net.cookies import CookieCheck, Cookies, ServerCookie
from resolver.net.entropy import ID_OCTETS, Entropy
from resolver.wire.build import build_query
from resolver.wire.parse import parse

HEADER_OCTETS: Final = 12
# The first octet of the flags of a response to a QUERY: QR set, opcode 0 (RFC 1035 section 4.1.1).
_QR_AND_OPCODE: Final = 0xF8
_RESPONSE_TO_QUERY: Final = 0x80
_TC: Final = 0x02
_RCODE: Final = 0x0F
_ROOT: Final = Question(b"\0", 0)
_TYPE_AND_CLASS_OCTETS: Final = 4
_ROOT_OCTETS: Final = 1 + _TYPE_AND_CLASS_OCTETS
_KIND_SHIFT: Final = 40  # more than type and class take
FRAMES: Final = 256
_NO_QUESTION: Final = b"\x00\x00"
_ONE_QUESTION: Final = b"\x00\x01"

_log = logging.getLogger(__name__)


class Miss(Enum):
    """Why a packet is no response to what was sent."""

    ID = "id"
    COOKIE = "cookie"
    OTHER = "other"

    @property
    def is_near(self) -> bool:
        """Whether somebody may be about to guess right: UDP is no longer to be believed."""
        return self is not Miss.OTHER


@mypyc_attr(acyclic=True)
class Sent:
    """A query as it went out. `question` is its question section, octet for octet, and `qname` the
    name as the engine wrote it, before its case was mixed. `cookie` is None when none was sent."""

    __slots__ = ("cookie", "id", "mixed", "packet", "qname", "qname_octets", "question")

    def __init__(
        self,
        id_: bytes,
        packet: bytes,
        question: bytes,
        qname: bytes,
        cookie: ServerCookie | None,
        mixed: bool,
    ) -> None:
        self.id = id_
        self.packet = packet
        self.question = question
        self.qname = qname
        self.qname_octets = len(qname)
        self.mixed = mixed
        self.cookie = cookie


@mypyc_attr(acyclic=True)
class _Frame:
    """What queries of one kind have in common, in three pieces: between id and question, behind the
    name, and behind the question."""

    __slots__ = ("header", "kind", "opt", "type_and_class")

    def __init__(self, kind: int, header: bytes, type_and_class: bytes, opt: bytes) -> None:
        self.kind = kind
        self.header = header
        self.type_and_class = type_and_class
        self.opt = opt


class QueryMaker:
    """Makes queries of asks, with ids and case from an Entropy. Without Cookies none are sent.

    What queries have in common, all but id, name and cookie, is written once for each kind.
    """

    __slots__ = ("_cookies", "_entropy", "_frames")

    def __init__(self, entropy: Entropy, cookies: Cookies | None = None) -> None:
        self._entropy = entropy
        self._cookies = cookies
        # Each kind has its place, which others may want: then it is written anew.
        self._frames: list[_Frame | None] = [None] * FRAMES

    def spell(self, asks: Sequence[Ask]) -> list[bytes]:
        """The name of each as its query is to have it: in random case, unless the ask says no."""
        spelled = self._entropy.mix_cases([ask.question.qname for ask in asks])
        for at, ask in enumerate(asks):
            if not ask.mix_case:
                spelled[at] = ask.question.qname
        return spelled

    def make_spelled(self, ask: Ask, own: str, spelled: bytes) -> Sent:
        """The query for an ask that leaves from the address `own`, with a random id and the name
        that `spell` has given."""
        return self._make(ask, own, self._entropy.id(), spelled, mixed=ask.mix_case)

    def make(self, ask: Ask, own: str) -> Sent:
        """The same for one alone."""
        return self.make_spelled(ask, own, self.spell([ask])[0])

    def make_with_id(self, ask: Ask, own: str, number: int) -> Sent:
        """The same with the id given, and the name as it is."""
        id_ = number.to_bytes(ID_OCTETS, "big")
        return self._make(ask, own, id_, ask.question.qname, mixed=False)

    def _make(self, ask: Ask, own: str, id_: bytes, spelled: bytes, *, mixed: bool) -> Sent:
        size, asked = ask.edns_size, ask.question
        flags = ask.dnssec_ok << 1 | ask.recursion_desired
        place = asked.qtype << 2 & FRAMES - 1 | flags
        kind = (-1 if size is None else size) << 2 | flags
        kind = kind << _KIND_SHIFT | asked.qtype << 16 | asked.qclass
        frame = self._frames[place]
        if frame is None or frame.kind != kind:
            frame = self._frames[place] = _write_frame(kind, ask)
        question = spelled + frame.type_and_class
        cookie, opt = None, frame.opt
        if self._cookies is not None and size is not None and ask.cookie:
            cookie = self._cookies.of(ask.server, own)
            opt = cookie.into(opt)
        packet = b"%b%b%b%b" % (id_, frame.header, question, opt)
        return Sent(id_, packet, question, asked.qname, cookie, mixed)


def _write_frame(kind: int, ask: Ask) -> _Frame:
    size, asked = ask.edns_size, ask.question
    edns = None if size is None else Edns(udp_size=size, dnssec_ok=ask.dnssec_ok)
    query = build_query(0, _ROOT, edns=edns, recursion_desired=ask.recursion_desired)
    type_and_class = asked.qtype << 16 | asked.qclass
    return _Frame(
        kind,
        query[ID_OCTETS:HEADER_OCTETS],
        type_and_class.to_bytes(_TYPE_AND_CLASS_OCTETS, "big"),
        query[HEADER_OCTETS + _ROOT_OCTETS :],
    )


def read_response(
    sent: Sent, packet: bytes, rtt_s: float, metrics: Metrics, *, stream: bool
) -> Outcome | Miss:
    """`judge`, counting what does not match; a mistake of ours costs this one response."""
    try:
        verdict = judge(sent, packet, rtt_s, stream=stream)
    except Exception:
        metrics.exceptions_total += 1
        _log.exception("reading a response failed")
        return Malformed("could not be read")
    if type(verdict) is Reply:
        metrics.upstream_rtt_seconds.observe(rtt_s)
    elif type(verdict) is Miss or type(verdict) is WrongCase:
        metrics.upstream_mismatched_total += 1
    return verdict


def judge(sent: Sent, packet: bytes, rtt_s: float, *, stream: bool) -> Outcome | Miss:
    """The outcome that a packet gives to what was sent, or why it gives none."""
    verdict = _judge_without_cookie(sent, packet, rtt_s)
    cookie = sent.cookie
    if cookie is None or type(verdict) is Miss:
        return verdict
    edns = verdict.message.edns if isinstance(verdict, Reply) else None
    check = cookie.check(edns, stream=stream)
    return verdict if stream or check is CookieCheck.FINE else Miss.COOKIE


def _judge_without_cookie(sent: Sent, packet: bytes, rtt_s: float) -> Outcome | Miss:
    if len(packet) < HEADER_OCTETS or packet[2] & _QR_AND_OPCODE != _RESPONSE_TO_QUERY:
        return Miss.OTHER
    if not packet.startswith(sent.id):
        return Miss.ID
    question = packet[HEADER_OCTETS : HEADER_OCTETS + len(sent.question)]
    if question != sent.question or packet[5] != 1 or packet[4]:
        other = _judge_other_question(sent, packet, question)
        if other is not None:
            return other
    octets = len(packet)
    if sent.mixed:
        # Names that the server compressed to the question would take its random case along, into
        # the cache and to clients.
        behind = packet[HEADER_OCTETS + sent.qname_octets :]
        packet = b"%b%b%b" % (packet[:HEADER_OCTETS], sent.qname, behind)
    try:
        message = parse(packet)
    except WireError as error:
        if packet[2] & _TC:
            return Reply(_truncated(sent, packet), rtt_s, octets)
        return Malformed(str(error), packet[3] & _RCODE)
    return Reply(message, rtt_s, octets)


def _judge_other_question(sent: Sent, packet: bytes, question: bytes) -> Outcome | Miss | None:
    """The verdict on a packet whose question section is not octet for octet ours; None when it is
    good enough after all."""
    if packet[4:6] == _NO_QUESTION:
        rcode = packet[3] & _RCODE
        # A server that could not read the query cannot repeat its question. An error is all that
        # such a response may say.
        if rcode == Rcode.NOERROR:
            return Miss.OTHER
        return Malformed("a response without its question", rcode)
    length = sent.qname_octets
    # The name alone: lower() would also change the octets of a type.
    if (
        packet[4:6] != _ONE_QUESTION
        or question[length:] != sent.question[length:]
        or question[:length].lower() != sent.question[:length].lower()
    ):
        return Miss.OTHER
    return WrongCase() if sent.mixed else None


def _truncated(sent: Sent, packet: bytes) -> Message:
    """What a response cut off in the middle of a record still says: that TC is set. The rest is not
    used (RFC 2181 section 9)."""
    length = sent.qname_octets
    qtype = int.from_bytes(sent.question[length : length + 2], "big")
    qclass = int.from_bytes(sent.question[length + 2 :], "big")
    question = Question(sent.question[:length], qtype, qclass)
    flags = int.from_bytes(packet[2:4], "big") | Flag.TC
    number = int.from_bytes(packet[:2], "big")
    return Message(number, flags, [question], rcode=flags & _RCODE)
