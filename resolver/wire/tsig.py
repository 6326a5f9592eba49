"""TSIG: messages signed with a shared secret, single ones and whole streams of them.

A server gives each request to `verify_request` and signs its replies with a `Signer` that knows the
request's MAC; a client signs its query with a `Signer` and gives every reply to a `Verifier`. Time
is an argument (seconds since the Unix epoch); MACs are compared in constant time.

Knows: RFC 8945. Does not know: where secrets are kept, who may do what, or what is in a message
beside its header and its last record. Messages keep their TSIG record when they are parsed; nobody
but this module looks into it.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from resolver import names
from resolver.codes import Rcode, RRClass
from resolver.errors import WireError
from resolver.wire.tsig_record import (
    ADDITIONALS_AT,
    FIXED_OCTETS,
    HEADER_OCTETS,
    TIME_OCTETS,
    Tsig,
    append,
    find,
)

FUDGE_S = 300  # RFC 8945 section 10 recommends it
LEAST_MAC_OCTETS = 10  # RFC 8945 section 5.2.2.1, and half of what the hash gives
MAX_UNSIGNED_MESSAGES = 99  # in a row, in what we receive (RFC 8945 section 5.3.1)

_U16 = Struct("!H")
_CLASS_AND_TTL = Struct("!HI").pack(RRClass.ANY, 0)


class TsigError(IntEnum):
    """What is wrong with a signature (RFC 8945 section 3). As an rcode, 16 is BADVERS."""

    BADSIG = 16
    BADKEY = 17
    BADTIME = 18
    BADTRUNC = 22


_UNSIGNED_ERRORS = (TsigError.BADKEY, TsigError.BADSIG)
_ERROR_NAMES = {int(error): error.name for error in TsigError}


class Algorithm(NamedTuple):
    """A keyed hash: its name on the wire, the hash of hashlib, and the octets of a whole MAC."""

    name: bytes
    digest: str
    octets: int


# RFC 8945 section 6. MD5 and SHA-1 are for peers that know nothing better.
ALGORITHMS: dict[str, Algorithm] = {
    text: Algorithm(names.read(wire), digest, octets)
    for text, wire, digest, octets in (
        ("hmac-md5", "hmac-md5.sig-alg.reg.int.", "md5", 16),
        ("hmac-sha1", "hmac-sha1.", "sha1", 20),
        ("hmac-sha224", "hmac-sha224.", "sha224", 28),
        ("hmac-sha256", "hmac-sha256.", "sha256", 32),
        ("hmac-sha256-128", "hmac-sha256-128.", "sha256", 16),
        ("hmac-sha384", "hmac-sha384.", "sha384", 48),
        ("hmac-sha384-192", "hmac-sha384-192.", "sha384", 24),
        ("hmac-sha512", "hmac-sha512.", "sha512", 64),
        ("hmac-sha512-256", "hmac-sha512-256.", "sha512", 32),
    )
}


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that two servers share, under a lower-case name.

    `mac_octets` is how much of a MAC is sent and the least that is accepted; 0 is all of it.
    Raises ValueError for a length that RFC 8945 section 5.2.2.1 forbids, and for an empty secret.
    """

    name: bytes
    algorithm: Algorithm
    secret: bytes = field(repr=False)
    mac_octets: int = 0

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("the secret is empty")
        if self.mac_octets and not self.least_octets <= self.mac_octets <= self.algorithm.octets:
            raise ValueError(
                f"a MAC of this algorithm has {self.least_octets} to {self.algorithm.octets} "
                f"octets, not {self.mac_octets}"
            )

    @property
    def least_octets(self) -> int:
        """The shortest MAC that any policy may allow (RFC 8945 section 5.2.2.1)."""
        return max(LEAST_MAC_OCTETS, (self.algorithm.octets + 1) // 2)

    @property
    def wanted_octets(self) -> int:
        """The shortest MAC that is good enough for this key."""
        return self.mac_octets or self.algorithm.octets

    @property
    def record_octets(self) -> int:
        """The longest TSIG record this key makes: what a message must leave free for it."""
        fixed = FIXED_OCTETS + TIME_OCTETS
        return len(self.name) + len(self.algorithm.name) + fixed + self.algorithm.octets


class Valid(NamedTuple):
    """A request that was signed with `key`; its MAC goes into what signs the reply."""

    key: Key
    mac: bytes

    def signer(self) -> "Signer":
        """What signs the reply, with MACs as long as the request's."""
        return Signer(self.key, self.mac, octets=len(self.mac))


class Rejected(NamedTuple):
    """A request that is answered with NOTAUTH and this TSIG error (RFC 8945 section 5.2). `key` is
    there when the answer is to be signed with it."""

    error: int
    tsig: Tsig
    key: Key | None

    def seal(self, reply: bytes, now_s: float) -> bytes:
        """The error reply with its TSIG record (RFC 8945 sections 5.2.3 and 5.3.2)."""
        tsig = self.tsig
        if self.key is None:
            record = tsig._replace(
                mac=b"", original_id=_U16.unpack_from(reply)[0], error=self.error, other=b""
            )
            return append(reply, record)
        signer = Signer(self.key, tsig.mac)
        if self.error == TsigError.BADTIME:
            # The client's own time, or it could not verify this; ours is in the other data.
            other = int(now_s).to_bytes(TIME_OCTETS, "big")
            return signer.sign(
                reply, tsig.time_s, fudge_s=tsig.fudge_s, error=self.error, other=other
            )
        return signer.sign(reply, now_s, error=self.error)


class Flaw(NamedTuple):
    """Why a reply cannot be trusted. `error` is the TSIG error, ours or the one the server told;
    `server_time_s` is what its clock says when it told BADTIME."""

    error: int
    reason: str
    server_time_s: int | None = None


def verify_request(
    packet: bytes, keys: Mapping[bytes, Key], now_s: float
) -> Valid | Rejected | None:
    """Whether a request is signed, and rightly (RFC 8945 section 5.2); None for an unsigned one.

    Key, MAC, time and length are checked in this order. `keys` is by lower-case name. Raises
    WireError for what is answered with FORMERR.
    """
    tsig = find(packet)
    if tsig is None:
        return None
    key = keys.get(tsig.name)
    if key is None or tsig.algorithm != key.algorithm.name:
        return Rejected(TsigError.BADKEY, tsig, None)
    _check_length(tsig, key)
    digest = _digest(key, b"")
    _add_message(digest, packet, tsig)
    _add_variables(digest, tsig)
    if not _matches(digest, tsig.mac):
        return Rejected(TsigError.BADSIG, tsig, None)
    if abs(int(now_s) - tsig.time_s) > tsig.fudge_s:
        return Rejected(TsigError.BADTIME, tsig, key)
    if len(tsig.mac) < key.wanted_octets:
        return Rejected(TsigError.BADTRUNC, tsig, key)
    return Valid(key, tsig.mac)


class Signer:
    """Signs the messages of one exchange in their order, every one of them (RFC 8945 section
    5.3.1). `mac` is the last MAC made; a client's `Verifier` begins with that of its query."""

    __slots__ = ("_first", "_octets", "key", "mac")

    def __init__(self, key: Key, request_mac: bytes = b"", *, octets: int = 0) -> None:
        self.key = key
        self.mac = request_mac
        self._octets = octets or key.wanted_octets
        self._first = True

    def sign(
        self,
        packet: bytes,
        now_s: float,
        *,
        fudge_s: int = FUDGE_S,
        error: int = 0,
        other: bytes = b"",
    ) -> bytes:
        """The message with a TSIG record behind it; it must have room for `key.record_octets`."""
        key = self.key
        number = _U16.unpack_from(packet)[0]
        tsig = Tsig(
            len(packet),
            key.name,
            key.algorithm.name,
            int(now_s),
            fudge_s,
            b"",
            number,
            error,
            other,
        )
        digest = _digest(key, self.mac)
        digest.update(packet)
        if self._first:
            _add_variables(digest, tsig)
        else:
            digest.update(tsig.timers())
        self._first = False
        self.mac = digest.digest()[: self._octets]
        return append(packet, tsig._replace(mac=self.mac))


class Verifier:
    """Verifies the replies to one signed query, in their order (RFC 8945 sections 5.3.1 and 5.4).

    `request_mac` is that of the query. Nothing of a stream may be used before `signed_to_the_end`
    holds after its last message: what follows the last signature could be anybody's.
    """

    __slots__ = ("_digest", "_first", "_key", "_unsigned")

    def __init__(self, key: Key, request_mac: bytes) -> None:
        self._key = key
        self._digest = _digest(key, request_mac)
        self._first = True
        self._unsigned = 0

    @property
    def signed_to_the_end(self) -> bool:
        """Whether the latest message was signed, and rightly."""
        return not self._first and not self._unsigned

    def verify(self, packet: bytes, now_s: float) -> Flaw | None:
        """What is wrong with the next message; None when it may be used or, unsigned as it is, be
        kept until a later one vouches for it. After a flaw the exchange is over."""
        try:
            tsig = find(packet)
        except WireError as error:
            return Flaw(Rcode.FORMERR, str(error))
        if tsig is None:
            return self._pass_unsigned(packet)
        key = self._key
        if tsig.error in _UNSIGNED_ERRORS and not tsig.mac:
            return Flaw(tsig.error, f"the server answers {_ERROR_NAMES[tsig.error]}")
        if tsig.name != key.name or tsig.algorithm != key.algorithm.name:
            return Flaw(TsigError.BADKEY, "signed with another key or algorithm than the query")
        try:
            _check_length(tsig, key)
        except WireError as error:
            return Flaw(Rcode.FORMERR, str(error))
        _add_message(self._digest, packet, tsig)
        if self._first:
            _add_variables(self._digest, tsig)
        else:
            self._digest.update(tsig.timers())
        if not _matches(self._digest, tsig.mac):
            return Flaw(TsigError.BADSIG, "the signature is wrong")
        self._digest = _digest(key, tsig.mac)
        self._first = False
        self._unsigned = 0
        return _judge(tsig, key, now_s)

    def _pass_unsigned(self, packet: bytes) -> Flaw | None:
        if self._first:
            return Flaw(TsigError.BADSIG, "not signed")
        self._unsigned += 1
        if self._unsigned > MAX_UNSIGNED_MESSAGES:
            return Flaw(TsigError.BADSIG, f"more than {MAX_UNSIGNED_MESSAGES} messages unsigned")
        self._digest.update(packet)
        return None


def _judge(tsig: Tsig, key: Key, now_s: float) -> Flaw | None:
    """What a reply whose MAC is right says against itself."""
    if tsig.error == TsigError.BADTIME and len(tsig.other) == TIME_OCTETS:
        told = int.from_bytes(tsig.other, "big")
        return Flaw(tsig.error, f"the clocks differ by {told - int(now_s)} s", told)
    if tsig.error:
        told_name = _ERROR_NAMES.get(tsig.error, str(tsig.error))
        return Flaw(tsig.error, f"the server answers {told_name}")
    if abs(int(now_s) - tsig.time_s) > tsig.fudge_s:
        return Flaw(TsigError.BADTIME, f"signed {int(now_s) - tsig.time_s} s ago by its clock")
    if len(tsig.mac) < key.wanted_octets:
        return Flaw(TsigError.BADTRUNC, f"a MAC of {len(tsig.mac)} octets is too short")
    return None


# The digest (RFC 8945 section 4.3)


def _digest(key: Key, prior_mac: bytes) -> hmac.HMAC:
    digest = hmac.new(key.secret, digestmod=key.algorithm.digest)
    if prior_mac:
        digest.update(_U16.pack(len(prior_mac)) + prior_mac)
    return digest


def _add_message(digest: hmac.HMAC, packet: bytes, tsig: Tsig) -> None:
    """The message as it was before it was signed (RFC 8945 section 4.3.2)."""
    count = _U16.unpack_from(packet, ADDITIONALS_AT)[0] - 1
    digest.update(_U16.pack(tsig.original_id) + packet[2:ADDITIONALS_AT] + _U16.pack(count))
    digest.update(memoryview(packet)[HEADER_OCTETS : tsig.start])


def _add_variables(digest: hmac.HMAC, tsig: Tsig) -> None:
    """RFC 8945 section 4.3.3."""
    digest.update(tsig.name + _CLASS_AND_TTL + tsig.algorithm + tsig.timers())
    digest.update(_U16.pack(tsig.error) + _U16.pack(len(tsig.other)) + tsig.other)


def _check_length(tsig: Tsig, key: Key) -> None:
    """Raises WireError for a MAC of a length that no policy allows (RFC 8945 section 5.2.2.1)."""
    if not key.least_octets <= len(tsig.mac) <= key.algorithm.octets:
        raise WireError(tsig.start, f"MAC of {len(tsig.mac)} octets")


def _matches(digest: hmac.HMAC, mac: bytes) -> bool:
    return hmac.compare_digest(digest.digest()[: len(mac)], mac)
