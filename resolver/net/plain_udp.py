"""One datagram per system call, behind the interface of a batch: for systems without recvmmsg.

Sources: RFC 3542 section 6 (packet information).
"""

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Any, Final

from resolver.net.slots import (
    FAULTS_OF_ONE_DATAGRAM,
    IP_PKTINFO,
    SLOT_OCTETS,
    SLOTS,
    Batch,
    ReturnPath,
    unmapped,
)

_CONTROL_OCTETS: Final = 64
_Control = list[tuple[int, int, bytes]]


class PlainBatch(Batch):
    """Slots that are filled and sent one by one."""

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        super().__init__(sock, wildcard=wildcard)
        view = memoryview(self.buffer)
        self._slots = [view[s : s + SLOT_OCTETS] for s in self.starts[:SLOTS]]
        self._names: list[Any] = []
        self._controls: list[_Control] = []

    def receive(self) -> int:
        self._names = []
        self._controls = []
        lengths: list[int] = []
        peers: list[bytes] = []
        control_octets = _CONTROL_OCTETS if self._wildcard else 0
        for slot in self._slots:
            try:
                length, control, _, name = self._sock.recvmsg_into([slot], control_octets)
            except OSError:
                break
            lengths.append(length)
            self._names.append(name)
            self._controls.append([_without_interface(c) for c in control])
            host = name[0].partition("%")[0]
            peers.append(unmapped(socket.inet_pton(self._sock.family, host)))
        self.lengths = lengths
        self.peers = peers
        return len(lengths)

    def send(self, slots: Sequence[int] | None = None) -> int:
        sent = 0
        for slot in range(len(self.lengths)) if slots is None else slots:
            reply = self._slots[slot][: self.sizes[slot]]
            try:
                self._send_one(reply, self.return_path(slot))
            except OSError as error:
                if error.errno in FAULTS_OF_ONE_DATAGRAM:
                    continue
                break
            sent += 1
        return sent

    def peer(self, slot: int) -> bytes:
        packed = self.peers[slot]
        assert isinstance(packed, bytes)
        return packed

    def port(self, slot: int) -> int:
        port: int = self._names[slot][1]
        return port

    def return_path(self, slot: int) -> ReturnPath:
        return self._names[slot], self._controls[slot]

    def send_late(self, replies: Sequence[tuple[ReturnPath, bytes]]) -> int:
        sent = 0
        for path, reply in replies:
            with contextlib.suppress(OSError):
                self._send_one(reply, path)
                sent += 1
        return sent

    def _send_one(self, reply: bytes | memoryview, path: ReturnPath) -> None:
        name, control = path
        self._sock.sendmsg([reply], control, 0, name)


def _without_interface(control: tuple[int, int, bytes]) -> tuple[int, int, bytes]:
    """Packet information that leaves the choice of interface to the route."""
    level, kind, data = control
    if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
        data = struct.pack("I", 0) + data[4:]
    elif level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
        data = data[:16] + struct.pack("I", 0)
    return level, kind, data
