"""Many datagrams per system call: recvmmsg and sendmmsg over memory that is laid out once.

The same message headers that received a datagram send its reply: peer and local address are in
place already. `open_batch` gives the plain loop of plain_udp.py where the system has no such calls.
Knows how memory is laid out; does not know DNS.

Sources: recvmmsg(2), sendmmsg(2), cmsg(3), ip(7), ipv6(7).
"""

import socket
from collections.abc import Sequence
from typing import Final

from resolver.net import mmsg
from resolver.net.plain_udp import PlainBatch
from resolver.net.slots import (
    FAULTS_OF_ONE_DATAGRAM,
    SLOT_OCTETS,
    SLOTS,
    SPARE,
    Batch,
    ReturnPath,
    unmapped,
)

_COUNT: Final[int] = SLOTS + 1  # the spare slot has headers of its own
_HEADER: Final[int] = mmsg.HEADER_OCTETS
_IOVEC: Final[int] = mmsg.IOVEC_OCTETS
_NAME: Final[int] = 32  # sockaddr_in has 16 octets, sockaddr_in6 28
_NAME_USED = {socket.AF_INET: 16, socket.AF_INET6: 28}
_CMSG_HEADER: Final[int] = mmsg.SIZE_OCTETS + 8
_CONTROL: Final[int] = 64
# CMSG_SPACE of in_pktinfo (12 octets) and in6_pktinfo (20): the kernel fills exactly this.
_ALIGN: Final[int] = mmsg.SIZE_OCTETS
_CONTROL_USED = {
    family: _CMSG_HEADER + -(-octets // _ALIGN) * _ALIGN
    for family, octets in ((socket.AF_INET, 12), (socket.AF_INET6, 20))
}
# The interface index is the first word of in_pktinfo and the last of in6_pktinfo.
_INTERFACE = {socket.AF_INET: _CMSG_HEADER, socket.AF_INET6: _CMSG_HEADER + 16}

_DONTWAIT: Final = int(socket.MSG_DONTWAIT)

_HEADERS: Final[int] = 0
_IOVECS: Final[int] = _HEADERS + _COUNT * _HEADER
_NAMES: Final[int] = _IOVECS + _COUNT * _IOVEC
_CONTROLS: Final[int] = _NAMES + _COUNT * _NAME
_FRONT: Final[int] = 16384
# All that a system call changes and the next one needs.
_RECEIVING: Final[int] = _IOVECS + SLOTS * _IOVEC


def open_batch(sock: socket.socket, *, wildcard: bool) -> Batch:
    """Slots for a bound, non-blocking UDP socket; `wildcard` if it is bound to no one address."""
    if not mmsg.is_there(sock.fileno()):
        return PlainBatch(sock, wildcard=wildcard)
    return MmsgBatch(sock, wildcard=wildcard)


class MmsgBatch(Batch):
    """Slots that are filled by recvmmsg and sent by sendmmsg."""

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        super().__init__(sock, wildcard=wildcard, front_octets=_FRONT)
        self._fd = sock.fileno()
        self._address = mmsg.address_of(self.buffer)
        self._first = mmsg.pointer_to(self._address + _HEADERS)
        self._family = sock.family
        self._lay_out()
        self._template = self.buffer[_HEADERS:_RECEIVING]
        view = memoryview(self.buffer)
        self._lengths = view[_HEADERS:_IOVECS].cast("I")[mmsg.LENGTH_OFFSET // 4 :: _HEADER // 4]
        self._iovec_lengths = view[_IOVECS:_NAMES].cast("L")[1::2]
        self._ipv4_peers = view[_NAMES:_CONTROLS].cast("I")[1 :: _NAME // 4]
        controls = view[_CONTROLS : _CONTROLS + _COUNT * _CONTROL].cast("I")
        self._interfaces = controls[_INTERFACE[sock.family] // 4 :: _CONTROL // 4]
        self._no_interfaces = memoryview(bytes(4 * _COUNT)).cast("I")
        self._sizes = memoryview(self.sizes)
        self._received = 0

    def _lay_out(self) -> None:
        headers = (mmsg.Mmsghdr * _COUNT).from_buffer(self.buffer, _HEADERS)
        iovecs = (mmsg.Iovec * _COUNT).from_buffer(self.buffer, _IOVECS)
        for i in range(_COUNT):
            iovecs[i].base = self._address + self.starts[i]
            iovecs[i].length = SLOT_OCTETS
            header = headers[i].header
            header.name = self._address + _NAMES + i * _NAME
            header.namelen = _NAME_USED[self._family]
            header.iov = self._address + _IOVECS + i * _IOVEC
            header.iovlen = 1
            if self._wildcard:
                header.control = self._address + _CONTROLS + i * _CONTROL
                header.controllen = _CONTROL_USED[self._family]

    def receive(self) -> int:
        buffer = self.buffer
        buffer[_HEADERS:_RECEIVING] = self._template
        count: int = mmsg.recvmmsg(self._fd, self._first, SLOTS, _DONTWAIT, None)
        if count <= 0:
            self._received = 0
            return 0
        self._received = count
        self.lengths = self._lengths[:count].tolist()
        if self._ipv4:
            self.peers = self._ipv4_peers[:count].tolist()
        else:
            ends = range(_NAMES + 24, _NAMES + 24 + count * _NAME, _NAME)
            self.peers = [buffer[end - 16 : end] for end in ends]
        if self._wildcard:
            # The route decides by which interface a reply leaves, not the one the query came by.
            self._interfaces[:count] = self._no_interfaces[:count]
        return count

    def send(self, slots: Sequence[int] | None = None) -> int:
        count = self._received
        self._iovec_lengths[:count] = self._sizes[:count]
        if slots is not None:
            count = len(slots)
            self._gather(slots)
        return self._send_headers(0, count)

    def _gather(self, slots: Sequence[int]) -> None:
        """Put the headers of these slots to the front, where one system call finds them.

        They are as they were laid out: the kernel fills names and controls to the same lengths.
        """
        to = _HEADERS
        for slot in slots:
            self.buffer[to : to + _HEADER] = self._template[slot * _HEADER : (slot + 1) * _HEADER]
            to += _HEADER

    def _send_headers(self, first: int, end: int) -> int:
        sent = 0
        while first < end:
            at = self._first
            if first:
                at = mmsg.pointer_to(self._address + _HEADERS + first * _HEADER)
            taken: int = mmsg.sendmmsg(self._fd, at, end - first, _DONTWAIT)
            if taken > 0:
                sent += taken
                first += taken
            elif mmsg.get_errno() in FAULTS_OF_ONE_DATAGRAM:
                first += 1
            else:
                break
        return sent

    def peer(self, slot: int) -> bytes:
        at = _NAMES + slot * _NAME
        if self._ipv4:
            return self.buffer[at + 4 : at + 8]
        return unmapped(self.buffer[at + 8 : at + 24])

    def port(self, slot: int) -> int:
        at = _NAMES + slot * _NAME
        return self.buffer[at + 2] << 8 | self.buffer[at + 3]

    def return_path(self, slot: int) -> ReturnPath:
        name = _NAMES + slot * _NAME
        control = _CONTROLS + slot * _CONTROL
        return (
            self.buffer[name : name + _NAME],
            self.buffer[control : control + _CONTROL] if self._wildcard else b"",
        )

    def send_late(self, replies: Sequence[tuple[ReturnPath, bytes]]) -> int:
        return sum(
            self._send_some(replies[first : first + SLOTS])
            for first in range(0, len(replies), SLOTS)
        )

    def _send_some(self, replies: Sequence[tuple[ReturnPath, bytes]]) -> int:
        """As many as there are slots, with one system call; what fits into none goes alone."""
        self.buffer[_HEADERS:_RECEIVING] = self._template
        sent = count = 0
        for path, reply in replies:
            if len(reply) > SLOT_OCTETS:
                self._lay(SPARE, path, reply)
                sent += self._send_headers(SPARE, SPARE + 1)
            else:
                self._lay(count, path, reply)
                count += 1
        return sent + self._send_headers(0, count)

    def _lay(self, slot: int, path: ReturnPath, reply: bytes) -> None:
        """A reply into a slot, and where it goes."""
        buffer = self.buffer
        name, control = path
        at = _NAMES + slot * _NAME
        buffer[at : at + _NAME] = name
        if control:
            at = _CONTROLS + slot * _CONTROL
            buffer[at : at + _CONTROL] = control
        start = self.starts[slot]
        buffer[start : start + len(reply)] = reply
        self._iovec_lengths[slot] = len(reply)
