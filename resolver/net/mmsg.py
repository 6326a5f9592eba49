"""recvmmsg and sendmmsg, and the C structures of Linux that they read and fill.

Knows: the C library through ctypes. Does not know: sockets, batches, DNS.

Sources: recvmmsg(2), sendmmsg(2).
"""

import ctypes
import errno
import socket
import sys
from typing import Any


class Iovec(ctypes.Structure):
    """struct iovec."""

    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class Msghdr(ctypes.Structure):
    """struct msghdr."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class Mmsghdr(ctypes.Structure):
    """struct mmsghdr."""

    _fields_ = (("header", Msghdr), ("length", ctypes.c_uint))


HEADER_OCTETS = ctypes.sizeof(Mmsghdr)
IOVEC_OCTETS = ctypes.sizeof(Iovec)
LENGTH_OFFSET = Mmsghdr.length.offset
SIZE_OCTETS = ctypes.sizeof(ctypes.c_size_t)


def _load(name: str) -> Any:
    """A function of the C library, or None."""
    if sys.platform != "linux":
        return None
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except (OSError, AttributeError):
        return None
    # No argtypes: converting by them takes half as long as the call. Numbers are passed as int,
    # what is longer must be a pointer (see `pointer_to`).
    function.restype = ctypes.c_int
    return function


# Both return how many datagrams were taken, or -1 with the reason in get_errno.
recvmmsg = _load("recvmmsg")
sendmmsg = _load("sendmmsg")
get_errno = ctypes.get_errno


def is_there(fd: int) -> bool:
    """Whether both can be used on this UDP socket: a kernel or sandbox may lack what the C library
    has."""
    if recvmmsg is None or sendmmsg is None:
        return False
    recvmmsg(fd, None, 0, socket.MSG_DONTWAIT, None)
    return get_errno() != errno.ENOSYS


def pointer_to(address: int) -> Any:
    """An address, as the two functions take it."""
    return ctypes.c_void_p(address)


def address_of(buffer: Any) -> int:
    """Where a writable buffer lies. It must neither move nor end while the address is used."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
