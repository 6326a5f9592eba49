"""Many datagrams per system call: recvmmsg and sendmmsg over memory that is laid out once.

The message header that sends a reply points to where the one that received its datagram has left
peer and local address. What most datagrams and replies need lies close together, so that little
memory is touched and one copy takes a whole batch: the first octets of each datagram, and replies
that are short. What is longer has a place of its own. `open_batch` gives the plain loop of
plain_udp.py where the system has no such calls.

Knows how memory is laid out; does not know DNS but that the id comes first.

Sources: recvmmsg(2), sendmmsg(2), cmsg(3), ip(7), ipv6(7).
"""

import mmap
import socket
import struct
from array import array
from collections.abc import Callable, Sequence
from typing import Final

from resolver.net import mmsg
from resolver.net.plain_udp import PlainBatch
from resolver.net.slots import (
    FAULTS_OF_ONE_DATAGRAM,
    SLOT_OCTETS,
    SLOTS,
    SPARE,
    SPARE_OCTETS,
    Batch,
    ReturnPath,
    unmapped,
)
from resolver.serve.fast import FRONT_OCTETS
from resolver.wire.peek import ID_OCTETS

_COUNT: Final[int] = SLOTS + 1  # to send from, there is one spare slot
_HEADER: Final[int] = mmsg.HEADER_OCTETS
_IOVEC: Final[int] = mmsg.IOVEC_OCTETS
_NAME: Final[int] = 32  # sockaddr_in has 16 octets, sockaddr_in6 28
_NAME_USED = {socket.AF_INET: 16, socket.AF_INET6: 28}
_CMSG_HEADER: Final[int] = mmsg.SIZE_OCTETS + 8
_CONTROL: Final[int] = 64
_PATH: Final[int] = _NAME + _CONTROL  # where a datagram came from, and what it was sent to
# CMSG_SPACE of in_pktinfo (12 octets) and in6_pktinfo (20): the kernel fills exactly this.
_ALIGN: Final[int] = mmsg.SIZE_OCTETS
_CONTROL_USED = {
    family: _CMSG_HEADER + -(-octets // _ALIGN) * _ALIGN
    for family, octets in ((socket.AF_INET, 12), (socket.AF_INET6, 20))
}
# The interface index is the first word of in_pktinfo and the last of in6_pktinfo.
_INTERFACE = {socket.AF_INET: _CMSG_HEADER, socket.AF_INET6: _CMSG_HEADER + 16}

_DONTWAIT: Final = int(socket.MSG_DONTWAIT)

# A reply of at most so many octets lies beside the others.
_SHORT_OCTETS: Final = 256
# By their number: what puts replies in their places, without and with their ids.
_TAILS: Final = [
    struct.Struct(f"{ID_OCTETS}x{_SHORT_OCTETS - ID_OCTETS}s" * count).pack_into
    for count in range(SLOTS + 1)
]
_REPLIES: Final = [
    struct.Struct(f"{_SHORT_OCTETS}s" * count).pack_into for count in range(SLOTS + 1)
]

_RECEIVING: Final[int] = 0
_SENDING: Final[int] = _RECEIVING + SLOTS * _HEADER
_GATHERED: Final[int] = _SENDING + _COUNT * _HEADER
_INTO: Final[int] = _GATHERED + SLOTS * _HEADER  # two parts for each datagram
_OUT_OF: Final[int] = _INTO + SLOTS * 2 * _IOVEC
_NAMES: Final[int] = _OUT_OF + _COUNT * _IOVEC
_FRONTS: Final[int] = _NAMES + _COUNT * _PATH
_SHORT: Final[int] = _FRONTS + SLOTS * FRONT_OCTETS
_REST_OCTETS: Final[int] = SLOT_OCTETS - FRONT_OCTETS
_RESTS: Final[int] = _SHORT + SLOTS * _SHORT_OCTETS
_LONG: Final[int] = _RESTS + SLOTS * _REST_OCTETS
_END: Final[int] = _LONG + SLOTS * SLOT_OCTETS + SPARE_OCTETS


def open_batch(sock: socket.socket, *, wildcard: bool) -> Batch:
    """Slots for a bound, non-blocking UDP socket; `wildcard` if it is bound to no one address."""
    if not mmsg.is_there(sock.fileno()):
        return PlainBatch(sock, wildcard=wildcard)
    return MmsgBatch(sock, wildcard=wildcard)


class MmsgBatch(Batch):
    """Slots that are filled by recvmmsg and sent by sendmmsg."""

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        super().__init__(sock, wildcard=wildcard)
        self._fd = sock.fileno()
        self._family = sock.family
        self._path = _PATH if wildcard else _NAME
        self._buffer = mmap.mmap(-1, _END)
        self._address = mmsg.address_of(self._buffer)
        self._first = mmsg.pointer_to(self._address + _RECEIVING)
        self._lay_out()
        self._template = self._buffer[_RECEIVING:_SENDING]
        self._headers = [
            self._buffer[at : at + _HEADER] for at in range(_SENDING, _GATHERED, _HEADER)
        ]
        view = memoryview(self._buffer)
        self._lengths = view[_RECEIVING:_SENDING].cast("I")[mmsg.LENGTH_OFFSET // 4 :: _HEADER // 4]
        paths = view[_NAMES:_FRONTS].cast("I")
        self._ipv4_peers = paths[1 :: self._path // 4]
        self._interfaces = paths[(_NAME + _INTERFACE[sock.family]) // 4 :: _PATH // 4]
        self._no_interfaces = memoryview(bytes(4 * _COUNT)).cast("I")
        self._ids = view[_FRONTS:_SHORT].cast("H")[:: FRONT_OCTETS // 2]
        self._reply_ids = view[_SHORT:_RESTS].cast("H")[:: _SHORT_OCTETS // 2]
        self._places = view[_OUT_OF:_NAMES].cast("L")[0::2]
        self._sizes = view[_OUT_OF:_NAMES].cast("L")[1::2]
        self._long: list[int] = []
        self._received = 0
        self._names = b""
        self._last_sender: int | bytes = b""  # and his packed address
        self._last_peer = b""

    def _lay_out(self) -> None:
        into = (mmsg.Iovec * (2 * SLOTS)).from_buffer(self._buffer, _INTO)
        out_of = (mmsg.Iovec * _COUNT).from_buffer(self._buffer, _OUT_OF)
        for i in range(SLOTS):
            into[2 * i].base = self._address + _FRONTS + i * FRONT_OCTETS
            into[2 * i].length = FRONT_OCTETS
            into[2 * i + 1].base = self._address + _RESTS + i * _REST_OCTETS
            into[2 * i + 1].length = _REST_OCTETS
            out_of[i].base = self._address + _SHORT + i * _SHORT_OCTETS
        out_of[SPARE].base = self._address + _LONG + SPARE * SLOT_OCTETS
        receiving = (mmsg.Mmsghdr * SLOTS).from_buffer(self._buffer, _RECEIVING)
        sending = (mmsg.Mmsghdr * _COUNT).from_buffer(self._buffer, _SENDING)
        for headers, iovecs, each in ((receiving, _INTO, 2), (sending, _OUT_OF, 1)):
            for i, message in enumerate(headers):
                header = message.header
                header.name = self._address + _NAMES + i * self._path
                header.namelen = _NAME_USED[self._family]
                header.iov = self._address + iovecs + i * each * _IOVEC
                header.iovlen = each
                if self._wildcard:
                    header.control = header.name + _NAME
                    header.controllen = _CONTROL_USED[self._family]

    def receive(self) -> int:
        buffer = self._buffer
        buffer[_RECEIVING:_SENDING] = self._template
        if self._long:
            self._forget_long()
        count: int = mmsg.recvmmsg(self._fd, self._first, SLOTS, _DONTWAIT, None)
        if count <= 0:
            self._received = 0
            return 0
        self._received = count
        self._names = b""
        self.fronts = buffer[_FRONTS : _FRONTS + count * FRONT_OCTETS]
        self.lengths = self._lengths[:count].tolist()
        self.peers = self._ipv4_senders(count) if self._ipv4 else self._ipv6_senders(count)
        if self._wildcard:
            # The route decides by which interface a reply leaves, not the one the query came by.
            self._interfaces[:count] = self._no_interfaces[:count]
        return count

    def _ipv4_senders(self, count: int) -> list[int | bytes]:
        view = self._ipv4_peers[:count]
        octets = view.tobytes()
        if octets == octets[:4] * count:
            return [view[0]] * count  # the same object is soon compared
        return [*view.tolist()]

    def _ipv6_senders(self, count: int) -> list[int | bytes]:
        names = self._all_names()
        senders: list[int | bytes] = []
        last = b""
        for at in range(8, count * self._path, self._path):
            sender = names[at : at + 16]
            if sender != last:
                last = sender
            senders.append(last)
        return senders

    def fill(self, tails: list[bytes]) -> None:
        count = len(tails)
        long = self._lay(_TAILS[count], tails, ID_OCTETS)
        self._reply_ids[:count] = self._ids[:count]
        for slot in long:
            start = _SHORT + slot * _SHORT_OCTETS
            self.put(slot, self._buffer[start : start + ID_OCTETS] + tails[slot])

    def _lay(self, pack: Callable[..., None], replies: list[bytes], missing: int) -> list[int]:
        """Put replies that lack so many octets in their places, all but those that are too long to
        lie there, whose slots are returned."""
        pack(self._buffer, _SHORT, *replies)
        sizes: list[int] = []
        long: list[int] = []
        for slot, reply in enumerate(replies):
            size = len(reply) + missing
            sizes.append(size)
            if size > _SHORT_OCTETS:
                long.append(slot)
        self._sizes[: len(sizes)] = array("L", sizes)
        return long

    def put(self, slot: int, reply: bytes) -> None:
        size = len(reply)
        start = _SHORT + slot * _SHORT_OCTETS
        if size > _SHORT_OCTETS:
            start = _LONG + slot * SLOT_OCTETS
            self._long.append(slot)
        self._buffer[start : start + size] = reply
        self._places[slot] = self._address + start
        self._sizes[slot] = size

    def _forget_long(self) -> None:
        """Have replies sent from where short ones lie."""
        for slot in self._long:
            self._places[slot] = self._address + _SHORT + slot * _SHORT_OCTETS
        self._long = []

    def send(self, slots: Sequence[int] | None = None) -> int:
        if slots is None:
            return self._send_headers(_SENDING, self._received)
        # One system call sends what lies in a row.
        headers = b"".join([self._headers[slot] for slot in slots])
        self._buffer[_GATHERED : _GATHERED + len(headers)] = headers
        return self._send_headers(_GATHERED, len(slots))

    def _send_headers(self, start: int, count: int) -> int:
        sent = done = 0
        while done < count:
            at = mmsg.pointer_to(self._address + start + done * _HEADER)
            taken: int = mmsg.sendmmsg(self._fd, at, count - done, _DONTWAIT)
            if taken > 0:
                sent += taken
                done += taken
            elif mmsg.get_errno() in FAULTS_OF_ONE_DATAGRAM:
                done += 1
            else:
                break
        return sent

    def packet(self, slot: int) -> bytes:
        start = slot * FRONT_OCTETS
        octets = self.lengths[slot]
        if octets <= FRONT_OCTETS:
            return self.fronts[start : start + octets]
        rest = _RESTS + slot * _REST_OCTETS
        return (
            self.fronts[start : start + FRONT_OCTETS]
            + self._buffer[rest : rest + octets - FRONT_OCTETS]
        )

    def reply(self, slot: int) -> bytes:
        start: int = self._places[slot] - self._address
        size: int = self._sizes[slot]
        return self._buffer[start : start + size]

    def fourth_octets(self, count: int) -> bytes:
        return self._buffer[_SHORT + 3 : _SHORT + count * _SHORT_OCTETS : _SHORT_OCTETS]

    def _all_names(self) -> bytes:
        """A copy of the addresses of all senders, made when the first of them is asked for."""
        names = self._names
        if names == b"":
            names = self._names = self._buffer[_NAMES : _NAMES + self._received * self._path]
        return names

    def peer(self, slot: int) -> bytes:
        sender = self.peers[slot]
        if sender is not self._last_sender:
            if sender != self._last_sender:  # else it is the same object as before
                names, at = self._all_names(), slot * self._path
                self._last_peer = (
                    names[at + 4 : at + 8] if self._ipv4 else unmapped(names[at + 8 : at + 24])
                )
            self._last_sender = sender
        return self._last_peer

    def port(self, slot: int) -> int:
        names, at = self._all_names(), slot * self._path
        return names[at + 2] << 8 | names[at + 3]

    def return_path(self, slot: int) -> ReturnPath:
        at = slot * self._path
        return self._all_names()[at : at + self._path]

    def send_late(self, paths: list[ReturnPath], replies: list[bytes]) -> int:
        sent = 0
        long = [at for at, reply in enumerate(replies) if len(reply) > SLOT_OCTETS]
        for at in reversed(long):
            sent += self._send_alone(paths.pop(at), replies.pop(at))
        for first in range(0, len(replies), SLOTS):
            end = first + SLOTS
            sent += self._send_some(paths[first:end], replies[first:end])
        return sent

    def _send_some(self, paths: list[ReturnPath], replies: list[bytes]) -> int:
        """As many as there are slots, with one system call."""
        self._forget_long()
        self._direct(0, b"".join(paths))
        for slot in self._lay(_REPLIES[len(replies)], replies, 0):
            self.put(slot, replies[slot])
        return self._send_headers(_SENDING, len(replies))

    def _send_alone(self, path: ReturnPath, reply: bytes) -> int:
        """One that fits into no slot but the spare one."""
        self._direct(SPARE, path)
        self.put(SPARE, reply)
        return self._send_headers(_SENDING + SPARE * _HEADER, 1)

    def _direct(self, slot: int, paths: bytes) -> None:
        """Have the replies in the slots from this one on go where their datagrams came from."""
        at = _NAMES + slot * self._path
        self._buffer[at : at + len(paths)] = paths
