"""Keys that sign for a zone at work: their files, what they make, how often, and for which versions
(A08)."""

import base64
from collections.abc import Callable

import dns.dnssec
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.rrset
import pytest
import zone_signing
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from zone_signing import Pair, pair

from resolver import names
from resolver.codes import RRClass, RRType
from resolver.model import Question, RRset
from resolver.slices import finish
from resolver.testing.clock import ManualClock
from resolver.wire.bitmap import read_types, write_types
from resolver.wire.text import show_rdata
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text
from resolver.zone.private_key import PrivateKeyError, read_private_key
from resolver.zone.signer import CannotSignError, Signatures, Signer, SigningKey
from resolver.zone.transfer_in import Bounds, Inbound, Refused, Whole
from resolver.zone.transfer_out import Request, axfr

ORIGIN = "example.test."
HEAD = "@ 300 SOA ns1 host 1 7200 900 1209600 60\n@ 300 NS ns1\nns1 300 A 192.0.2.1\n"
DAY_S = 86_400
ALGORITHMS = [8, 10, 13, 14, 15, 16]


def version(*pairs: Pair) -> Zone:
    """A version with these keys; who signed it does not matter here."""
    keys = "".join(f"@ 300 DNSKEY {p.dnskey.to_text()}\n" for p in pairs)
    zone = read_zone_text(HEAD + keys, names.read(ORIGIN)).zone
    assert zone is not None
    return zone


class Signing:
    """A signer with these keys, and a clock."""

    def __init__(self, *pairs: Pair, share: float = 0.1) -> None:
        self.clock = ManualClock()
        self.kept = Signatures(self.clock, share=share)
        keys = [SigningKey(f"key{i}", read_private_key(p.private)) for i, p in enumerate(pairs)]
        self.signer = Signer(keys, 14 * DAY_S, lent=self.kept, denials=Signatures(self.clock))
        self.zone = version(*pairs)

    def sign(self, rrset: RRset) -> RRset:
        return self.signer.sign(self.zone, rrset, self.kept)

    def validity_s(self, rrset: RRset) -> tuple[int, int]:
        """From when until when, in seconds from now."""
        (rdata,) = self.sign(rrset).rdatas
        now = int(self.clock.wall())
        return tuple(int.from_bytes(rdata[i : i + 4], "big") - now for i in (12, 8))  # type: ignore[return-value]


def addresses(*last: int, owner: str = "Www.Example.test.", ttl: int = 60) -> RRset:
    rdatas = tuple(bytes((192, 0, 2, n)) for n in last)
    return RRset(names.read(owner), RRType.A, RRClass.IN, ttl, rdatas)


def believed(signing: Signing, owner: str, rrset: RRset, *pairs: Pair) -> None:
    """dnspython verifies each signature."""
    shown = [show_rdata(rrset.rrtype, rdata) for rdata in rrset.rdatas]
    theirs = dns.rrset.from_text(owner, rrset.ttl, "IN", "A", *shown)
    name = dns.name.from_text(ORIGIN)
    keys = {name: dns.rdataset.from_rdata_list(300, [p.dnskey for p in pairs])}
    signatures = signing.sign(rrset).rdatas
    assert len(signatures) == len(pairs)
    for rdata in signatures:
        text = show_rdata(RRType.RRSIG, rdata)
        (rrsig,) = dns.rrset.from_text(owner, rrset.ttl, "IN", "RRSIG", text)
        dns.dnssec.validate_rrsig(theirs, rrsig, keys, now=signing.clock.wall())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_signatures_are_believed(algorithm: int) -> None:
    key = pair(algorithm)
    signing = Signing(key)
    believed(signing, "www.example.test.", addresses(9, 1, 200), key)
    # What a wildcard stands for has the signature of the wildcard.
    believed(signing, "a.b.w.example.test.", addresses(9, owner="*.w.example.test."), key)


def test_every_key_signs() -> None:
    keys = pair(13), pair(15), pair(13)
    believed(Signing(*keys), "www.example.test.", addresses(1), *keys)


def test_same_records_have_the_same_signature_and_others_another() -> None:
    signing = Signing(pair())
    first = signing.sign(addresses(1, 2))
    assert signing.sign(addresses(2, 1, owner="www.example.test.")).rdatas == first.rdatas
    assert signing.kept.made == 1
    others = (addresses(1), addresses(1, 2, ttl=61), addresses(1, 2, owner="w.example.test."))
    for number, other in enumerate(others, 2):
        assert signing.sign(other).rdatas != first.rdatas
        assert signing.kept.made == number


def test_signature_is_made_anew_long_before_its_end() -> None:
    signing = Signing(pair())
    assert signing.validity_s(addresses(1)) == (-3600, 14 * DAY_S)
    signing.clock.advance(7 * DAY_S - 1)
    assert signing.validity_s(addresses(1)) == (-7 * DAY_S - 3599, 7 * DAY_S + 1)
    signing.clock.advance(1)
    assert signing.validity_s(addresses(1)) == (-3600, 14 * DAY_S)


def test_signing_without_end_ends() -> None:
    """There is half a second of work for one set after another, then a tenth of each second; what
    is kept costs nothing."""
    signing = Signing(pair())
    sets = (addresses(a, b) for a in range(1, 200) for b in range(200, 250))
    first = addresses(1)
    signing.sign(first)

    def flood() -> int:
        before = signing.kept.made
        with pytest.raises(CannotSignError, match="too many"):
            all(signing.sign(rrset) for rrset in sets)
        return signing.kept.made - before

    assert 4_000 < flood() < 6_000
    signing.sign(first)
    signing.clock.advance(1.0)
    assert 500 < flood() < 2_000


def test_signature_is_used_on_while_there_is_no_time_but_not_to_its_end() -> None:
    signing = Signing(pair(), share=0.0)
    before = signing.sign(addresses(1))
    signing.kept._left_s = 0.0
    signing.clock.advance(12 * DAY_S)
    assert signing.sign(addresses(1)) == before
    signing.clock.advance(DAY_S)
    with pytest.raises(CannotSignError):
        signing.sign(addresses(1))


KSK, ZSK, OTHER = pair(13, 257), pair(13), pair(15)
REVOKED = pair(13, 256 | 128)


@pytest.mark.parametrize(
    ("named", "there", "reason"),
    [
        ([ZSK], [KSK, ZSK], ""),
        ([KSK], [KSK], ""),
        ([ZSK], [KSK], "not the key of any DNSKEY record of example.test."),
        ([ZSK], [], "not the key of any DNSKEY record of example.test."),
        ([KSK], [KSK, ZSK], "a key signing key of example.test. (flags 257)"),
        ([REVOKED], [REVOKED, ZSK], "is revoked"),
        ([ZSK], [KSK, ZSK, OTHER], "of algorithm 15, too"),
        ([ZSK, OTHER], [KSK, ZSK, OTHER], ""),
    ],
)
def test_key_signs_only_for_a_version_that_has_it(
    named: list[Pair], there: list[Pair], reason: str
) -> None:
    signing = Signing(*named)
    zone = version(*there)
    faults = signing.signer.faults(zone)
    assert signing.signer.fits(zone) is not bool(reason)
    if reason:
        assert faults[0].file == "key0"
        assert reason in faults[0].reason
        with pytest.raises(CannotSignError, match="not those of the zone"):
            signing.signer.sign(zone, addresses(1), signing.kept)
    else:
        assert faults == []


def test_transfer_brings_an_alias_only_where_there_are_keys() -> None:
    zsk = pair()
    keys = [SigningKey("key", read_private_key(zsk.private))]
    text = HEAD + f"@ 300 DNSKEY {zsk.dnskey.to_text()}\nw 60 ALIAS a.test.\n"
    zone = read_zone_text(text, names.read(ORIGIN), alias_keys=keys).zone
    assert zone is not None
    packets = list(axfr(zone, Request(9, Question(zone.origin, RRType.AXFR))))
    for signs in (False, True):
        inbound = Inbound(
            zone.origin, held=None, incremental=False, bounds=Bounds(), signs_aliases=signs
        )
        whole = [finish(inbound.feed(packet)) for packet in packets][-1]
        assert isinstance(whole, Whole)
        made = finish(whole.finish())
        assert isinstance(made, Zone if signs else Refused)


def without(line: str) -> Callable[[str], str]:
    return lambda text: "".join(f"{t}\n" for t in text.splitlines() if not t.startswith(line))


@pytest.mark.parametrize(
    ("algorithm", "change", "reason"),
    [
        (13, lambda text: "hello\n" + text, "not a private key file"),
        (13, lambda text: "", "must begin with Private-key-format"),
        (13, lambda text: text.replace("v1.3", "v2.0"), "must begin with Private-key-format"),
        (13, lambda text: text.replace(": 13", ": 5"), "algorithm 5 (ANY): only 8, 10,"),
        (13, without("Algorithm"), "algorithm none"),
        (13, without("PrivateKey"), "there is no privatekey"),
        (13, lambda text: text.replace(": 13", ": 14"), "has 32 octets, not 48"),
        (13, lambda text: text.replace("PrivateKey: ", "PrivateKey: !"), "not in base 64"),
        (13, lambda text: without("PrivateKey")(text) + f"PrivateKey: {'A' * 43}=\n", "no key"),
        (8, without("Prime2"), "there is no prime2"),
        (8, lambda text: text.replace("Prime1: ", "Prime1: AAAA"), ""),
        (8, lambda text: without("Modulus")(text) + "Modulus: AQAB\n", "its numbers make no key"),
    ],
)
def test_what_is_no_key(algorithm: int, change: Callable[[str], str], reason: str) -> None:
    text = change(pair(algorithm).private)
    if not reason:
        read_private_key(text)
        return
    with pytest.raises(PrivateKeyError) as fault:
        read_private_key(text)
    assert reason in str(fault.value)


@pytest.mark.parametrize(
    ("algorithm", "form"),
    [(number, PrivateFormat.PKCS8) for number in (8, 13, 14, 15, 16)]
    + [(number, PrivateFormat.TraditionalOpenSSL) for number in (8, 13)],
)
def test_key_in_pem_is_the_same_key(algorithm: int, form: PrivateFormat) -> None:
    """As Knot DNS keeps its keys."""
    key = pair(algorithm)
    octets = key.key.private_bytes(Encoding.PEM, form, NoEncryption())  # type: ignore[attr-defined]
    text = octets.decode()
    one, other = read_private_key(text), read_private_key(key.private)
    assert (one.algorithm, one.public) == (other.algorithm, other.public)


def test_key_in_pem_whose_number_has_a_zero_in_front() -> None:
    """Made by GnuTLS for Knot DNS, with which half of the keys are like this; used for nothing."""
    text = """-----BEGIN PRIVATE KEY-----
MIGUAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBHoweAIBAQQhAPtUTrMQfjhUbBNV
j8iVaTTdGTGdQxgyTRMldvV8GdP4oAoGCCqGSM49AwEHoUQDQgAEuLQ2TNo38VdH
zpQIjWuguzfUVD4ccKgA51XPYbPOD70DwTInpintE7SrsI9Keesq5JxnHjCNOdLb
XOYMV8yYUg==
-----END PRIVATE KEY-----

"""
    public = (
        "uLQ2TNo38VdHzpQIjWuguzfUVD4ccKgA51XPYbPOD70DwTInpintE7SrsI9Keesq5JxnHjCNOdLbXOYMV8yYUg=="
    )
    key = read_private_key(text)
    assert (key.algorithm, base64.b64encode(key.public).decode()) == (13, public)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "can be read"),
        (
            ec.generate_private_key(ec.SECP521R1())
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            .decode(),
            "signs no zones",
        ),
    ],
)
def test_pem_that_is_no_key_of_a_zone(text: str, reason: str) -> None:
    with pytest.raises(PrivateKeyError, match=reason):
        read_private_key(text)


@pytest.mark.parametrize("types", [[1], [1, 28, 46, 47, 65401], [255, 256, 257, 65535], []])
def test_lists_of_types(types: list[int]) -> None:
    octets = write_types(types)
    assert read_types(octets) == set(types)
    rdata = b"\0" + octets
    shown = show_rdata(RRType.NSEC, rdata).split()[1:]
    assert [dns.rdatatype.from_text(text) for text in shown] == types


def test_helper_signs_what_it_verifies() -> None:
    """Or the tests that rest on it would prove nothing."""
    zsk = pair()
    text = zone_signing.sign(HEAD, ORIGIN, zsk)
    assert "RRSIG" in text
    assert read_zone_text(text, names.read(ORIGIN)).errors == []
