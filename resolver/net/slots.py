"""The memory of a batch of datagrams: one buffer of slots, and what lies in them.

A datagram is received into a slot and its reply is written over it, so nothing is allocated per
datagram but what a caller takes out. Knows sockets' address families; does not know DNS, nor how
slots are filled and sent (batch_udp.py, plain_udp.py).

Sources: ip(7) for IP_PKTINFO, RFC 3542 section 6 for IPV6_RECVPKTINFO.
"""

import errno
import mmap
import socket
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

SLOTS: Final = 64
SLOT_OCTETS: Final = 4096
# One more slot for replies that are sent late and alone, larger than any UDP payload.
SPARE: Final = SLOTS
SPARE_OCTETS: Final = 65536

# The socket module names it from Python 3.14 on; the number is Linux's.
IP_PKTINFO: Final[int] = getattr(socket, "IP_PKTINFO", 8)

# Errors that concern one datagram only, so that the next one is still worth sending: a source port
# of 0, a packet filter, a broadcast address, no route. Others (no buffers) end the batch.
FAULTS_OF_ONE_DATAGRAM: Final = frozenset(
    (
        errno.EINVAL,
        errno.EPERM,
        errno.EACCES,
        errno.EMSGSIZE,
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EADDRNOTAVAIL,
        errno.ECONNREFUSED,
        errno.ENODEV,
    )
)

# Where a late reply goes and from which local address; opaque but to the batch that made it.
ReturnPath: TypeAlias = tuple[Any, Any]


# RFC 4291 section 2.5.5.2.
_MAPPED: Final = bytes(10) + b"\xff\xff"


def unmapped(packed: bytes) -> bytes:
    """A packed address; an IPv4 client of a socket for both families by its IPv4 address."""
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed


class Batch(ABC):
    """The slots of one socket.

    After `receive`, items 0 to n-1 of `lengths` (octets) and of `peers` (hashable, equal for equal
    addresses) describe the datagrams. A reply is left in `buffer` at `starts[i]`, its length in
    `sizes[i]`. `wildcard` makes replies leave from the address that was asked.
    """

    def __init__(self, sock: socket.socket, *, wildcard: bool, front_octets: int = 0) -> None:
        self._sock = sock
        self._ipv4 = sock.family == socket.AF_INET
        self._wildcard = wildcard
        if wildcard:
            _ask_for_local_address(sock)
        self.buffer = mmap.mmap(-1, front_octets + SLOTS * SLOT_OCTETS + SPARE_OCTETS)
        self.starts = tuple(front_octets + i * SLOT_OCTETS for i in range(SLOTS + 1))
        # Behind the id, which query and reply share.
        self.bodies = tuple(start + 2 for start in self.starts)
        self.lengths: list[int] = []
        self.peers: Sequence[int | bytes] = []
        # Unsigned long has the size of size_t on every Linux.
        self.sizes = array("L", [0]) * SLOTS

    @abstractmethod
    def receive(self) -> int:
        """Fill the slots with what is waiting; the number of datagrams, 0 to SLOTS."""

    @abstractmethod
    def send(self, slots: Sequence[int] | None = None) -> int:
        """Send what lies in the given slots, or in all received ones; how many were taken."""

    @abstractmethod
    def peer(self, slot: int) -> bytes:
        """The packed address of the sender, 4 or 16 octets."""

    @abstractmethod
    def port(self, slot: int) -> int:
        """The port of the sender."""

    @abstractmethod
    def return_path(self, slot: int) -> ReturnPath:
        """What `send_late` needs to answer this datagram after the slot has been used again."""

    @abstractmethod
    def send_late(self, replies: Sequence[tuple[ReturnPath, bytes]]) -> int:
        """Send replies to datagrams received before; how many were taken. Uses the slots: what lies
        in them is lost."""

    def packet(self, slot: int) -> bytes:
        """A copy of the datagram in a slot."""
        start = self.starts[slot]
        return self.buffer[start : start + self.lengths[slot]]

    def reply(self, slot: int) -> bytes:
        """A copy of the reply that lies in a slot."""
        start = self.starts[slot]
        return self.buffer[start : start + self.sizes[slot]]

    def fourth_octets(self, count: int) -> bytes:
        """The fourth octet, which has the rcode in it, of each of the first `count` slots."""
        return self.buffer[self.starts[0] + 3 : self.starts[count] : SLOT_OCTETS]

    def put(self, slot: int, reply: bytes) -> None:
        """Leave a reply of at most SLOT_OCTETS in a slot."""
        start = self.starts[slot]
        self.buffer[start : start + len(reply)] = reply
        self.sizes[slot] = len(reply)


def _ask_for_local_address(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
