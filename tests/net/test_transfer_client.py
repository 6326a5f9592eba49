"""Signed transfers: whatever is wrong with one signature of many, nothing of the transfer is used.

The primary signs with dnspython; the client under test is asked directly.
"""

import asyncio
import struct
from collections.abc import Callable

import dns.message
import dns.tsig
import pytest
from fake_primary import NAME, FakePrimary, soa

from resolver import names
from resolver.config.schema import OutgoingSettings
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.peer_client import PeerClient
from resolver.net.transfer_client import Patience, Wanted, transfer
from resolver.wire.tsig import ALGORITHMS, Key
from resolver.zone.peer import Peer
from resolver.zone.primaries import Unreached
from resolver.zone.transfer_in import Bounds, Refused, Result, Whole

pytestmark = pytest.mark.loopback
ORIGIN = names.read(NAME)
SECRET = b"32 octets" * 4
OURS = Key(names.read("key."), ALGORITHMS["hmac-sha256"], SECRET)
THEIRS = dns.tsig.Key("key.", SECRET, "hmac-sha256")
COUNT = 5
Change = Callable[[int, bytes, bytes], bytes]


class SignedPrimary(FakePrimary):
    """Sends its zone in COUNT messages, all of them signed; `change` gets the number of a message,
    the message signed and the same unsigned, and says what goes out."""

    def __init__(self, change: Change, count: int = COUNT) -> None:
        super().__init__()
        self._change = change
        self._count = count
        self.behave = self.send_signed

    async def send_signed(self, query: dns.message.Message, writer: asyncio.StreamWriter) -> None:
        first, *rest = self.lines()
        filler = [[f"n{n}.{NAME} 300 IN TXT x"] for n in range(self._count - 2)]
        context = None
        for number, lines in enumerate([[soa(1), first, *rest], *filler, [soa(1)]], 1):
            response = self.reply(query, *lines)
            response.tsig = None  # dnspython answers signed queries signed by itself
            unsigned = response.to_wire()
            response.use_tsig(THEIRS, original_id=query.id)
            response.request_mac = query.mac
            signed = response.to_wire(multi=True, tsig_ctx=context)
            context = response.tsig_ctx
            packet = self._change(number, signed, unsigned)
            writer.write(struct.pack("!H", len(packet)) + packet)
        await writer.drain()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """What a key does not fit gets the end of the connection."""
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            packet = await reader.readexactly(length)
            query = dns.message.from_wire(packet, keyring={THEIRS.name: THEIRS})
            await self.behave(query, writer)
        except dns.tsig.BadSignature:
            pass
        finally:
            writer.close()


async def result_of(
    change: Change, *, key: Key | None = OURS, count: int = COUNT
) -> Result | Unreached:
    keys = {} if key is None else {key.name: key}
    clock = SystemClock()
    async with SignedPrimary(change, count) as primary:
        peer = Peer(Address("127.0.0.1", primary.port), None if key is None else key.name)
        client = PeerClient(OutgoingSettings(), keys, clock=clock)
        wanted = Wanted(ORIGIN, None, None, Bounds())
        return await transfer(client, peer, wanted, Patience(5.0, 2.0), clock=clock)


async def test_transfer_with_every_message_signed_is_taken() -> None:
    assert isinstance(await result_of(lambda number, signed, unsigned: signed), Whole)


@pytest.mark.parametrize("wrong", range(1, COUNT + 1))
async def test_one_wrong_signature_spoils_all(wrong: int) -> None:
    def change(number: int, signed: bytes, unsigned: bytes) -> bytes:
        # The last octets of a TSIG are error and other length; the MAC is before them.
        return (
            signed[:-12] + bytes((signed[-12] ^ 1,)) + signed[-11:] if number == wrong else signed
        )

    result = await result_of(change)
    assert isinstance(result, Refused)
    assert result.reason == "TSIG: the signature is wrong"


@pytest.mark.parametrize("wrong", range(1, COUNT + 1))
async def test_one_changed_message_spoils_all(wrong: int) -> None:
    def change(number: int, signed: bytes, unsigned: bytes) -> bytes:
        changed = signed.replace(b"\x00\x00\x01\x2c", b"\x00\x00\x01\x2d")  # a TTL
        return changed if number == wrong else signed

    result = await result_of(change)
    assert isinstance(result, Refused)
    assert result.reason.startswith("TSIG: ")


@pytest.mark.parametrize("wrong", range(1, COUNT + 1))
async def test_signature_that_is_taken_away_is_missed(wrong: int) -> None:
    """In the middle by the next signature, at both ends at once (RFC 8945 section 5.3.1)."""
    result = await result_of(
        lambda number, signed, unsigned: unsigned if number == wrong else signed
    )
    assert isinstance(result, Refused)
    assert result.reason.startswith("TSIG: ")


async def test_transfer_without_any_signature_is_refused() -> None:
    result = await result_of(lambda number, signed, unsigned: unsigned)
    assert result == Refused("TSIG: not signed")


async def test_more_than_99_messages_without_a_signature_are_refused() -> None:
    result = await result_of(
        lambda number, signed, unsigned: signed if number == 1 else unsigned, count=110
    )
    assert result == Refused("TSIG: more than 99 messages unsigned")


async def test_other_secret_is_refused() -> None:
    other = Key(OURS.name, OURS.algorithm, b"another" * 5)
    result = await result_of(lambda number, signed, unsigned: signed, key=other)
    assert isinstance(result, Refused)


async def test_nobody_there_is_no_refusal() -> None:
    client = PeerClient(OutgoingSettings(), {}, clock=SystemClock())
    wanted = Wanted(ORIGIN, None, None, Bounds())
    async with FakePrimary() as primary:
        port = primary.port
    peer = Peer(Address("127.0.0.1", port))
    result = await transfer(client, peer, wanted, Patience(), clock=SystemClock())
    assert result == Unreached("Connection refused")
