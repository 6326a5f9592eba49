"""The numbers of the protocol, once (IANA "Domain Name System (DNS) Parameters").

Facts carry plain ints, since a peer may send any value; the enums name the ones we know. Hot code
compares with the enum members bound to module constants.
"""

from enum import IntEnum
from typing import Final


class RRType(IntEnum):
    """Record types. Unknown ones stay plain ints and are shown as TYPEn (RFC 3597 section 5)."""

    A = 1
    NS = 2
    MD = 3
    MF = 4
    CNAME = 5
    SOA = 6
    MB = 7
    MG = 8
    MR = 9
    NULL = 10
    WKS = 11
    PTR = 12
    HINFO = 13
    MINFO = 14
    MX = 15
    TXT = 16
    RP = 17
    AFSDB = 18
    X25 = 19
    ISDN = 20
    RT = 21
    NSAP = 22
    NSAP_PTR = 23
    SIG = 24
    KEY = 25
    PX = 26
    GPOS = 27
    AAAA = 28
    LOC = 29
    NXT = 30
    SRV = 33
    NAPTR = 35
    KX = 36
    CERT = 37
    A6 = 38
    DNAME = 39
    OPT = 41
    APL = 42
    DS = 43
    SSHFP = 44
    IPSECKEY = 45
    RRSIG = 46
    NSEC = 47
    DNSKEY = 48
    DHCID = 49
    NSEC3 = 50
    NSEC3PARAM = 51
    TLSA = 52
    SMIMEA = 53
    HIP = 55
    NINFO = 56
    CDS = 59
    CDNSKEY = 60
    OPENPGPKEY = 61
    CSYNC = 62
    ZONEMD = 63
    SVCB = 64
    HTTPS = 65
    DSYNC = 66
    SPF = 99
    NID = 104
    L32 = 105
    L64 = 106
    LP = 107
    EUI48 = 108
    EUI64 = 109
    NXNAME = 128
    TKEY = 249
    TSIG = 250
    IXFR = 251
    AXFR = 252
    MAILB = 253
    MAILA = 254
    ANY = 255
    URI = 256
    CAA = 257
    AVC = 258
    AMTRELAY = 260
    RESINFO = 261
    WALLET = 262
    TA = 32768
    DLV = 32769
    # From the range for private use (RFC 6895 section 3.1), with the number PowerDNS gave it.
    ALIAS = 65401


class RRClass(IntEnum):
    """Record classes. NONE and ANY occur in updates and queries only (RFC 2136 section 2.4)."""

    IN = 1
    CH = 3
    HS = 4
    NONE = 254
    ANY = 255


class Opcode(IntEnum):
    """Kinds of query (RFC 1035 section 4.1.1, RFC 1996, RFC 2136, RFC 8490)."""

    QUERY = 0
    IQUERY = 1
    STATUS = 2
    NOTIFY = 4
    UPDATE = 5
    DSO = 6


class Rcode(IntEnum):
    """Response codes; those above 15 need EDNS (RFC 6891 section 6.1.3) or TSIG to be carried."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10
    DSOTYPENI = 11
    BADVERS = 16
    BADKEY = 17
    BADTIME = 18
    BADMODE = 19
    BADNAME = 20
    BADALG = 21
    BADTRUNC = 22
    BADCOOKIE = 23


class Flag(IntEnum):
    """Bits of the second 16-bit word of the header (RFC 1035 section 4.1.1, RFC 4035 section 3)."""

    QR = 0x8000
    AA = 0x0400
    TC = 0x0200
    RD = 0x0100
    RA = 0x0080
    Z = 0x0040
    AD = 0x0020
    CD = 0x0010


class EdnsOption(IntEnum):
    """EDNS options (RFC 6891 section 6.1.2)."""

    NSID = 3
    CLIENT_SUBNET = 8
    EXPIRE = 9
    COOKIE = 10
    TCP_KEEPALIVE = 11
    PADDING = 12
    CHAIN = 13
    KEY_TAG = 14
    EXTENDED_ERROR = 15
    REPORT_CHANNEL = 18
    ZONEVERSION = 19


class Ede(IntEnum):
    """Extended DNS errors (RFC 8914 section 4 and the IANA registry)."""

    OTHER = 0
    UNSUPPORTED_DNSKEY_ALGORITHM = 1
    UNSUPPORTED_DS_DIGEST_TYPE = 2
    STALE_ANSWER = 3
    FORGED_ANSWER = 4
    DNSSEC_INDETERMINATE = 5
    DNSSEC_BOGUS = 6
    SIGNATURE_EXPIRED = 7
    SIGNATURE_NOT_YET_VALID = 8
    DNSKEY_MISSING = 9
    RRSIGS_MISSING = 10
    NO_ZONE_KEY_BIT_SET = 11
    NSEC_MISSING = 12
    CACHED_ERROR = 13
    NOT_READY = 14
    BLOCKED = 15
    CENSORED = 16
    FILTERED = 17
    PROHIBITED = 18
    STALE_NXDOMAIN_ANSWER = 19
    NOT_AUTHORITATIVE = 20
    NOT_SUPPORTED = 21
    NO_REACHABLE_AUTHORITY = 22
    NETWORK_ERROR = 23
    INVALID_DATA = 24
    SIGNATURE_EXPIRED_BEFORE_VALID = 25
    TOO_EARLY = 26
    UNSUPPORTED_NSEC3_ITERATIONS = 27
    UNABLE_TO_CONFORM_TO_POLICY = 28
    SYNTHESIZED = 29
    INVALID_QUERY_TYPE = 30


# Types that exist only in queries or messages and are never data of a name
# (RFC 6895 section 3.1: QTYPEs and Meta-TYPEs).
META_TYPES: Final = frozenset((RRType.OPT, *range(128, 256)))

_TYPE_NAMES: Final = {int(t): t.name.replace("_", "-") for t in RRType}
_TYPE_NUMBERS: Final = {name: number for number, name in _TYPE_NAMES.items()}
_CLASS_NAMES: Final = {1: "IN", 3: "CH", 4: "HS", 254: "NONE", 255: "ANY"}
_CLASS_NUMBERS: Final = {name: number for number, name in _CLASS_NAMES.items()}
_RCODE_NAMES: Final = {int(r): r.name for r in Rcode}


def show_type(rrtype: int) -> str:
    """The mnemonic, or TYPEn (RFC 3597 section 5)."""
    return _TYPE_NAMES.get(rrtype) or f"TYPE{rrtype}"


def read_type(text: str) -> int | None:
    """The number of a mnemonic or of TYPEn in any case; None when it is neither."""
    return _read_number(text, _TYPE_NUMBERS, "TYPE")


def show_class(rrclass: int) -> str:
    """The mnemonic, or CLASSn (RFC 3597 section 5)."""
    return _CLASS_NAMES.get(rrclass) or f"CLASS{rrclass}"


def read_class(text: str) -> int | None:
    """The number of a mnemonic or of CLASSn in any case; None when it is neither."""
    return _read_number(text, _CLASS_NUMBERS, "CLASS")


def show_rcode(rcode: int) -> str:
    """The mnemonic, or RCODEn."""
    return _RCODE_NAMES.get(rcode) or f"RCODE{rcode}"


def _read_number(text: str, numbers: dict[str, int], prefix: str) -> int | None:
    upper = text.upper()
    known = numbers.get(upper)
    if known is not None:
        return known
    digits = upper.removeprefix(prefix)
    if digits == upper or not digits.isascii() or not digits.isdigit() or len(digits) > 5:
        return None
    number = int(digits)
    return number if number <= 0xFFFF else None
