"""Who is answering: `id.server`, `hostname.bind`, `version.bind`, `version.server` in class CHAOS
(RFC 4892). What the operator does not tell is refused."""

from typing import Final

from resolver import names
from resolver.codes import Rcode, RRClass, RRType
from resolver.model import Answer, RRset, Source
from resolver.serve.request import Handled, Identity, Request

_IDENTITY_NAMES: Final = (names.read("id.server."), names.read("hostname.bind."))
_VERSION_NAMES: Final = (names.read("version.bind."), names.read("version.server."))
_TXT_TYPES: Final = (RRType.TXT, RRType.ANY)
MAX_STRING_OCTETS: Final = 255  # RFC 1035 section 3.3


class Chaos:
    """The handler of class CHAOS."""

    def __init__(self, identity: Identity) -> None:
        self._texts = dict.fromkeys(_IDENTITY_NAMES, identity.nsid)
        self._texts.update(dict.fromkeys(_VERSION_NAMES, identity.version))

    def __call__(self, request: Request) -> Handled:
        """One TXT record with TTL 0, or REFUSED."""
        question = request.question
        if question.qclass != RRClass.CH:
            return None
        qname = question.qname
        text = self._texts.get(qname.lower(), "")
        if not text or question.qtype not in _TXT_TYPES:
            return Answer(Rcode.REFUSED, source=Source.CHAOS)
        data = text.encode()[:MAX_STRING_OCTETS]
        rrset = RRset(qname, RRType.TXT, RRClass.CH, 0, (bytes((len(data),)) + data,))
        return Answer(Rcode.NOERROR, [rrset], authoritative=True, source=Source.CHAOS)
