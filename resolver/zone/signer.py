"""Signs RRsets of a zone that its signer could not know of: what is made while an answer is.

A signature is made when it is first asked for and kept as long as half of its life is left; the
same records with the same TTL have the same signature. What signing may cost is bounded for all
zones together, because who asks may have a hand in what is to be signed. A key only signs for a
version of the zone whose DNSKEY records have it.

Knows: RFC 4034 sections 2.1 and 3.1, RFC 4035 section 2.2, RFC 6840 section 5.11. Does not know:
what is signed and why, messages, the disk.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from cachetools import LRUCache

from resolver import names
from resolver.clock import Clock
from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.wire.rrsig import head, key_tag, signed_octets
from resolver.zone.content import Zone
from resolver.zone.private_key import PrivateKey

# Clocks of validators may be behind ours, or an hour off for the lack of summer time.
BACKDATED_S: Final = 3600
# A finished packet may be served for a day after it was made (serve/service.py).
LEAST_LEFT_S: Final = 90_000
# Seconds of signing in a second, and the most that may be saved up for a busy one.
WORK_SHARE: Final = 0.1
SAVED_WORK_S: Final = 0.5
MAX_KEPT: Final = 10_000

_DNSKEY: Final = int(RRType.DNSKEY)
_RRSIG: Final = int(RRType.RRSIG)
# Flags of a DNSKEY (RFC 4034 section 2.1.1, RFC 5011 section 7), and its one protocol.
_ZONE_KEY: Final = 0x0100
_REVOKED: Final = 0x0080
_ENTRY_POINT: Final = 0x0001
_PROTOCOL: Final = 3


class CannotSignError(Exception):
    """There is no signature to be had now, and why."""


class Ended(NamedTuple):
    """A signature as it goes into an RRSIG, and when it expires, in seconds since 1970."""

    rdata: bytes
    expires: int


class Signatures:
    """Signatures that were made, and what making more may cost; shared by zones."""

    def __init__(self, clock: Clock, *, share: float = WORK_SHARE) -> None:
        self.made = 0
        self._clock = clock
        self._share = share
        self._left_s = SAVED_WORK_S
        self._since = clock.now()
        self._kept: LRUCache[object, Ended] = LRUCache(MAX_KEPT)

    def find(
        self, what: object, validity_s: float, cost_s: float, make: Callable[[int, int], bytes]
    ) -> bytes:
        """The data of the signature of something hashable: a kept one, or that which `make` makes
        with this inception and expiration. Raises CannotSignError."""
        now = int(self._clock.wall())
        kept = self._kept.get(what)
        left_s = 0 if kept is None else kept.expires - now
        if kept is not None and validity_s / 2 < left_s <= validity_s:
            return kept.rdata
        if not self._may_work(cost_s):
            # An older one is good enough for now, but not near its end.
            if kept is not None and LEAST_LEFT_S < left_s <= validity_s:
                return kept.rdata
            raise CannotSignError("too many signatures are asked for at once")
        expires = now + int(validity_s)
        made = Ended(make(now - BACKDATED_S, expires), expires)
        self._kept[what] = made
        self.made += 1
        return made.rdata

    def _may_work(self, cost_s: float) -> bool:
        """Whether there is time for so much work, which is taken then. A piece that is longer than
        what can be saved up is paid for afterwards."""
        now = self._clock.now()
        earned_s = max(0.0, now - self._since) * self._share
        self._since = now
        self._left_s = min(SAVED_WORK_S, self._left_s + earned_s)
        if self._left_s <= 0.0:
            return False
        self._left_s -= cost_s
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, and the file that it is from."""

    file: str
    private: PrivateKey


class KeyFault(NamedTuple):
    """Why a key cannot sign for a version of a zone."""

    file: str
    reason: str


class Signer:
    """The keys of one zone at work. `lent` are signatures of records that others have a say in,
    `denials` of what is the zone's own, so that the first cannot use up the time of the second."""

    def __init__(
        self,
        keys: Sequence[SigningKey],
        validity_s: float,
        *,
        lent: Signatures,
        denials: Signatures,
    ) -> None:
        self.keys = tuple(keys)
        self._validity_s = validity_s
        self.lent = lent
        self.denials = denials
        self._seen: RRset | None = None
        self._tags: list[tuple[PrivateKey, int]] = []

    def faults(self, zone: Zone) -> list[KeyFault]:
        """All that keeps the keys from signing for this version."""
        return faults(self.keys, zone)

    def fits(self, zone: Zone) -> bool:
        """Whether the keys are those of this version."""
        dnskeys = zone.apex.rrsets.get(_DNSKEY)
        if dnskeys is None:
            return False
        if dnskeys is not self._seen:
            fit = not faults(self.keys, zone)
            self._tags = [
                (key.private, key_tag(rdata))
                for key in self.keys
                for rdata in dnskeys.rdatas
                if fit and _is_of(key.private, rdata)
            ]
            self._seen = dnskeys
        return bool(self._tags)

    def sign(self, zone: Zone, rrset: RRset, kept: Signatures) -> RRset:
        """The signatures of an RRset, whose owner is where it stands in the zone (a wildcard as
        itself) and whose TTL is the original one. Raises CannotSignError."""
        if not self.fits(zone):
            raise CannotSignError("the keys to sign with are not those of the zone")
        rdatas = tuple(self._signatures(zone, rrset, kept))
        return RRset(rrset.owner, _RRSIG, RRClass.IN, rrset.ttl, rdatas)

    def _signatures(self, zone: Zone, rrset: RRset, kept: Signatures) -> Iterator[bytes]:
        owner = rrset.owner.lower()
        content = frozenset(rrset.rdatas)
        for key, tag in self._tags:

            def make(
                inception: int, expiration: int, key: PrivateKey = key, tag: int = tag
            ) -> bytes:
                told = head(
                    rrset,
                    zone.origin,
                    (key.algorithm, tag),
                    inception=inception,
                    expiration=expiration,
                )
                return told + key.sign(signed_octets(told, rrset))

            what = (zone.origin, key.public, tag, owner, rrset.rrtype, rrset.ttl, content)
            yield kept.find(what, self._validity_s, key.cost_s, make)


def faults(keys: Sequence[SigningKey], zone: Zone) -> list[KeyFault]:
    """All that keeps keys from signing for a version: each must be a zone signing key in its DNSKEY
    records, and every algorithm there must be among them."""
    rrset = zone.apex.rrsets.get(_DNSKEY)
    dnskeys = () if rrset is None else rrset.rdatas
    found = [
        KeyFault(key.file, reason)
        for key in keys
        if (reason := _fault(key.private, dnskeys, names.show(zone.origin)))
    ]
    known = {key.private.algorithm for key in keys}
    missing = {rdata[3] for rdata in dnskeys if _signs(rdata)} - known
    if missing and not found:
        listed = ", ".join(map(str, sorted(missing)))
        shown = names.show(zone.origin)
        reason = f"{shown} has DNSKEY records of algorithm {listed}, too: name a key of each"
        found.append(KeyFault(keys[0].file if keys else "", f"{reason} (RFC 4035 section 2.2)"))
    return found


def _fault(key: PrivateKey, dnskeys: Sequence[bytes], zone: str) -> str:
    matching = [rdata for rdata in dnskeys if _is_of(key, rdata)]
    if not matching:
        return f"not the key of any DNSKEY record of {zone}"
    signing = [rdata for rdata in matching if _signs(rdata)]
    if not signing:
        return f"its DNSKEY record in {zone} is not that of a key that signs zones, or is revoked"
    others = [rdata for rdata in dnskeys if _signs(rdata) and rdata[3] == key.algorithm]
    if not any(_is_plain(rdata) for rdata in signing) and any(map(_is_plain, others)):
        return f"a key signing key of {zone} (flags 257): name a zone signing key (flags 256)"
    return ""


def _is_of(key: PrivateKey, dnskey: bytes) -> bool:
    return dnskey[3] == key.algorithm and dnskey[4:] == key.public


def _signs(dnskey: bytes) -> bool:
    flags = dnskey[0] << 8 | dnskey[1]
    return flags & (_ZONE_KEY | _REVOKED) == _ZONE_KEY and dnskey[2] == _PROTOCOL


def _is_plain(dnskey: bytes) -> bool:
    """Whether it is no entry point: where there is none but entry points they sign everything."""
    return not dnskey[1] & _ENTRY_POINT
