"""Every type that dnspython knows: data to text and back is the same data."""

import pkgutil
import random

import dns.rdatatype
import dns.rdtypes.ANY
import dns.rdtypes.IN
import pytest

from resolver.codes import META_TYPES
from resolver.wire.text import read_rdata, show_rdata

B64 = "AwEAAa1s5yYw7qAiyRGvWJJ2"
HEX32 = "0123456789abcdef" * 4
SAMPLES = {
    "A": ["192.0.2.1"],
    "AAAA": ["2001:db8::1", "::ffff:192.0.2.1"],
    "AFSDB": ["1 afs.example."],
    "AMTRELAY": ["10 0 0 .", "10 1 1 192.0.2.1", "10 0 2 2001:db8::1", "10 1 3 amt.example."],
    "APL": ["1:192.168.32.0/21 !1:192.168.38.0/28", "2:FF00:0:0:0:0:0:0:0/8"],
    "AVC": ['"app-name:WOLFGANG|app-class:OAM"'],
    "BRID": [B64 + "=="[: -len(B64) % 4]],
    "CAA": ['0 issue "ca.example; policy=ev"', '128 tbs "Unknown"'],
    "CDNSKEY": ["257 3 8 " + B64],
    "CDS": ["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"],
    "CERT": ["PKIX 1 8 " + B64, "65534 65535 254 " + B64],
    "CNAME": ["www.example."],
    "CSYNC": ["66 3 A NS AAAA"],
    "DHCID": ["AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="],
    "DLV": ["60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"],
    "DNAME": ["new.example."],
    "DNSKEY": ["256 3 13 " + B64],
    "DS": ["60485 8 2 " + HEX32],
    "DSYNC": ["CDS NOTIFY 5300 notify.example."],
    "EUI48": ["00-00-5e-00-53-2a"],
    "EUI64": ["00-00-5e-ef-10-00-00-2a"],
    "GPOS": ["-32.6882 116.8652 10.0"],
    "HHIT": [B64],
    "HINFO": ['"INTEL-386" "UNIX"', '"" ""'],
    "HIP": ["2 200100107B1A74DF365639CC39F1D578 " + B64 + " rvs1.example. rvs2.example."],
    "HTTPS": ["0 target.example.", '1 . alpn="h2,h3" ipv4hint=192.0.2.1 port=8443'],
    "IPSECKEY": ["10 1 2 192.0.2.38 " + B64, "10 3 2 gw.example. " + B64, "10 0 2 . " + B64],
    "ISDN": ['"150862028003217" "004"', '"isdn-address"'],
    "KEY": ["256 3 8 " + B64],
    "KX": ["10 kx.example."],
    "L32": ["10 10.1.2.0"],
    "L64": ["10 2001:0db8:1140:1000"],
    "LOC": ["60 9 0.000 N 24 39 0.000 E 10.00m 20m 2000m 20m", "1 2 3.4 S 5 6 7.8 W -20m"],
    "LP": ["10 l64-subnet.example."],
    "MX": ["10 mail.example."],
    "NAPTR": ['100 10 "u" "sip+E2U" "!^.*$!sip:a@b!" .', '0 0 "" "" "" next.example.'],
    "NID": ["10 0014:4fff:ff20:ee64"],
    "NINFO": ['"zone status"'],
    "NS": ["ns1.example."],
    "NSAP": ["0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00"],
    "NSAP_PTR": ["foo.example."],
    "NSEC": ["host.example. A MX RRSIG NSEC TYPE1234"],
    "NSEC3": ["1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA", "1 0 0 - 00"],
    "NSEC3PARAM": ["1 1 12 aabbccdd", "1 0 0 -"],
    "OPENPGPKEY": [B64],
    "PTR": ["www.example."],
    "PX": ["10 net2.it. PRMD-net2.ADMD-p400.C-it."],
    "RESINFO": ['"qnamemin" "exterr=15-17" "infourl=https://resolver.example"'],
    "RP": ["mbox-dname.example. txt-dname.example."],
    "RRSIG": ["NSEC 1 3 3600 20200101000000 20030101000000 2143 foo.example. " + B64],
    "RT": ["0 relay.example."],
    "SIG": ["NXT 1 3 3600 20200101000000 20030101000000 2143 foo.example. " + B64],
    "SMIMEA": ["3 1 1 " + HEX32],
    "SOA": ["ns.example. hostmaster.example. 2026010100 7200 3600 1209600 300"],
    "SPF": ['"v=spf1 mx -all"'],
    "SRV": ["1 2 5060 sip.example.", "0 0 0 ."],
    "SSHFP": ["1 1 aa549bfe898489c02d1715d97d79c57ba2fa76ab"],
    "SVCB": ["0 svc.example.", '16 foo.example. mandatory=alpn alpn=h2 key667="hello\\210qoo"'],
    "TLSA": ["3 1 1 " + HEX32],
    "TXT": ['"a b" "c\\"d\\\\e" "\\000\\255"', '""'],
    "URI": ['10 1 "ftp://ftp1.example/public"'],
    "WALLET": ['"BTC" "wallet123"'],
    "WKS": ["10.0.0.1 6 0 1 2 21 23", "10.0.0.2 17 53"],
    "X25": ['"311061700956"'],
    "ZONEMD": ["2018031900 1 1 " + HEX32[:48] * 2],
}
MUTANTS = 300


def known_types() -> set[str]:
    """The types that dnspython has a reader for, without those that are no data of a name."""
    found = {
        m.name for p in (dns.rdtypes.ANY, dns.rdtypes.IN) for m in pkgutil.iter_modules(p.__path__)
    }
    return {t for t in found if dns.rdatatype.from_text(t.replace("_", "-")) not in META_TYPES}


def number(mnemonic: str) -> int:
    return int(dns.rdatatype.from_text(mnemonic.replace("_", "-")))


def test_there_is_a_sample_of_every_type() -> None:
    assert set(SAMPLES) == known_types()


@pytest.mark.parametrize("mnemonic", sorted(SAMPLES))
def test_samples_both_ways(mnemonic: str) -> None:
    for text in SAMPLES[mnemonic]:
        rdata = read_rdata(number(mnemonic), text)
        shown = show_rdata(number(mnemonic), rdata)
        assert not shown.startswith("\\#")
        assert read_rdata(number(mnemonic), shown) == rdata


@pytest.mark.parametrize("mnemonic", sorted(SAMPLES))
def test_damaged_data_both_ways(mnemonic: str) -> None:
    rrtype = number(mnemonic)
    rng = random.Random(mnemonic)
    seeds = [read_rdata(rrtype, text) for text in SAMPLES[mnemonic]]
    for _ in range(MUTANTS):
        rdata = damaged(rng, rng.choice(seeds))
        shown = show_rdata(rrtype, rdata)
        assert shown.isascii()
        assert shown.isprintable()
        if shown.startswith("\\#"):
            assert shown == f"\\# {len(rdata)} {rdata.hex()}".rstrip()
        else:
            assert read_rdata(rrtype, shown) == rdata


def damaged(rng: random.Random, rdata: bytes) -> bytes:
    octets = bytearray(rdata)
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(octets) + 1)
        match rng.randrange(4):
            case 0:
                octets[place : place + 1] = bytes((rng.randrange(256),))
            case 1:
                octets[place:place] = rng.randbytes(rng.randrange(1, 5))
            case 2:
                del octets[place : place + rng.randrange(1, 5)]
            case _:
                octets[place : place + 1] = rng.choice((b"\0", b"\xff", b'"', b"\\", b";", b" "))
    return bytes(octets)
