"""What every query must be before anybody looks at its name.

RFC 1035 section 4.1.1 (opcodes), RFC 9619 section 4 (one question), RFC 6891 section 6.1.3 (EDNS
version), RFC 6895 section 3.1 and RFC 9824 section 3.4 (types that are no data), RFC 8482 is not
here.
"""

from typing import Final

from resolver.codes import META_TYPES, Ede, Opcode, Rcode, RRClass, RRType, show_type
from resolver.model import Answer, ExtendedError, Source
from resolver.serve.request import Handled, Request

_TRANSFER_TYPES: Final = (RRType.AXFR, RRType.IXFR)
_OBSOLETE_TYPES: Final = (RRType.MAILA, RRType.MAILB)


def opcode(request: Request) -> Handled:
    """Only queries are served."""
    return None if request.message.opcode == Opcode.QUERY else Answer(Rcode.NOTIMP)


def one_question(request: Request) -> Handled:
    """A query has one question."""
    return None if len(request.message.questions) == 1 else Answer(Rcode.FORMERR)


def edns_version(request: Request) -> Handled:
    """Versions above 0 are told which version is spoken here."""
    edns = request.message.edns
    return Answer(Rcode.BADVERS) if edns is not None and edns.version > 0 else None


def question_class(request: Request) -> Handled:
    """Only the Internet is served (and CHAOS, before this)."""
    if request.question.qclass == RRClass.IN:
        return None
    error = ExtendedError(Ede.NOT_SUPPORTED, "class")
    return Answer(Rcode.REFUSED, extended_errors=(error,), source=Source.REFUSED)


def question_type(request: Request) -> Handled:
    """Types that can be asked for: data, and ANY."""
    qtype = request.question.qtype
    if qtype == RRType.ANY or qtype not in META_TYPES:
        return None
    if qtype in _TRANSFER_TYPES:
        error = ExtendedError(Ede.PROHIBITED, "transfers are closed")
        return Answer(Rcode.REFUSED, extended_errors=(error,), source=Source.REFUSED)
    if qtype in _OBSOLETE_TYPES:
        return Answer(Rcode.NOTIMP)
    error = ExtendedError(Ede.INVALID_QUERY_TYPE, show_type(qtype))
    return Answer(Rcode.FORMERR, extended_errors=(error,))
