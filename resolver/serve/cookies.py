"""The handler of cookies: looks at the one that came, and puts ours into the reply.

Who has a valid one is no forged address. Who has not gets its answer all the same, with a cookie
for the next time; unless cookies are required, then it gets BADCOOKIE, and asks again with ours.

Knows: RFC 7873 sections 5.2 and 5.4. Does not know: how cookies are made (policy/cookies.py).
"""

from typing import Final

from resolver.codes import EdnsOption, Opcode, Rcode
from resolver.errors import WireError
from resolver.model import Answer, EdnsOptionValue
from resolver.policy.cookies import ServerCookies
from resolver.serve.request import Handled, Request
from resolver.wire.edns import cookie

_OPTION_HEAD_OCTETS: Final = 4


class CookieCheck:
    """Judges the cookie of every request, whatever it asks for."""

    def __init__(self, cookies: ServerCookies) -> None:
        self._cookies = cookies

    def __call__(self, request: Request) -> Handled:
        """An answer when the cookie is malformed, missing its better half, or all there is."""
        edns = request.message.edns
        if edns is None or edns.version:
            return None
        try:
            found = cookie(edns)
        except WireError:
            return Answer(Rcode.FORMERR)  # RFC 7873 section 5.2.2
        if found is None:
            return None
        verdict = self._cookies.judge(found.client + found.server, request.peer)
        data = verdict.option[_OPTION_HEAD_OCTETS:]
        request.options += (EdnsOptionValue(EdnsOption.COOKIE, data),)
        request.cookie = verdict
        # TCP has shown that the address is real (RFC 7873 section 5.2.3), and so has a signature.
        doubtful = not verdict.valid and not request.stream and request.key is None
        if doubtful and self._cookies.required:
            return Answer(Rcode.BADCOOKIE)
        if request.message.opcode == Opcode.QUERY and not request.message.questions:
            # Only a cookie was wanted (section 5.4).
            return Answer(Rcode.BADCOOKIE if found.server and not verdict.valid else Rcode.NOERROR)
        return None
