"""A server that truncates over UDP and then sends an octet now and then over TCP."""

import socket
import threading
import time
from contextlib import suppress
from typing import Self

import dns.flags
import dns.message

from resolver.model import Address

_STEP_S = 0.2


class Drip:
    """Serves inside `with`."""

    def __init__(self, address: Address) -> None:
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for bound in (self._udp, self._tcp):
            bound.bind(tuple(address))
            bound.settimeout(_STEP_S)
        self._tcp.listen()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=w) for w in (self._truncate, self._drip)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._udp.close()
        self._tcp.close()

    def _truncate(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                packet, peer = self._udp.recvfrom(4096)
                reply = dns.message.make_response(dns.message.from_wire(packet))
                reply.flags |= dns.flags.TC | dns.flags.AA
                self._udp.sendto(reply.to_wire(), peer)

    def _drip(self) -> None:
        while not self._over.is_set():
            with suppress(OSError):  # nobody came, or whoever came has gone
                connection, _ = self._tcp.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"\x10")
                    while not self._over.is_set():
                        time.sleep(_STEP_S)
                        connection.sendall(b"\0")
