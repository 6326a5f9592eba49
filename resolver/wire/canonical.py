"""Record data in canonical form: the names inside it in lower case.

Two records whose data have the same canonical form are one record, and signatures and digests of
zones are made over that form.

Knows: RFC 4034 section 6.2, RFC 6840 section 5.1 (NSEC and HINFO keep their case, the signer in an
RRSIG does not), RFC 3597 section 7. Does not know: owners, TTLs, the order of records.
"""

from typing import Final

from resolver.codes import RRType
from resolver.wire.rdata import SHAPES, Shape

# Types whose names are folded: those of the list in RFC 4034 section 6.2 as RFC 6840 corrects it.
# Later types are opaque to it (RFC 3597 section 7), whatever names they hold.
FOLDED: Final[dict[int, Shape]] = {
    int(rrtype): SHAPES[rrtype]
    for rrtype in (
        RRType.NS,
        RRType.MD,
        RRType.MF,
        RRType.CNAME,
        RRType.SOA,
        RRType.MB,
        RRType.MG,
        RRType.MR,
        RRType.PTR,
        RRType.MINFO,
        RRType.MX,
        RRType.RP,
        RRType.AFSDB,
        RRType.RT,
        RRType.SIG,
        RRType.PX,
        RRType.NXT,
        RRType.NAPTR,
        RRType.KX,
        RRType.SRV,
        RRType.DNAME,
        RRType.RRSIG,
    )
}
_ONE_NAME: Final = Shape(names=1)


def canonical_rdata(rrtype: int, rdata: bytes) -> bytes:
    """Rdata, uncompressed, with its names in lower case where the type asks for that.

    Data that does not have the shape of its type is returned as it is.
    """
    shape = FOLDED.get(rrtype)
    if shape is None:
        return rdata
    if shape == _ONE_NAME:
        return rdata.lower()
    at = shape.head
    end = at
    try:
        for _ in range(shape.strings):
            end = at = at + rdata[at] + 1
        for _ in range(shape.names):
            while rdata[end]:
                end += rdata[end] + 1
            end += 1
    except IndexError:
        return rdata
    return rdata[:at] + rdata[at:end].lower() + rdata[end:]
