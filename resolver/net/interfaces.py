"""The networks that this machine is directly attached to: what "localnets" means.

The C library's getifaddrs is called through ctypes, since Python has nothing for netmasks. Where it
is missing there are no local networks, which only makes access lists stricter.

Knows: struct ifaddrs and struct sockaddr of Linux and the BSDs. Does not know: access lists.
"""

import ctypes
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_network

from resolver.config.units import Network

# Where the address stands in struct sockaddr_in and sockaddr_in6, and how long it is.
_ADDRESS_AT = {socket.AF_INET: (4, 4), socket.AF_INET6: (8, 16)}
# The BSDs put a length octet before a family of one octet; Linux has a family of two.
_HAS_LENGTH = sys.platform == "darwin" or "bsd" in sys.platform
_UP = 0x1  # IFF_UP


class _IfAddrs(ctypes.Structure):
    """struct ifaddrs as far as it is the same everywhere (getifaddrs(3))."""


_IfAddrs._fields_ = [
    ("next", ctypes.POINTER(_IfAddrs)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("netmask", ctypes.c_void_p),
]


def local_networks() -> tuple[Network, ...]:
    """The networks of all interfaces that are up, each once. Empty if the system does not tell."""
    try:
        library = ctypes.CDLL(None)
        get, free = library.getifaddrs, library.freeifaddrs
    except (OSError, AttributeError):
        return ()
    get.argtypes = [ctypes.POINTER(ctypes.POINTER(_IfAddrs))]
    free.argtypes = [ctypes.POINTER(_IfAddrs)]
    free.restype = None
    head = ctypes.POINTER(_IfAddrs)()
    if get(ctypes.byref(head)) != 0:
        return ()
    try:
        return tuple(dict.fromkeys(_walk(head)))
    finally:
        free(head)


def _walk(entry: "ctypes._Pointer[_IfAddrs]") -> Iterator[Network]:
    while bool(entry):  # a null pointer is the end
        interface = entry.contents
        if interface.flags & _UP and interface.address and interface.netmask:
            network = _network(interface.address, interface.netmask)
            if network is not None:
                yield network
        entry = interface.next


def _network(address_at: int, netmask_at: int) -> Network | None:
    family = _family(address_at)
    if family not in _ADDRESS_AT:
        return None
    offset, size = _ADDRESS_AT[socket.AddressFamily(family)]
    address = ctypes.string_at(address_at + offset, size)
    mask = int.from_bytes(ctypes.string_at(netmask_at + offset, size), "big")
    # A mask of nothing would make the whole Internet local.
    return ip_network((address, mask.bit_count()), strict=False) if mask else None


def _family(sockaddr_at: int) -> int:
    first_two = ctypes.string_at(sockaddr_at, 2)
    return first_two[1] if _HAS_LENGTH else int.from_bytes(first_two, sys.byteorder)
