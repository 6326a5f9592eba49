"""NOTIFY: whom to tell that a zone has changed, what to say, and when to say it again.

Told are the zone's name servers without the primary (RFC 1996 section 2: the NS set minus MNAME)
and those that the operator names. An answer of any kind ends the telling (section 3.6); without one
it is repeated with growing waits, then given up: the timers of the SOA will do it.

Knows: RFC 1996. Does not know: sockets, signatures, addresses of this machine.
"""

from ipaddress import ip_address
from typing import Final

from resolver.codes import Flag, Opcode, RRClass, RRType
from resolver.model import Message, Question, RRset
from resolver.zone.content import Zone

# How long to wait for an answer, try by try.
WAITS_S: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
MAX_TARGETS: Final = 100

_OPCODE: Final = Opcode.NOTIFY << 11


def hosts(zone: Zone) -> list[bytes]:
    """Lower-case names of the servers to tell: the NS set without the MNAME of the SOA, which is
    where the change came from."""
    mname = _mname(zone)
    found = [rdata.lower() for rdata in zone.ns.rdatas]
    return [host for host in dict.fromkeys(found) if host != mname][:MAX_TARGETS]


def notification(zone: Zone, number: int) -> Message:
    """The message, with the SOA as a hint of the serial (RFC 1996 section 3.7)."""
    question = Question(zone.origin, RRType.SOA, RRClass.IN)
    return Message(number, Flag.AA | _OPCODE, [question], [zone.soa])


def is_answer(notified: Message, reply: Message) -> bool:
    """Whether a message answers a NOTIFY of ours. Some servers leave the question out."""
    if reply.id != notified.id or not reply.flags & Flag.QR or reply.opcode != Opcode.NOTIFY:
        return False
    return not reply.questions or [q.key for q in reply.questions] == [
        q.key for q in notified.questions
    ]


def _mname(zone: Zone) -> bytes:
    rdata = zone.soa.rdatas[0]
    end = 0
    while rdata[end]:
        end += rdata[end] + 1
    return rdata[: end + 1].lower()


def show_addresses(rrset: RRset) -> list[str]:
    """The addresses of an A or AAAA RRset as text."""
    return [str(ip_address(rdata)) for rdata in rrset.rdatas]
