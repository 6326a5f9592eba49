"""How much is said to who asks for everything: ANY, and RRSIG, which is nearly as much.

    minimal   one RRset over UDP, where addresses of askers are easily forged; all over TCP
    full      all, as far as it fits
    hinfo     one made-up HINFO record, over any transport

Knows: RFC 8482 sections 4.1, 4.2 and 4.4. Does not know: zones.
"""

from dataclasses import replace
from typing import Final, Literal, TypeAlias

from resolver.codes import Rcode, RRClass, RRType
from resolver.model import Answer, Question, RRset

AnyAnswer: TypeAlias = Literal["minimal", "full", "hinfo"]

_TTL_S: Final = 3600  # nothing in a zone says how long
_RDATA: Final = b"\x07RFC8482\x00"


def is_whole(setting: AnyAnswer, *, stream: bool) -> bool:
    """Whether all RRsets are wanted, not only the smallest."""
    return setting == "full" or (setting == "minimal" and stream)


def hinfo(answer: Answer, question: Question) -> Answer:
    """The made-up answer in the place of a positive one to ANY.

    Where the answer is signed nobody would believe made-up records, so it stays.
    """
    found = answer.answer
    if question.qtype != RRType.ANY or answer.rcode != Rcode.NOERROR or not found:
        return answer
    if not answer.authoritative or any(rrset.rrtype == RRType.RRSIG for rrset in found):
        return answer
    made = RRset(question.qname, RRType.HINFO, RRClass.IN, _TTL_S, (_RDATA,))
    return replace(answer, answer=[made], authority=(), additional=())
