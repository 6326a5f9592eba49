"""DNS cookies that we give to clients: proof that an address is not forged.

A server cookie is made of the client's cookie, its address and the time, and of a secret that all
servers behind one name may share: each accepts what another has made, and so do other products with
the same secret. Nothing is remembered of a client but what saves making the same cookie again.

Secrets change in three steps, one server after the other (RFC 9018 section 5): the new secret is
added behind the old one, so that it is accepted everywhere; is put first, so that cookies are made
with it; and an hour later the old one is taken out.

Knows: RFC 7873 sections 4 and 5.2, RFC 9018 sections 4 and 5. Does not know: messages, the disk.
"""

import hmac
from collections.abc import Sequence
from typing import Final, NamedTuple

from resolver.clock import Clock
from resolver.codes import EdnsOption
from resolver.wire.siphash import KEY_OCTETS, siphash24

SECRET_OCTETS: Final = KEY_OCTETS
MAX_AGE_S: Final = 3600  # RFC 9018 section 4.3, like the two that follow
MAX_AHEAD_S: Final = 300
RENEW_AFTER_S: Final = 1800

# A client repeats itself: judging 24 octets costs a hash, finding the verdict a tenth of that.
# Forged addresses must not cost memory, so verdicts are forgotten all at once.
MAX_REMEMBERED = 8192
REMEMBERED_S: Final = 60

_CLIENT_OCTETS = 8
_FULL_OCTETS = 24
_VERSION_AND_RESERVED = b"\1\0\0\0"
_OPTION_HEAD = int(EdnsOption.COOKIE).to_bytes(2, "big") + _FULL_OCTETS.to_bytes(2, "big")


class Verdict(NamedTuple):
    """What a client's cookie is worth. `option` is the whole COOKIE option of the reply, with code
    and length; `valid` tells that the client has seen a reply of ours at its address."""

    valid: bool
    option: bytes


class ServerCookies:
    """Makes and judges cookies. The first of `secrets` (16 octets each) makes them, all are
    accepted. `required` asks for a valid one from UDP clients that send cookies at all."""

    __slots__ = ("_clock", "_forget_at", "_remembered", "_secrets", "required")

    def __init__(self, secrets: Sequence[bytes], clock: Clock, *, required: bool = False) -> None:
        self._secrets = tuple(secrets)
        self._clock = clock
        self.required = required
        self._remembered: dict[bytes, Verdict] = {}
        self._forget_at = 0.0

    def judge(self, data: bytes, peer: bytes) -> Verdict:
        """The verdict on the data of a COOKIE option, 8 or 16 to 40 octets, from this packed
        address."""
        now = self._clock.now()
        if now >= self._forget_at or len(self._remembered) >= MAX_REMEMBERED:
            self._remembered.clear()
            self._forget_at = now + REMEMBERED_S
        key = peer + data
        verdict = self._remembered.get(key)
        if verdict is None:
            verdict = self._remembered[key] = self._judge(data, peer)
        return verdict

    def _judge(self, data: bytes, peer: bytes) -> Verdict:
        wall_s = int(self._clock.wall()) & 0xFFFFFFFF
        client = data[:_CLIENT_OCTETS]
        maker = self._maker(data, peer, wall_s)
        if maker == 0 and _is_fresh(data, wall_s):
            return Verdict(True, _OPTION_HEAD + data)
        head = client + _VERSION_AND_RESERVED + wall_s.to_bytes(4, "big")
        made = head + siphash24(self._secrets[0], head + peer)
        return Verdict(maker is not None, _OPTION_HEAD + made)

    def _maker(self, data: bytes, peer: bytes, wall_s: int) -> int | None:
        """Which secret the cookie was made with, None if it is too old or none of ours."""
        if len(data) != _FULL_OCTETS or data[8] != _VERSION_AND_RESERVED[0]:
            return None
        if not -MAX_AHEAD_S <= _age_s(data, wall_s) <= MAX_AGE_S:
            return None
        for i, secret in enumerate(self._secrets):
            # Reserved octets are hashed as they came (RFC 9018 section 4.2).
            if hmac.compare_digest(siphash24(secret, data[:16] + peer), data[16:]):
                return i
        return None


def _age_s(data: bytes, wall_s: int) -> int:
    """Seconds since the cookie was made, by serial number arithmetic (RFC 1982): the time stamp
    wraps in 2106."""
    age_s = wall_s - int.from_bytes(data[12:16], "big") & 0xFFFFFFFF
    return age_s if age_s < 0x80000000 else age_s - 0x100000000


def _is_fresh(data: bytes, wall_s: int) -> bool:
    """Whether the client may keep the cookie that it has."""
    return data[8:12] == _VERSION_AND_RESERVED and 0 <= _age_s(data, wall_s) <= RENEW_AFTER_S
