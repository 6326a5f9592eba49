"""Asks a primary for its SOA: the serial, and how long its own copy lives on.

Knows: RFC 1034 section 4.3.5, RFC 7314 sections 2 and 3, servers that cannot read EDNS (RFC 6891
section 7). Does not know: whom to ask, what follows from the answer.
"""

from typing import Final

from resolver import names
from resolver.codes import EdnsOption, Flag, Opcode, Rcode, RRClass, RRType, show_rcode
from resolver.model import Edns, EdnsOptionValue, Message, Question
from resolver.net.peer_client import Failed, PeerClient
from resolver.wire.edns import option
from resolver.zone.content import read_soa
from resolver.zone.peer import Peer
from resolver.zone.primaries import Heard, Silent

WAITS_S: Final = (1.0, 2.0, 2.0)

_NO_EDNS: Final = (Rcode.FORMERR, Rcode.NOTIMP, Rcode.BADVERS)
_EXPIRE: Final = Edns(options=(EdnsOptionValue(EdnsOption.EXPIRE, b""),))


async def ask_serial(client: PeerClient, origin: bytes, peer: Peer) -> Heard | Silent:
    """What the primary says of the zone `origin` (lower case)."""
    said: Heard | Silent = Silent("")
    for edns in (_EXPIRE, None):
        said = await _ask(client, origin, peer, edns)
        if not (isinstance(said, Silent) and said.reason in map(_refusal, _NO_EDNS)):
            break
    return said


async def _ask(client: PeerClient, origin: bytes, peer: Peer, edns: Edns | None) -> Heard | Silent:
    question = Question(origin, RRType.SOA)
    result = await client.ask(
        lambda number: Message(number, 0, [question], edns=edns),
        peer,
        waits_s=WAITS_S,
        matches=_matches,
    )
    return Silent(result.reason) if isinstance(result, Failed) else _read(result.message, origin)


def _matches(query: Message, reply: Message) -> bool:
    if reply.opcode != Opcode.QUERY:
        return False
    if not reply.questions:
        return reply.rcode != Rcode.NOERROR  # it could not read what we asked
    return [q.key for q in reply.questions] == [q.key for q in query.questions]


def _read(reply: Message, origin: bytes) -> Heard | Silent:
    if reply.rcode != Rcode.NOERROR:
        return Silent(_refusal(reply.rcode))
    if not reply.flags & Flag.AA:
        return Silent(f"is not authoritative for {names.show(origin)}")
    for rrset in reply.answer:
        if (
            rrset.rrtype == RRType.SOA
            and rrset.rrclass == RRClass.IN
            and rrset.owner.lower() == origin
            and len(rrset.rdatas) == 1
        ):
            soa = rrset.rdatas[0]
            return Heard(read_soa(soa)[0], soa, _expire_s(reply))
    return Silent("answers without an SOA")


def _refusal(rcode: int) -> str:
    return f"answers {show_rcode(rcode)}"


def _expire_s(reply: Message) -> float | None:
    """The EXPIRE option (RFC 7314 section 3)."""
    data = option(reply.edns, EdnsOption.EXPIRE)
    return float(int.from_bytes(data, "big")) if data is not None and len(data) == 4 else None
