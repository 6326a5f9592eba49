"""Shapes of record data: where names are, and which lengths are fixed.

One table for the whole package. A type that is not in it is carried as it came (RFC 3597 section
3). Names inside the types of RFC 1035 may be compressed on the way out, no others may (RFC 3597
section 4); on the way in we read compressed names in every type of the table, which includes all
that RFC 3597 section 4 lists, so that what the rest of the package sees never holds a pointer.

Knows: shapes. Does not know: presentation format (wire/text.py), nor how names are read or written.
"""

from typing import Final

from resolver.codes import RRType
from resolver.native import mypyc_attr


@mypyc_attr(acyclic=True)
class Shape:
    """Record data as `head` octets, `strings` character-strings, `names` names, `tail` octets.

    A `tail` of None stands for any number of octets, so a shape without names and tail gives the
    least length of a type.
    """

    __slots__ = ("head", "names", "strings", "tail")

    def __init__(
        self, head: int = 0, names: int = 0, tail: int | None = 0, strings: int = 0
    ) -> None:
        self.head = head
        self.names = names
        self.tail = tail
        self.strings = strings


_NAME: Final = Shape(names=1)
_TWO_NAMES: Final = Shape(names=2)
_PREFERENCE_NAME: Final = Shape(head=2, names=1)
_SIGNATURE: Final = Shape(head=18, names=1, tail=None)
_NAME_AND_MORE: Final = Shape(names=1, tail=None)
_SERVICE: Final = Shape(head=2, names=1, tail=None)
_LEAST_4: Final = Shape(head=4, tail=None)

# RFC 1035 section 3.3: the only types whose names are compressed on the way out.
COMPRESSIBLE: Final[dict[int, Shape]] = {
    RRType.NS: _NAME,
    RRType.MD: _NAME,
    RRType.MF: _NAME,
    RRType.CNAME: _NAME,
    RRType.SOA: Shape(names=2, tail=20),
    RRType.MB: _NAME,
    RRType.MG: _NAME,
    RRType.MR: _NAME,
    RRType.PTR: _NAME,
    RRType.MINFO: _TWO_NAMES,
    RRType.MX: _PREFERENCE_NAME,
}

SHAPES: Final[dict[int, Shape]] = {
    **COMPRESSIBLE,
    # Later types that RFC 3597 section 4 wants decompressed, and those that share their form.
    RRType.RP: _TWO_NAMES,  # RFC 1183 section 2.2
    RRType.AFSDB: _PREFERENCE_NAME,  # RFC 1183 section 1
    RRType.RT: _PREFERENCE_NAME,  # RFC 1183 section 3.3
    RRType.NSAP_PTR: _NAME,  # RFC 1348
    RRType.SIG: _SIGNATURE,  # RFC 2535 section 4.1
    RRType.PX: Shape(head=2, names=2),  # RFC 2163 section 4
    RRType.NXT: _NAME_AND_MORE,  # RFC 2535 section 5.2
    RRType.SRV: Shape(head=6, names=1),  # RFC 2782
    RRType.NAPTR: Shape(head=4, strings=3, names=1),  # RFC 3403 section 4.1
    RRType.KX: _PREFERENCE_NAME,  # RFC 2230 section 3.1
    RRType.DNAME: _NAME,  # RFC 6672 section 2.1
    # Types whose names are never compressed; read here so that their bounds are known to be right.
    RRType.RRSIG: _SIGNATURE,  # RFC 4034 section 3.1
    RRType.NSEC: _NAME_AND_MORE,  # RFC 4034 section 4.1
    RRType.SVCB: _SERVICE,  # RFC 9460 section 2.2
    RRType.HTTPS: _SERVICE,  # RFC 9460 section 9
    RRType.DSYNC: Shape(head=5, names=1),  # RFC 9859
    RRType.LP: _PREFERENCE_NAME,  # RFC 6742 section 2.4.1
    RRType.TKEY: _NAME_AND_MORE,  # RFC 2930 section 2
    RRType.TSIG: _NAME_AND_MORE,  # RFC 8945 section 4.2
    # Types without names whose length the rest of the package relies on.
    RRType.A: Shape(head=4),  # RFC 1035 section 3.4.1, class IN
    RRType.AAAA: Shape(head=16),  # RFC 3596 section 2.2
    RRType.EUI48: Shape(head=6),  # RFC 7043 section 3.1
    RRType.EUI64: Shape(head=8),  # RFC 7043 section 4.1
    RRType.NID: Shape(head=10),  # RFC 6742 section 2.1.1
    RRType.L32: Shape(head=6),  # RFC 6742 section 2.2.1
    RRType.L64: Shape(head=10),  # RFC 6742 section 2.3.1
    RRType.DS: _LEAST_4,  # RFC 4034 section 5.1
    RRType.CDS: _LEAST_4,  # RFC 7344 section 3.1
    RRType.DNSKEY: _LEAST_4,  # RFC 4034 section 2.1
    RRType.CDNSKEY: _LEAST_4,  # RFC 7344 section 3.2
    RRType.NSEC3: Shape(head=4, strings=2, tail=None),  # RFC 5155 section 3.2
    RRType.NSEC3PARAM: Shape(head=4, strings=1),  # RFC 5155 section 4.2
}

# Types of one length, which need no closer look than that length.
FIXED_OCTETS: Final[dict[int, int]] = {
    rrtype: shape.head
    for rrtype, shape in SHAPES.items()
    if shape.tail == 0 and not shape.names and not shape.strings
}

# The same of the first types, by type, to be looked up faster; other entries are ANY_OCTETS, or
# A_NAME for data that is a name and nothing else.
FIRST_TYPES: Final = 256
A_NAME: Final = 254
ANY_OCTETS: Final = 255
OCTETS: Final = bytes(
    A_NAME if SHAPES.get(rrtype) is _NAME else FIXED_OCTETS.get(rrtype, ANY_OCTETS)
    for rrtype in range(FIRST_TYPES)
)
