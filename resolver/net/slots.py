"""A batch of datagrams in slots, and the replies to them.

Knows sockets' address families; does not know DNS, nor how slots are filled and sent
(batch_udp.py, plain_udp.py).

Sources: ip(7) for IP_PKTINFO, RFC 3542 section 6 for IPV6_RECVPKTINFO.
"""

import errno
import socket
from abc import ABC, abstractmethod
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
ReturnPath: TypeAlias = Any


# RFC 4291 section 2.5.5.2.
_MAPPED: Final = bytes(10) + b"\xff\xff"


def unmapped(packed: bytes) -> bytes:
    """A packed address; an IPv4 client of a socket for both families by its IPv4 address."""
    return packed[12:] if len(packed) == 16 and packed.startswith(_MAPPED) else packed


class Batch(ABC):
    """The datagrams that one socket received together, each in a slot, and a reply to each.

    After `receive`, items 0 to n-1 of `lengths` (octets) and of `peers` (hashable, equal for equal
    addresses) describe the datagrams, and `fronts` has the first FRONT_OCTETS octets of each;
    behind a shorter one is anything. `wildcard` makes replies leave from the address that was
    asked.
    """

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        self._sock = sock
        self._ipv4 = sock.family == socket.AF_INET
        self._wildcard = wildcard
        if wildcard:
            _ask_for_local_address(sock)
        self.fronts = b""
        self.lengths: list[int] = []
        self.peers: list[int | bytes] = []

    @abstractmethod
    def receive(self) -> int:
        """Fill the slots with what is waiting; the number of datagrams, 0 to SLOTS."""

    @abstractmethod
    def fill(self, tails: list[bytes]) -> None:
        """Leave a reply for each of the datagrams received, of at most SLOT_OCTETS and given
        without the id, which is that of the datagram; anything where no reply will be sent."""

    @abstractmethod
    def put(self, slot: int, reply: bytes) -> None:
        """Leave a reply of at most SLOT_OCTETS for one datagram."""

    @abstractmethod
    def send(self, slots: Sequence[int] | None = None) -> int:
        """Send the replies to the datagrams in the given slots, or to all; how many were taken."""

    @abstractmethod
    def packet(self, slot: int) -> bytes:
        """A copy of the datagram in a slot."""

    @abstractmethod
    def reply(self, slot: int) -> bytes:
        """A copy of the reply to it."""

    @abstractmethod
    def fourth_octets(self, count: int) -> bytes:
        """The fourth octet, which has the rcode in it, of each of the first `count` replies that
        `fill` has left; 0 where it was given none."""

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
    def send_late(self, paths: list[ReturnPath], replies: list[bytes]) -> int:
        """Send replies to datagrams received before, each on its path; how many were taken. Uses up
        the lists, and the slots: what lies in them is lost."""


def _ask_for_local_address(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
