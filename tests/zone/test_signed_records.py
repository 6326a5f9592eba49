"""Records of signed zones in presentation format, against dnspython."""

import dns.rdata
import dns.rdataclass
import pytest

from resolver import codes, names
from resolver.zone.rdata import Scope, read_rdata

ORIGIN = "example.test."
GOOD = [
    "RRSIG A 13 3 300 20400101000000 20200101000000 21718 example.test. c2lnbmF0dXJl",
    "RRSIG NSEC3 8 2 3600 4294967295 0 0 . c2lnbmF0 dXJl",
    "RRSIG TYPE65280 8 2 0 20380119031408 19700101000000 65535 signer c2ln",
    "RRSIG A RSASHA256 3 300 20400101000000 20200101000000 21718 example.test. c2lnbmF0dXJl",
    "DNSKEY 257 3 13 a2V5IG1h dGVyaWFs",
    "DNSKEY 256 3 RSASHA256 a2V5",
    "CDNSKEY 0 3 0 AA==",
    "NSEC next A NS SOA MX RRSIG NSEC DNSKEY",
    "NSEC example.test. TYPE1 TYPE255 TYPE256 TYPE65535 CAA",
    "NSEC .",
    "NSEC NeXt.Example. AAAA A",
    "NSEC3 1 0 0 - 3C2BHB6DD4FS59G5BQAMHSTTLKTQJVA1",
    "NSEC3 1 1 12 aabbCCDD 3c2bhb6dd4fs59g5bqamhsttlktqjva1 A RRSIG TYPE1234",
    "NSEC3PARAM 1 0 0 -",
    "NSEC3PARAM 1 0 65535 ABCD",
]
BAD = {
    "RRSIG A 13 3 300 20400101000000 20200101000000 21718 example.test.": "should be here",
    "RRSIG NONE 13 3 300 20400101000000 20200101000000 1 . c2ln": "'NONE' is no record type",
    "RRSIG A 256 3 300 20400101000000 20200101000000 1 . c2ln": "algorithm 256 is more than 255",
    "RRSIG A 13 3 soon 20400101000000 20200101000000 1 . c2ln": "original TTL 'soon' is no time",
    "RRSIG A 13 3 300 20401301000000 20200101000000 1 . c2ln": "20401301000000 is no time",
    "RRSIG A 13 3 300 4294967296 20200101000000 1 . c2ln": "more than 4294967295",
    "RRSIG A 13 3 300 20400101000000 20200101000000 1 . c2l": "signature is not in base 64",
    "RRSIG A 13 3 300 20400101000000 20200101000000 1 . c2l?": "signature is not in base 64",
    "DNSKEY 256 3": "a key should be here",
    "DNSKEY 65536 3 8 AAAA": "flags 65536 is more than 65535",
    "NSEC": "the next name and types should be here",
    "NSEC next A B": "'B' is no record type",
    "NSEC3 1 0 0 -": "next hash and types should be here",
    "NSEC3 1 0 0 - WXYZ": "next hash is not in base 32",
    "NSEC3 1 0 0 ABC 3C2BHB6DD4FS59G5BQAMHSTTLKTQJVA1": "salt is not in hexadecimal",
    "NSEC3 1 0 65536 - 3C2BHB6DD4FS59G5BQAMHSTTLKTQJVA1": "iterations 65536 is more than",
    f"NSEC3PARAM 1 0 0 {'AA' * 256}": "salt of 256 octets, more than 255",
    "NSEC3PARAM 1 0 0": "iterations and salt should be here",
}


def ours(line: str) -> bytes:
    kind, *words = line.split()
    rrtype = codes.read_type(kind)
    assert rrtype is not None
    return read_rdata(rrtype, words, Scope(names.read(ORIGIN)))


@pytest.mark.parametrize("line", GOOD)
def test_what_dnspython_reads_we_read_alike(line: str) -> None:
    kind, text = line.split(None, 1)
    origin = dns.name.from_text(ORIGIN)
    theirs = dns.rdata.from_text(dns.rdataclass.IN, kind, text, origin, relativize=False)
    assert ours(line) == theirs.to_wire()


@pytest.mark.parametrize(("line", "reason"), BAD.items())
def test_what_is_wrong_is_said(line: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        ours(line)


def test_types_may_come_in_any_order_and_twice() -> None:
    assert ours("NSEC next AAAA A A") == ours("NSEC next A AAAA")


@pytest.mark.parametrize("line", ['HTTPS 1 . alpn="h2"', 'SVCB 1 a alpn="h2,h3" port=53'])
def test_quoted_parameters_are_one_word(line: str) -> None:
    """As dnssec-signzone writes them (RFC 9460 section 2.1)."""
    from resolver.zone.file import read_zone_text

    head = "$TTL 9\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"
    made = read_zone_text(f"{head}a {line}", names.read(ORIGIN))
    assert made.errors == []
    assert made.zone is not None
    node = made.zone.node(names.read("a." + ORIGIN))
    assert node is not None
    (rrset,) = node.all()
    assert rrset.rdatas == (ours(line.replace('"', "")),)
