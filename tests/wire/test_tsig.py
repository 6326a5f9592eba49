"""TSIG: what a server does with bad signatures, and what a client believes (RFC 8945)."""

import pytest

from resolver import names
from resolver.errors import WireError
from resolver.model import Edns, Question
from resolver.wire.build import build_query
from resolver.wire.parse import parse
from resolver.wire.tsig import (
    ALGORITHMS,
    MAX_UNSIGNED_MESSAGES,
    Key,
    Rejected,
    Signer,
    TsigError,
    Valid,
    Verifier,
    verify_request,
)
from resolver.wire.tsig_record import Tsig, append, find

NOW = 1_700_000_000
SHA256 = ALGORITHMS["hmac-sha256"]
KEY = Key(names.read("key.example."), SHA256, b"0123456789abcdef")
KEYS = {KEY.name: KEY}
QUERY = build_query(
    7, Question(names.read("example.com."), 6), edns=Edns(), recursion_desired=False
)
REPLY = QUERY[:2] + b"\x84\x00" + QUERY[4:]


def tsig_of(packet: bytes) -> Tsig:
    tsig = find(packet)
    assert tsig is not None
    return tsig


def signed(key: Key = KEY, *, at: float = NOW, **options: int) -> bytes:
    return Signer(key, **options).sign(QUERY, at)


def rejected(packet: bytes, keys: dict[bytes, Key] = KEYS, *, now: float = NOW) -> Rejected:
    verdict = verify_request(packet, keys, now)
    assert isinstance(verdict, Rejected)
    return verdict


def test_unsigned_request_is_nobody_s() -> None:
    assert verify_request(QUERY, KEYS, NOW) is None


def test_names_are_compared_without_case() -> None:
    packet = signed()
    at = packet.rindex(b"\x03key\x07example")
    upper = packet[:at] + b"\x03KEY\x07eXAMPLE" + packet[at + 12 :]
    assert isinstance(verify_request(upper, KEYS, NOW), Valid)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {names.read("other.example."): Key(names.read("other.example."), SHA256, b"x")},
        {KEY.name: Key(KEY.name, ALGORITHMS["hmac-sha512"], KEY.secret)},
    ],
    ids=["no key at all", "no such name", "another algorithm"],
)
def test_unknown_key_is_badkey_and_the_reply_is_unsigned(keys: dict[bytes, Key]) -> None:
    verdict = rejected(signed(), keys)
    assert (verdict.error, verdict.key) == (TsigError.BADKEY, None)
    tsig = tsig_of(verdict.seal(REPLY, NOW + 5))
    assert (tsig.error, tsig.mac, tsig.other, tsig.name) == (17, b"", b"", KEY.name)


def test_wrong_secret_is_badsig_and_the_reply_is_unsigned() -> None:
    verdict = rejected(signed(Key(KEY.name, SHA256, b"guessed")))
    assert (verdict.error, verdict.key) == (TsigError.BADSIG, None)
    assert tsig_of(verdict.seal(REPLY, NOW)).mac == b""


@pytest.mark.parametrize("skew", [-300, -299, 0, 299, 300])
def test_clocks_may_differ_by_the_fudge(skew: int) -> None:
    assert isinstance(verify_request(signed(), KEYS, NOW + skew), Valid)


@pytest.mark.parametrize("skew", [-301, 301, 10**9])
def test_badtime_tells_the_server_s_time_and_is_signed(skew: int) -> None:
    signer = Signer(KEY)
    packet = signer.sign(QUERY, NOW)
    verdict = rejected(packet, now=NOW + skew)
    assert verdict.error == TsigError.BADTIME
    reply = verdict.seal(REPLY, NOW + skew)
    tsig = tsig_of(reply)
    # RFC 8945 section 5.2.3: the client's time and fudge, the server's time as other data.
    assert (tsig.time_s, tsig.fudge_s) == (NOW, 300)
    assert tsig.other == (NOW + skew).to_bytes(6, "big")
    flaw = Verifier(KEY, signer.mac).verify(reply, NOW)
    assert flaw is not None
    assert (flaw.error, flaw.server_time_s) == (TsigError.BADTIME, NOW + skew)
    forged = Verifier(KEY, bytes(32)).verify(reply, NOW)
    assert forged is not None
    assert (forged.error, forged.server_time_s) == (TsigError.BADSIG, None)


def test_signature_is_looked_at_before_time() -> None:
    packet = signed(Key(KEY.name, SHA256, b"guessed"), at=NOW - 1000)
    assert rejected(packet).error == TsigError.BADSIG


# Truncation (RFC 8945 section 5.2.2.1)


@pytest.mark.parametrize("octets", [16, 20, 31])
def test_shorter_mac_is_badtrunc_unless_the_key_allows_it(octets: int) -> None:
    signer = Signer(KEY, octets=octets)
    packet = signer.sign(QUERY, NOW)
    assert len(tsig_of(packet).mac) == octets
    verdict = rejected(packet)
    assert verdict.error == TsigError.BADTRUNC
    reply = verdict.seal(REPLY, NOW)
    flaw = Verifier(KEY, signer.mac).verify(reply, NOW)
    assert flaw is not None
    assert flaw.error == TsigError.BADTRUNC

    lenient = Key(KEY.name, SHA256, KEY.secret, mac_octets=16)
    valid = verify_request(packet, {KEY.name: lenient}, NOW)
    assert isinstance(valid, Valid)
    answer = valid.signer().sign(REPLY, NOW)
    assert len(tsig_of(answer).mac) == octets
    assert Verifier(lenient, signer.mac).verify(answer, NOW) is None
    flaw = Verifier(KEY, signer.mac).verify(answer, NOW)
    assert flaw is not None
    assert flaw.error == TsigError.BADTRUNC


@pytest.mark.parametrize(
    ("algorithm", "octets"),
    [("hmac-sha256", 15), ("hmac-sha256", 0), ("hmac-sha512", 31), ("hmac-sha1", 9)],
)
def test_mac_below_half_or_ten_octets_is_formerr(algorithm: str, octets: int) -> None:
    key = Key(KEY.name, ALGORITHMS[algorithm], KEY.secret)
    tsig = tsig_of(signed(key))
    with pytest.raises(WireError):
        verify_request(append(QUERY, tsig._replace(mac=tsig.mac[:octets])), {key.name: key}, NOW)


def test_mac_longer_than_the_hash_is_formerr() -> None:
    tsig = tsig_of(signed())
    with pytest.raises(WireError):
        verify_request(append(QUERY, tsig._replace(mac=tsig.mac + b"\0")), KEYS, NOW)


@pytest.mark.parametrize(("algorithm", "octets"), [("hmac-sha256", 15), ("hmac-sha256", 33)])
def test_key_with_a_length_that_may_not_be_is_refused(algorithm: str, octets: int) -> None:
    with pytest.raises(ValueError, match="octets"):
        Key(KEY.name, ALGORITHMS[algorithm], b"secret", octets)


def test_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Key(KEY.name, SHA256, b"")


def test_secret_is_not_shown() -> None:
    assert "0123456789" not in repr(KEY)


# The place of the record (RFC 8945 section 5.2)


def test_two_records_are_formerr() -> None:
    packet = signed()
    with pytest.raises(WireError, match="not the last"):
        find(append(packet, tsig_of(packet)))


def test_record_before_another_one_is_formerr() -> None:
    packet = signed()
    # OPT behind TSIG
    opt = QUERY[-11:]
    tsig = packet[len(QUERY) :]
    with pytest.raises(WireError, match="not the last"):
        find(packet[: len(QUERY) - 11] + tsig + opt)


def test_record_outside_the_additional_section_is_formerr() -> None:
    packet = signed()
    moved = packet[:8] + b"\0\2\0\0" + packet[12:]
    with pytest.raises(WireError):
        find(moved)


@pytest.mark.parametrize("cut", range(1, 80, 7))
def test_record_cut_short_is_formerr(cut: int) -> None:
    with pytest.raises(WireError):
        find(signed()[:-cut])


def test_record_of_another_class_is_formerr() -> None:
    packet = bytearray(signed())
    at = len(QUERY) + len(KEY.name) + 2
    assert packet[at : at + 2] == b"\0\xff"
    packet[at + 1] = 1
    with pytest.raises(WireError, match="class"):
        find(bytes(packet))


def test_original_id_is_what_was_signed() -> None:
    # A forwarder changes the id (RFC 8945 section 5.5).
    packet = b"\xab\xcd" + signed()[2:]
    assert isinstance(verify_request(packet, KEYS, NOW), Valid)


def test_signed_message_is_still_a_message() -> None:
    message = parse(signed())
    assert [r.rrtype for r in message.additional] == [250]


# Streams (RFC 8945 section 5.3.1)


def stream() -> tuple[Signer, Verifier]:
    request = Signer(KEY)
    request.sign(QUERY, NOW)
    return Signer(KEY, request.mac), Verifier(KEY, request.mac)


def test_messages_out_of_order_or_left_out_are_seen() -> None:
    for order in ([0, 2, 1], [0, 2], [1], [0, 0]):
        signer, verifier = stream()
        packets = [signer.sign(REPLY, NOW) for _ in range(3)]
        flaws = [verifier.verify(packets[i], NOW) for i in order]
        assert any(f is not None and f.error == TsigError.BADSIG for f in flaws)


def test_first_message_must_be_signed() -> None:
    _, verifier = stream()
    flaw = verifier.verify(REPLY, NOW)
    assert flaw is not None
    assert "not signed" in flaw.reason
    assert not verifier.signed_to_the_end


def test_ninety_nine_unsigned_messages_in_a_row_and_no_more() -> None:
    signer, verifier = stream()
    assert verifier.verify(signer.sign(REPLY, NOW), NOW) is None
    for _ in range(MAX_UNSIGNED_MESSAGES):
        assert verifier.verify(REPLY, NOW) is None
        assert not verifier.signed_to_the_end
    flaw = verifier.verify(REPLY, NOW)
    assert flaw is not None
    assert "99" in flaw.reason


def test_message_slipped_in_is_seen_at_the_next_signature() -> None:
    signer, verifier = stream()
    assert verifier.verify(signer.sign(REPLY, NOW), NOW) is None
    assert verifier.verify(REPLY, NOW) is None
    assert not verifier.signed_to_the_end
    flaw = verifier.verify(signer.sign(REPLY, NOW), NOW)
    assert flaw is not None
    assert flaw.error == TsigError.BADSIG


def test_server_that_knows_no_such_key_is_understood() -> None:
    signer = Signer(KEY)
    packet = signer.sign(QUERY, NOW)
    verdict = rejected(packet, {})
    flaw = Verifier(KEY, signer.mac).verify(verdict.seal(REPLY, NOW), NOW)
    assert flaw is not None
    assert flaw.error == TsigError.BADKEY
    assert "BADKEY" in flaw.reason


def test_reply_of_another_time_is_refused() -> None:
    signer, verifier = stream()
    flaw = verifier.verify(signer.sign(REPLY, NOW), NOW + 301)
    assert flaw is not None
    assert flaw.error == TsigError.BADTIME
