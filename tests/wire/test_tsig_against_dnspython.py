"""TSIG both ways with dnspython: what one signs the other verifies, single messages and streams."""

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import names
from resolver.model import Edns, Question
from resolver.wire.build import build_query
from resolver.wire.tsig import ALGORITHMS, Key, Rejected, Signer, Valid, Verifier, verify_request

NOW = 1_700_000_000
SECRET = bytes(range(40))
THEIRS = {name: dns.name.from_text(names.show(a.name)) for name, a in ALGORITHMS.items()}
# dnspython 2.7 gives the truncated algorithms the right length.
BOTH = sorted(ALGORITHMS)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dns.message.time.time", lambda: NOW)


def pair(algorithm: str, secret: bytes = SECRET) -> tuple[Key, dns.tsig.Key]:
    mine = Key(names.read("key.example."), ALGORITHMS[algorithm], secret)
    return mine, dns.tsig.Key("key.example.", secret, THEIRS[algorithm])


def query(name: str = "www.example.com.", **options: int) -> bytes:
    return build_query(
        4711, Question(names.read(name), 1), edns=Edns(), recursion_desired=True, **options
    )


@pytest.mark.parametrize("algorithm", BOTH)
def test_query_signed_here_is_valid_there(algorithm: str) -> None:
    mine, theirs = pair(algorithm)
    packet = Signer(mine).sign(query(), NOW)
    assert len(packet) - len(query()) <= mine.record_octets
    message = dns.message.from_wire(packet, keyring=theirs)
    assert message.had_tsig
    with pytest.raises(dns.tsig.BadSignature):
        dns.message.from_wire(packet, keyring=pair(algorithm, b"another secret")[1])


@pytest.mark.parametrize("algorithm", BOTH)
def test_query_signed_there_is_valid_here_and_so_is_the_reply_back(algorithm: str) -> None:
    mine, theirs = pair(algorithm)
    message = dns.message.make_query("www.example.com.", "A")
    message.use_tsig(theirs)
    packet = message.to_wire()
    valid = verify_request(packet, {mine.name: mine}, NOW)
    assert isinstance(valid, Valid)
    assert valid.key is mine

    reply = dns.message.make_response(dns.message.from_wire(packet, keyring=theirs))
    reply.tsig = None
    unsigned = reply.to_wire()
    signed = valid.signer().sign(unsigned, NOW)
    read = dns.message.from_wire(signed, keyring=theirs, request_mac=message.mac)
    assert read.had_tsig
    with pytest.raises(dns.tsig.BadSignature):
        dns.message.from_wire(signed, keyring=theirs, request_mac=b"other" * 4)


@pytest.mark.parametrize("algorithm", BOTH)
def test_reply_signed_there_is_valid_here(algorithm: str) -> None:
    mine, theirs = pair(algorithm)
    signer = Signer(mine)
    request = dns.message.from_wire(signer.sign(query(), NOW), keyring=theirs)
    reply = dns.message.make_response(request)
    packet = reply.to_wire()
    verifier = Verifier(mine, signer.mac)
    assert verifier.verify(packet, NOW) is None
    assert verifier.signed_to_the_end
    flaw = Verifier(mine, bytes(32)).verify(packet, NOW)
    assert flaw is not None


def their_stream(
    key: dns.tsig.Key, request_mac: bytes, signed: list[bool], count: int
) -> list[bytes]:
    """Replies of which some are signed, the way RFC 8945 section 5.3.1 has them."""
    packets = []
    context = None
    pending = b""
    for i in range(count):
        reply = dns.message.Message(id=4711)
        reply.flags |= 0x8000
        reply.answer.append(
            dns.rrset.from_text(f"n{i}.example.com.", 5, "IN", "TXT", f'"record {i}"')
        )
        wire = reply.to_wire()
        if not signed[i]:
            if context is None:
                raise AssertionError("the first message is signed")
            context.update(wire)
            pending += wire
            packets.append(wire)
            continue
        rdata = dns.message.Message._make_tsig(
            key.name, key.algorithm, NOW, 300, b"", reply.id, 0, b""
        )[0]
        tsig, context = dns.tsig.sign(wire, key, rdata, NOW, request_mac, context, True)
        record = dns.rrset.from_rdata(key.name, 0, tsig)
        reply.additional.append(record)
        packets.append(reply.to_wire(max_size=65535))
    return packets


@given(
    algorithm=st.sampled_from(BOTH),
    pattern=st.lists(st.booleans(), min_size=0, max_size=12),
    secret=st.binary(min_size=1, max_size=80),
)
def test_stream_signed_there_is_valid_here(
    algorithm: str, pattern: list[bool], secret: bytes
) -> None:
    mine, theirs = pair(algorithm, secret)
    signer = Signer(mine)
    signer.sign(query(), NOW)
    signed = [True, *pattern, True]
    verifier = Verifier(mine, signer.mac)
    for packet, is_signed in zip(
        their_stream(theirs, signer.mac, signed, len(signed)), signed, strict=True
    ):
        assert verifier.verify(packet, NOW) is None
        assert verifier.signed_to_the_end == is_signed


@given(algorithm=st.sampled_from(BOTH), count=st.integers(1, 8), size=st.integers(0, 2000))
def test_stream_signed_here_is_valid_there(algorithm: str, count: int, size: int) -> None:
    mine, theirs = pair(algorithm)
    request = Signer(mine)
    request.sign(query(), NOW)
    signer = Signer(mine, request.mac)
    context = None
    for i in range(count):
        reply = dns.message.Message(id=4711)
        reply.flags |= 0x8000
        reply.answer.append(dns.rrset.from_text(f"n{i}.example.com.", 5, "IN", "A", "192.0.2.1"))
        packet = signer.sign(reply.to_wire() + b"", NOW + i)
        message = dns.message.from_wire(
            packet,
            keyring=theirs,
            request_mac=request.mac,
            multi=True,
            tsig_ctx=context,
            xfr=True,
        )
        assert message.had_tsig
        context = message.tsig_ctx


@given(data=st.data())
def test_one_changed_octet_is_never_valid(data: st.DataObject) -> None:
    mine, _ = pair("hmac-sha256")
    packet = bytearray(Signer(mine).sign(query(), NOW))
    at = data.draw(st.integers(2, len(packet) - 1))
    packet[at] ^= data.draw(st.integers(1, 255))
    try:
        verdict = verify_request(bytes(packet), {mine.name: mine}, NOW)
    except ValueError:
        return
    if isinstance(verdict, Valid):
        # The case of names is not signed: they are hashed in lower case (RFC 8945 section 4.3.3).
        original = Signer(mine).sign(query(), NOW)
        assert at >= len(query())
        assert bytes(packet).lower() == original.lower()
    else:
        assert verdict is None or isinstance(verdict, Rejected)
