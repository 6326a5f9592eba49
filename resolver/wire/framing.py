"""Messages on a stream: each is preceded by its length in two octets.

Knows: RFC 1035 section 4.2.2, RFC 7766 section 8. Does not know: connections, time-outs, messages.
"""

from struct import Struct
from typing import Final

MAX_MESSAGE_OCTETS: Final = 65535

_LENGTH: Final = Struct("!H")


def frame(packet: bytes) -> bytes:
    """The packet with its length in front, to be sent in one write (RFC 7766 section 8).

    Raises ValueError for a packet of more than 65535 octets.
    """
    if len(packet) > MAX_MESSAGE_OCTETS:
        raise ValueError(f"{len(packet)} octets do not fit in a frame")
    return _LENGTH.pack(len(packet)) + packet


class Framer:
    """Cuts what a stream delivers, in pieces of any size, into packets.

    Holds at most one unfinished packet: 65536 octets. An empty packet is handed on like any other,
    since what to do about it is not decided here.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Octets of an unfinished packet; at the end of a stream, 0 means that nothing is lost."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The packets that are complete now."""
        buffer = self._buffer
        buffer += data
        packets: list[bytes] = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(buffer, start)[0]
            if end > len(buffer):
                break
            packets.append(bytes(buffer[start + _LENGTH.size : end]))
            start = end
        del buffer[:start]
        return packets
