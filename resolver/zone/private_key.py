"""Private keys of zones: out of the files of dnssec-keygen, ldns-keygen or Knot DNS, ready to sign.

The mathematics is that of the library `cryptography`, which is loaded with the first key: most
servers have none.

Knows: the forms of those files (`Private-key-format: v1.3`; PEM, RFC 5958), RFC 3110 (RSA keys),
RFC 5702 (RSA with SHA-2), RFC 6605 (ECDSA), RFC 8080 (EdDSA). Does not know: the disk, zones,
records.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

MAX_FILE_OCTETS: Final = 64 * 1024

RSASHA256: Final = 8
RSASHA512: Final = 10
ECDSAP256SHA256: Final = 13
ECDSAP384SHA384: Final = 14
ED25519: Final = 15
ED448: Final = 16

_FORMAT: Final = "private-key-format"
_PEM: Final = "-----BEGIN "
_PKCS8: Final = "-----BEGIN PRIVATE KEY-----"
_RSA_FIELDS: Final = (
    "prime1",
    "prime2",
    "privateexponent",
    "exponent1",
    "exponent2",
    "coefficient",
    "publicexponent",
    "modulus",
)
# Octets of a coordinate, and of a secret, of the two curves of RFC 6605.
_CURVE_OCTETS: Final = {ECDSAP256SHA256: 32, ECDSAP384SHA384: 48}
# The same curves, and keys for them, by their object identifiers (RFC 5480 section 2.1.1).
_EC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_EC_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"): ECDSAP256SHA256,
    bytes.fromhex("2b81040022"): ECDSAP384SHA384,
}
# About what a signature takes, measured on a slow core; for RSA with keys of 2048 bits, from where
# it grows with the cube of the size.
_COST_S: Final = {ECDSAP256SHA256: 1e-4, ECDSAP384SHA384: 4e-4, ED25519: 1e-4, ED448: 4e-4}
_RSA_COST_S: Final = 1e-3
_RSA_BITS: Final = 2048
_LONG_EXPONENT_OCTETS: Final = 256


class PrivateKeyError(ValueError):
    """Why a text gives no key."""


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key that can sign. `public` is the key field of its DNSKEY record, `cost_s` about how many
    seconds of work a signature is."""

    algorithm: int
    public: bytes
    sign: Callable[[bytes], bytes]
    cost_s: float


def read_private_key(text: str) -> PrivateKey:
    """The key of a file's text. Raises PrivateKeyError, which never repeats a secret."""
    if text.startswith(_PEM):
        return _read_pem(text)
    fields = _fields(text)
    told = fields.get("algorithm", "").split(maxsplit=1)
    algorithm = int(told[0]) if told and told[0].isdecimal() else 0
    if algorithm in (RSASHA256, RSASHA512):
        make = _rsa
    elif algorithm in _CURVE_OCTETS:
        make = _ecdsa
    elif algorithm in (ED25519, ED448):
        make = _eddsa
    else:
        shown = fields.get("algorithm", "none")[:40]
        raise PrivateKeyError(
            f"algorithm {shown}: only 8, 10, 13, 14, 15 and 16 can be signed with"
        )
    try:
        return make(algorithm, fields)
    except PrivateKeyError:
        raise
    except ValueError:
        raise PrivateKeyError("its numbers make no key") from None


def _fields(text: str) -> Mapping[str, str]:
    """`Name: value` lines by lower-case name; a line that is none ends the file's chances."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
        elif line.strip():
            raise PrivateKeyError("not a private key file: every line is to be `Name: value`")
    if not fields.get(_FORMAT, "").startswith("v1."):
        raise PrivateKeyError("not a private key file: it must begin with Private-key-format: v1.3")
    return fields


def _octets(fields: Mapping[str, str], name: str) -> bytes:
    try:
        return base64.b64decode(fields[name], validate=True)
    except KeyError:
        raise PrivateKeyError(f"there is no {name} in it") from None
    except binascii.Error:
        raise PrivateKeyError(f"its {name} is not in base 64") from None


def _secret(fields: Mapping[str, str], length: int) -> bytes:
    secret = _octets(fields, "privatekey")
    if len(secret) != length:
        raise PrivateKeyError(f"its privatekey has {len(secret)} octets, not {length}")
    return secret


def _read_pem(text: str) -> PrivateKey:
    """Such a file does not tell the hash of an RSA key: SHA-256, as with nearly all of them."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = _long_ec_key(text) or load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError, IndexError, UnsupportedAlgorithm):
        raise PrivateKeyError("PEM without a private key that can be read") from None
    if isinstance(key, rsa.RSAPrivateKey):
        return _rsa_key(RSASHA256, key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        for algorithm, curve in ((ECDSAP256SHA256, "secp256r1"), (ECDSAP384SHA384, "secp384r1")):
            if key.curve.name == curve:
                return _ecdsa_key(algorithm, key)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _eddsa_key(ED25519, key)
    if isinstance(key, ed448.Ed448PrivateKey):
        return _eddsa_key(ED448, key)
    raise PrivateKeyError("PEM with a key of a kind that signs no zones")


def _long_ec_key(text: str) -> "EllipticCurvePrivateKey | None":
    """A key for ECDSA whose number has an octet too many, a zero in front, as GnuTLS writes half of
    them, and Knot DNS with it; RFC 5915 section 3 has a fixed length, and the library insists."""
    from cryptography.hazmat.primitives.asymmetric import ec

    if not text.startswith(_PKCS8):
        return None
    ((_, body),) = _elements(base64.b64decode("".join(text.strip().splitlines()[1:-1])))
    _, (_, algorithm), (_, wrapped) = _elements(body)[:3]
    kind, *parameters = (content for _, content in _elements(algorithm))
    if kind != _EC_KEY or parameters[0] not in _EC_CURVES:
        return None
    ((_, inner),) = _elements(wrapped)
    secret = _elements(inner)[1][1]
    length = _CURVE_OCTETS[_EC_CURVES[parameters[0]]]
    if len(secret) != length + 1 or secret[0]:
        return None
    curve = ec.SECP256R1() if length == _CURVE_OCTETS[ECDSAP256SHA256] else ec.SECP384R1()
    return ec.derive_private_key(int.from_bytes(secret, "big"), curve)


def _elements(octets: bytes) -> list[tuple[int, bytes]]:
    """The elements of a sequence in DER, each with its tag."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(octets):
        tag, length = octets[at], octets[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(octets[at : at + count], "big")
            at += count
        found.append((tag, octets[at : at + length]))
        at += length
    return found


def _rsa(algorithm: int, fields: Mapping[str, str]) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    p, q, d, dmp1, dmq1, iqmp, e, n = (
        int.from_bytes(_octets(fields, name), "big") for name in _RSA_FIELDS
    )
    public = rsa.RSAPublicNumbers(e, n)
    key = rsa.RSAPrivateNumbers(p, q, d, dmp1, dmq1, iqmp, public).private_key()
    return _rsa_key(algorithm, key)


def _rsa_key(algorithm: int, key: "RSAPrivateKey") -> PrivateKey:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    public = key.public_key().public_numbers()
    scheme = padding.PKCS1v15()
    digest = hashes.SHA256() if algorithm == RSASHA256 else hashes.SHA512()

    def sign(octets: bytes) -> bytes:
        signature: bytes = key.sign(octets, scheme, digest)
        return signature

    cost_s: float = _RSA_COST_S * (public.n.bit_length() / _RSA_BITS) ** 3
    return PrivateKey(algorithm, _rsa_public(public.e, public.n), sign, cost_s)


def _rsa_public(exponent: int, modulus: int) -> bytes:
    """RFC 3110 section 2."""
    octets = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    head = bytes((len(octets),))
    if len(octets) >= _LONG_EXPONENT_OCTETS:
        head = b"\0" + len(octets).to_bytes(2, "big")
    return head + octets + modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")


def _ecdsa(algorithm: int, fields: Mapping[str, str]) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    secret = int.from_bytes(_secret(fields, _CURVE_OCTETS[algorithm]), "big")
    curve = ec.SECP256R1() if algorithm == ECDSAP256SHA256 else ec.SECP384R1()
    return _ecdsa_key(algorithm, ec.derive_private_key(secret, curve))


def _ecdsa_key(algorithm: int, key: "EllipticCurvePrivateKey") -> PrivateKey:
    """RFC 6605 section 4: a public key is both coordinates, a signature both numbers, each in as
    many octets as the curve has."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    length = _CURVE_OCTETS[algorithm]
    scheme = ec.ECDSA(hashes.SHA256() if algorithm == ECDSAP256SHA256 else hashes.SHA384())
    point = key.public_key().public_numbers()
    public: bytes = point.x.to_bytes(length, "big") + point.y.to_bytes(length, "big")

    def sign(octets: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(octets, scheme))
        signature: bytes = r.to_bytes(length, "big") + s.to_bytes(length, "big")
        return signature

    return PrivateKey(algorithm, public, sign, _COST_S[algorithm])


def _eddsa(algorithm: int, fields: Mapping[str, str]) -> PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if algorithm == ED25519:
        return _eddsa_key(algorithm, Ed25519PrivateKey.from_private_bytes(_secret(fields, 32)))
    return _eddsa_key(algorithm, Ed448PrivateKey.from_private_bytes(_secret(fields, 57)))


def _eddsa_key(algorithm: int, key: "Ed25519PrivateKey | Ed448PrivateKey") -> PrivateKey:
    """RFC 8080 sections 3 and 4: keys and signatures as the algorithms have them."""
    public: bytes = key.public_key().public_bytes_raw()
    return PrivateKey(algorithm, public, key.sign, _COST_S[algorithm])
