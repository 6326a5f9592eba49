"""DNS cookies towards other servers (RFC 7873, the client's side).

Each server sees a client cookie of its own, made from its address, ours and a secret, so that it
tells nobody who we are elsewhere (RFC 9018 section 3). Whoever forges a response without having
seen the query has to guess 64 bits more, as soon as the server is known to send cookies: what comes
without ours is then not believed over UDP (RFC 7873 section 5.3).

Knows: the option, which servers know it. Does not know: sockets, engines, what else a message says.
"""

from enum import Enum
from hashlib import blake2b
from typing import Final

from resolver.codes import EdnsOption
from resolver.model import Address, Edns
from resolver.native import mypyc_attr

# Servers remembered; one that is forgotten gets the same client cookie again. When there are too
# many the oldest are given up, a few hundred at once, so that it seldom happens.
MAX_SERVERS = 10_000
GIVEN_UP_AT_ONCE: Final = 500
CLIENT_OCTETS: Final = 8
SECRET_OCTETS: Final = 32
# Client cookie alone, or with 8 to 32 octets of the server's (RFC 7873 section 4).
_WITH_SERVER_COOKIE: Final = range(16, 41)
_COOKIE: Final = int(EdnsOption.COOKIE)


class CookieCheck(Enum):
    """What the cookie of a response says about it."""

    FINE = "fine"
    MISSING = "missing"
    WRONG = "wrong"


@mypyc_attr(acyclic=True)
class ServerCookie:
    """What one server and one of our addresses have said to each other. `option` is the whole
    option to send; `expected` once the server has repeated our cookie."""

    __slots__ = ("_bare", "_client", "_filled", "expected", "option")

    def __init__(self, client: bytes) -> None:
        self._client = client
        self.expected = False
        self.option = _option(client)
        self._bare = self._filled = b""

    def into(self, opt: bytes) -> bytes:
        """The same OPT record, which has no options yet, with this one."""
        if opt != self._bare:
            self._bare = opt
            # It ends with the length of its options.
            self._filled = opt[:-2] + len(self.option).to_bytes(2, "big") + self.option
        return self._filled

    def check(self, edns: Edns | None, *, stream: bool) -> CookieCheck:
        """Judge the cookie of a response, and learn the server's part if ours is right.

        Only a response over a stream, which is hard to forge, can say that the server sends
        cookies no more.
        """
        data = _find(edns)
        if data is None:
            if stream:
                self.expected = False
                self._send(self._client)
            return CookieCheck.MISSING if self.expected else CookieCheck.FINE
        octets = len(data)
        is_whole = octets == CLIENT_OCTETS or octets in _WITH_SERVER_COOKIE
        if not is_whole or not data.startswith(self._client):
            return CookieCheck.WRONG
        self.expected = True
        if octets > CLIENT_OCTETS and not self.option.endswith(data):
            self._send(data)
        return CookieCheck.FINE

    def _send(self, data: bytes) -> None:
        self.option = _option(data)
        self._bare = b""


class Cookies:
    """The cookies of all servers. `secret` must be drawn anew by every process."""

    __slots__ = ("_known", "_last", "_last_own", "_last_server", "_secret", "_servers")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # By our address first: a key of both would be made and hashed for each query.
        self._known: dict[str, dict[Address, ServerCookie]] = {}
        self._servers = 0
        # Who was asked last: those that are asked together are mostly one.
        self._last_server: Address | None = None
        self._last_own = ""
        self._last: ServerCookie | None = None

    def __len__(self) -> int:
        return self._servers

    def of(self, server: Address, own: str) -> ServerCookie:
        """The cookie for a server that is asked from our address `own`."""
        known = self._last
        if known is None or server is not self._last_server or own is not self._last_own:
            servers = self._known.get(own)
            known = None if servers is None else servers.get(server)
            if known is None:
                known = self._get_to_know(server, own)
            self._last, self._last_server, self._last_own = known, server, own
        return known

    def _get_to_know(self, server: Address, own: str) -> ServerCookie:
        if self._servers >= MAX_SERVERS:
            fullest = max(self._known.values(), key=len)
            for oldest in list(fullest)[:GIVEN_UP_AT_ONCE]:
                del fullest[oldest]
                self._servers -= 1
            self._known = {ours: servers for ours, servers in self._known.items() if servers}
        text = f"{own} {server.ip}".encode()
        client = blake2b(text, key=self._secret, digest_size=CLIENT_OCTETS).digest()
        known = self._known.setdefault(own, {})[server] = ServerCookie(client)
        self._servers += 1
        return known


def _find(edns: Edns | None) -> bytes | None:
    """The data of the first COOKIE option: all others are ignored (RFC 7873 section 5.3)."""
    if edns is not None:
        for code, data in edns.options:
            if code == _COOKIE:
                return data
    return None


def _option(data: bytes) -> bytes:
    return _COOKIE.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data
