"""What the doctor looks at in a signed zone: the way from the parent's DS to its keys, and how long
its signatures last.

Knows: RFC 4034 sections 2.1, 3.1 and 5.1, RFC 4509 and 6605 (digests). Does not know:
whether a signature is right.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from resolver.codes import RRType
from resolver.doctor.diagnosis import Findings
from resolver.wire.rrsig import key_tag
from resolver.zone.content import Zone

DAY_S: Final = 86_400
# Warned before the last weekend.
SIGNATURES_LEFT_DAYS: Final = 3

_EXPIRATION: Final = slice(8, 12)  # in the data of an RRSIG
_DIGESTS: Final[dict[int, Callable[[bytes], "hashlib._Hash"]]] = {
    1: hashlib.sha1,
    2: hashlib.sha256,
    4: hashlib.sha384,
}


def check_signatures(zone: Zone, findings: Findings, wall_s: float) -> None:
    """How long the signatures at the top of the zone are good for. `wall_s` since the epoch."""
    left_s = [
        seconds_until(rdata, wall_s)
        for rrset in zone.apex.signatures.values()
        for rdata in rrset.rdatas
    ]
    if not left_s:
        return
    days = min(left_s) / DAY_S
    remedy = "Sign the zone again, and find out why that did not happen by itself."
    if days < 0:
        findings.error(
            "signatures-expired", f"signatures expired {-days:.1f} days ago: bogus", remedy
        )
    elif days < SIGNATURES_LEFT_DAYS:
        findings.warning("signatures-expire", f"signatures expire in {days:.1f} days", remedy)


def check_chain(zone: Zone, ds: tuple[bytes, ...], findings: Findings) -> None:
    """Whether the parent's DS records and the zone's keys fit together."""
    keys = [rdata for rrset in zone.apex.of_type(RRType.DNSKEY) for rdata in rrset.rdatas]
    if ds and not keys:
        findings.error(
            "ds-without-key",
            "the parent has DS records, but the zone is not signed: bogus for who validates",
            "Have the DS records removed from the parent, or sign the zone.",
        )
    elif ds and not any(fits(zone.origin, key, one) for key in keys for one in ds):
        tags = ", ".join(str(int.from_bytes(one[:2], "big")) for one in ds)
        findings.error(
            "ds-without-key",
            f"no key of the zone fits the parent's DS records (key tags {tags}): bogus for who"
            " validates",
            "Give the parent the DS of a key that signs the zone.",
        )
    elif zone.signed and not ds:
        findings.note(
            "no-ds",
            "the zone is signed, but the parent has no DS record: nobody validates it",
            "Give the parent the DS record of the zone's key, once it is meant to be validated.",
        )


def seconds_until(rrsig: bytes, wall_s: float) -> float:
    """How long a signature is good for, in the serial arithmetic of RFC 4034 section 3.1.5."""
    left = (int.from_bytes(rrsig[_EXPIRATION], "big") - int(wall_s)) & 0xFFFFFFFF
    return left - (1 << 32) if left >= 1 << 31 else left


def fits(origin: bytes, dnskey: bytes, ds: bytes) -> bool:
    """Whether a DS record is of this key: tag, algorithm and digest. One with a digest that is not
    known here may be (RFC 4034 section 5.1)."""
    tag, algorithm, kind = int.from_bytes(ds[:2], "big"), ds[2], ds[3]
    if tag != key_tag(dnskey) or algorithm != dnskey[3]:
        return False
    digest = _DIGESTS.get(kind)
    return digest is None or digest(origin + dnskey).digest() == ds[4:]
