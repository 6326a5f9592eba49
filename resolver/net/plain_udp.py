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
from resolver.serve.fast import FRONT_OCTETS
from resolver.wire.peek import ID_OCTETS

_CONTROL_OCTETS: Final = 64
_Control = list[tuple[int, int, bytes]]


class PlainBatch(Batch):
    """Slots that are filled and sent one by one."""

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        super().__init__(sock, wildcard=wildcard)
        self._packets: list[bytes] = []
        self._tails: list[bytes] = []
        self._names: list[Any] = []
        self._controls: list[_Control] = []

    def receive(self) -> int:
        self._packets = []
        self._names = []
        self._controls = []
        self.peers = []
        control_octets = _CONTROL_OCTETS if self._wildcard else 0
        for _ in range(SLOTS):
            try:
                packet, control, _, name = self._sock.recvmsg(SLOT_OCTETS, control_octets)
            except OSError:
                break
            self._packets.append(packet)
            self._names.append(name)
            self._controls.append([_without_interface(c) for c in control])
            host = name[0].partition("%")[0]
            self.peers.append(unmapped(socket.inet_pton(self._sock.family, host)))
        self.lengths = [len(packet) for packet in self._packets]
        self.fronts = b"".join(
            [packet[:FRONT_OCTETS].ljust(FRONT_OCTETS) for packet in self._packets]
        )
        self._tails = [b""] * len(self._packets)
        return len(self._packets)

    def fill(self, tails: list[bytes]) -> None:
        self._tails = tails

    def put(self, slot: int, reply: bytes) -> None:
        self._tails[slot] = reply[ID_OCTETS:]

    def send(self, slots: Sequence[int] | None = None) -> int:
        sent = 0
        for slot in range(len(self._packets)) if slots is None else slots:
            try:
                self._send_one(self.reply(slot), self.return_path(slot))
            except OSError as error:
                if error.errno in FAULTS_OF_ONE_DATAGRAM:
                    continue
                break
            sent += 1
        return sent

    def packet(self, slot: int) -> bytes:
        return self._packets[slot]

    def reply(self, slot: int) -> bytes:
        return self._packets[slot][:ID_OCTETS] + self._tails[slot]

    def fourth_octets(self, count: int) -> bytes:
        return bytes([tail[1] if tail else 0 for tail in self._tails[:count]])

    def peer(self, slot: int) -> bytes:
        packed = self.peers[slot]
        assert isinstance(packed, bytes)
        return packed

    def port(self, slot: int) -> int:
        port: int = self._names[slot][1]
        return port

    def return_path(self, slot: int) -> ReturnPath:
        return self._names[slot], self._controls[slot]

    def send_late(self, paths: list[ReturnPath], replies: list[bytes]) -> int:
        sent = 0
        for path, reply in zip(paths, replies, strict=True):
            with contextlib.suppress(OSError):
                self._send_one(reply, path)
                sent += 1
        return sent

    def _send_one(self, reply: bytes, path: ReturnPath) -> None:
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
