"""What a signature over an RRset says and is made over.

Nothing is signed or verified here: whoever holds a key signs the octets of `signed_octets`, and
puts the result behind the octets of `head`.

Knows: RFC 4034 sections 3.1, 6.2 and 6.3 and appendix B, RFC 4035 section 5.3.2. Does not know:
keys but for their number, algorithms, what time it is.
"""

from struct import Struct
from typing import Final

from resolver import names
from resolver.model import RRset
from resolver.wire.canonical import canonical_rdata

_HEAD: Final = Struct(">HBBIIIH")  # type, algorithm, labels, TTL, expiration, inception, key tag
_FIXED: Final = Struct(">HHI")  # type, class, TTL
_U32: Final = 0xFFFFFFFF
_WILDCARD: Final = b"\x01*"


def key_tag(dnskey: bytes) -> int:
    """The number of a key (appendix B), for all algorithms but the first, which is long gone."""
    total = sum(octet << 8 if i % 2 == 0 else octet for i, octet in enumerate(dnskey))
    return (total + (total >> 16)) & 0xFFFF


def head(
    rrset: RRset, signer: bytes, key: tuple[int, int], *, inception: int, expiration: int
) -> bytes:
    """The data of an RRSIG record but for its signature (section 3.1).

    `rrset` has the owner as it stands in the zone, so a wildcard as itself, and the original TTL;
    `key` is algorithm and tag; the times are in seconds since 1970. `signer` is in lower case.
    """
    labels = names.count_labels(rrset.owner) - rrset.owner.startswith(_WILDCARD)
    times = expiration & _U32, inception & _U32
    return _HEAD.pack(rrset.rrtype, key[0], labels, rrset.ttl, *times, key[1]) + signer


def signed_octets(head: bytes, rrset: RRset) -> bytes:
    """What is signed (section 3.1.8.1): the head, then every record in canonical form and order."""
    fixed = rrset.owner.lower() + _FIXED.pack(rrset.rrtype, rrset.rrclass, rrset.ttl)
    rdatas = sorted({canonical_rdata(rrset.rrtype, rdata) for rdata in rrset.rdatas})
    return head + b"".join([fixed + len(rd).to_bytes(2, "big") + rd for rd in rdatas])
