"""Zones signed with throw-away keys in memory, by dnspython, which is also who verifies."""

import base64
from typing import NamedTuple

import dns.dnssec
import dns.dnssecalgs
import dns.dnssectypes
import dns.message
import dns.name
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.dnssectypes import Algorithm

# The zones of tests with a clock of their own are signed at the instant where it begins.
SIGNED_AT_S = 1_750_000_000
_NAMES = ("Modulus", "PublicExponent", "PrivateExponent", "Prime1", "Prime2", "Exponent1")


def alias(target: str) -> str:
    """An ALIAS record as every signer reads it (RFC 3597 section 5)."""
    data = dns.name.from_text(target).to_wire()
    assert data is not None
    return f"TYPE65401 \\# {len(data)} {data.hex()}"


class Pair(NamedTuple):
    """A key: its private half as dnssec-keygen writes it, and its record."""

    private: str
    dnskey: dns.rdtypes.ANY.DNSKEY.DNSKEY
    key: object


def pair(algorithm: int = Algorithm.ECDSAP256SHA256, flags: int = 256) -> Pair:
    """A new key."""
    number = Algorithm(algorithm)
    if number in (Algorithm.RSASHA256, Algorithm.RSASHA512):
        key: object = rsa.generate_private_key(65537, 1024)
    elif number in (Algorithm.ECDSAP256SHA256, Algorithm.ECDSAP384SHA384):
        small = number == Algorithm.ECDSAP256SHA256
        key = ec.generate_private_key(ec.SECP256R1() if small else ec.SECP384R1())
    else:
        make = ed25519.Ed25519PrivateKey if number == Algorithm.ED25519 else ed448.Ed448PrivateKey
        key = make.generate()
    dnskey = dns.dnssec.make_dnskey(key.public_key(), number, flags=flags)  # type: ignore[attr-defined]
    return Pair(private_file(number, key), dnskey, key)


def private_file(algorithm: int, key: object) -> str:
    """The text of a private key file, as BIND has it."""
    lines = {"Private-key-format": "v1.3", "Algorithm": f"{int(algorithm)} (ANY)"}
    if isinstance(key, rsa.RSAPrivateKey):
        n = key.private_numbers()
        values = (n.public_numbers.n, n.public_numbers.e, n.d, n.p, n.q, n.dmp1, n.dmq1, n.iqmp)
        names = (*_NAMES, "Exponent2", "Coefficient")
        lines |= {name: _base64(value) for name, value in zip(names, values, strict=True)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        secret = key.private_numbers().private_value.to_bytes(key.key_size // 8, "big")
        lines["PrivateKey"] = base64.b64encode(secret).decode()
    else:
        assert isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
        lines["PrivateKey"] = base64.b64encode(key.private_bytes_raw()).decode()
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def _base64(number: int) -> str:
    return base64.b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def sign(text: str, origin: str, *pairs: Pair, at_s: float = SIGNED_AT_S) -> str:
    """A master file, signed with these keys for a hundred days, and NSEC."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    keys = [(p.key, p.dnskey) for p in pairs]
    dns.dnssec.sign_zone(zone, keys=keys, inception=at_s - 3600, lifetime=8_640_000)
    return zone.to_text(relativize=False)


def verify(reply: dns.message.Message, origin: str, *pairs: Pair, now: float) -> list[str]:
    """Names and types of a reply that are signed well; anything else raises."""
    name = dns.name.from_text(origin)
    rdataset = dns.rdataset.from_rdata_list(3600, [p.dnskey for p in pairs])
    keys = {name: rdataset}
    checked = []
    for section in (reply.answer, reply.authority):
        for rrset in section:
            if rrset.rdtype == dns.rdatatype.RRSIG:
                continue
            signatures = reply.find_rrset(
                section, rrset.name, rrset.rdclass, dns.rdatatype.RRSIG, rrset.rdtype
            )
            dns.dnssec.validate(rrset, signatures, keys, now=now)
            checked.append(f"{rrset.name} {dns.rdatatype.to_text(rrset.rdtype)}")
    return checked
