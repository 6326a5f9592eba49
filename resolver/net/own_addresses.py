"""Which addresses lead back to ourselves: so that nobody notifies himself.

Knows: what we listen on, which addresses this machine has. Does not know: why somebody asks.
"""

import socket
from collections.abc import Iterable
from ipaddress import ip_address

from resolver.model import Address


class OwnAddresses:
    """The addresses that are listened on; the unspecified one stands for all of its family."""

    def __init__(self, listening: Iterable[Address]) -> None:
        self._exact: set[Address] = set()
        self._wildcards: set[tuple[int, int]] = set()
        for address in listening:
            ip = ip_address(address.ip.partition("%")[0])
            if ip.is_unspecified:
                self._wildcards.add((ip.version, address.port))
            else:
                self._exact.add(Address(str(ip), address.port))

    def includes(self, address: Address) -> bool:
        """Whether what is sent there comes to us."""
        ip = ip_address(address.ip)
        if Address(str(ip), address.port) in self._exact:
            return True
        return (ip.version, address.port) in self._wildcards and _is_of_this_machine(str(ip))


def _is_of_this_machine(ip: str) -> bool:
    """An address can be bound to exactly if the machine has it."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.bind((ip, 0))
    except OSError:
        return False
    return True
