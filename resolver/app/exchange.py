"""One query to one server over plain blocking sockets: for people at a terminal.

The serving side asks through net/; this is for a command that has nothing else to do meanwhile. A
datagram that is no reply to the query is passed over.

Knows: RFC 1035 section 4.2, RFC 7766 section 8 (length in front). Does not know: what is asked.
"""

import socket
import time
from dataclasses import dataclass
from typing import TypeAlias

from resolver.errors import WireError
from resolver.model import Address, Message, Question
from resolver.wire.framing import Framer, frame
from resolver.wire.parse import parse

TRIES = 3
TRY_S = 2.0
STREAM_S = 5.0
_MAX_DATAGRAM_OCTETS = 65535
_READ_OCTETS = 65536


@dataclass(frozen=True, slots=True)
class Received:
    """A reply, and how it came. `rtt_s` counts from the try that was answered."""

    message: Message
    octets: int
    rtt_s: float
    stream: bool


@dataclass(frozen=True, slots=True)
class NoReply:
    """Nobody answered, and what happened instead."""

    reason: str


@dataclass(frozen=True, slots=True)
class BadReply:
    """An answer came that cannot be shown, and why."""

    reason: str


Result: TypeAlias = Received | NoReply | BadReply


def ask(server: Address, query: bytes, question: Question, *, stream: bool) -> Result:
    """Send a query and wait for its reply, over UDP with TRIES tries of TRY_S seconds."""
    try:
        return _ask_stream(server, query, question) if stream else _ask_udp(server, query, question)
    except WireError as error:
        return BadReply(f"the reply of {server} is malformed: {error}")
    except TimeoutError:
        return NoReply(f"no reply from {server}")
    except OSError as error:
        return NoReply(f"{server}: {error.strerror or error}")


def _ask_udp(server: Address, query: bytes, question: Question) -> Result:
    family = socket.AF_INET6 if ":" in server.ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((server.ip, server.port))
        for _ in range(TRIES):
            sent_at = time.monotonic()
            sock.send(query)
            while (left := sent_at + TRY_S - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    packet = sock.recv(_MAX_DATAGRAM_OCTETS)
                except TimeoutError:
                    break
                if _is_reply(packet, query):
                    rtt_s = time.monotonic() - sent_at
                    return _received(packet, question, rtt_s, stream=False)
    raise TimeoutError


def _ask_stream(server: Address, query: bytes, question: Question) -> Result:
    started_at = time.monotonic()
    framer = Framer()
    with socket.create_connection((server.ip, server.port), timeout=STREAM_S) as sock:
        sock.sendall(frame(query))
        while (left := started_at + STREAM_S - time.monotonic()) > 0:
            sock.settimeout(left)
            data = sock.recv(_READ_OCTETS)
            if not data:
                return NoReply(f"{server} closed the connection")
            for packet in framer.feed(data):
                if _is_reply(packet, query):
                    rtt_s = time.monotonic() - started_at
                    return _received(packet, question, rtt_s, stream=True)
    raise TimeoutError


def _is_reply(packet: bytes, query: bytes) -> bool:
    """Whether the packet has our id and is a response."""
    return len(packet) >= 3 and packet[:2] == query[:2] and bool(packet[2] & 0x80)


def _received(
    packet: bytes, question: Question, rtt_s: float, *, stream: bool
) -> Received | BadReply:
    message = parse(packet)
    if message.questions and message.questions[0].key != question.key:
        return BadReply(f"the reply is about another question: {message.questions[0]}")
    return Received(message, len(packet), rtt_s, stream)
