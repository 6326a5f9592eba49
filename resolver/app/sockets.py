"""Where listening sockets come from: opened here, or handed over by whoever started us.

UDP and TCP share address and port. A service manager may open them beforehand, so that neither a
privilege is needed nor a datagram is lost while the server is started again (sd_listen_fds(3)).

Knows: addresses, descriptors, the environment. Does not know: what is done with a socket.
"""

import errno
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from ipaddress import ip_address

from resolver.config.schema import ServerSettings
from resolver.errors import ConfigError, Finding
from resolver.model import Address
from resolver.net.listen_stream import open_stream_socket
from resolver.net.listen_udp import open_udp_socket, prepare_udp_socket

# Port 0 takes a free UDP port, which may be taken for TCP.
_PORT_ATTEMPTS = 16
_FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


@dataclass(slots=True)
class Pair:
    """The sockets of one address. Whoever hands them over may have but one of the two."""

    udp: socket.socket | None = None
    stream: socket.socket | None = None

    def sockets(self) -> Iterator[socket.socket]:
        """Those that there are."""
        yield from (sock for sock in (self.udp, self.stream) if sock is not None)

    @property
    def address(self) -> Address:
        """Where they are."""
        return address_of(next(self.sockets()))

    def close(self) -> None:
        """Close both."""
        for sock in self.sockets():
            sock.close()


Pairs = dict[Address, Pair]  # by address as configured, the port of which may be 0


def address_of(sock: socket.socket) -> Address:
    """Where a socket is."""
    ip, port = sock.getsockname()[:2]
    return Address(str(ip_address(ip.partition("%")[0])), port)


def wanted(settings: ServerSettings, given: Iterable[Address]) -> list[Address]:
    """What is to be listened on: what was given, and what is configured, but for the default, which
    only holds where nothing was given."""
    given = list(given)
    if given and "listen" not in settings.model_fields_set:
        return given
    return [*settings.listen, *(address for address in given if address not in settings.listen)]


def open_pairs(addresses: Iterable[Address]) -> Pairs:
    """Sockets for each address, all or none. Raises ConfigError with every one that is not to be
    had."""
    pairs: Pairs = {}
    faults: list[Finding] = []
    for address in addresses:
        try:
            pairs[address] = _open_pair(address)
        except OSError as error:
            faults.append(Finding("server.listen", 0, _explain(address, error)))
    if faults:
        close(pairs)
        raise ConfigError(faults)
    return pairs


def close(pairs: Mapping[Address, Pair]) -> None:
    """Close every socket."""
    for pair in pairs.values():
        pair.close()


def _open_pair(address: Address) -> Pair:
    """UDP and TCP on one address; with port 0 on a port that is free for both. Raises OSError."""
    for attempt in range(_PORT_ATTEMPTS):
        udp = open_udp_socket(address)
        try:
            return Pair(udp, open_stream_socket(address._replace(port=udp.getsockname()[1])))
        except OSError:
            udp.close()
            if address.port or attempt == _PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("the loop above returns or raises")


def _explain(address: Address, error: OSError) -> str:
    text = f"{address}: {error.strerror}"
    if error.errno in (errno.EACCES, errno.EPERM) and address.port < 1024:
        text += (
            "; ports below 1024 need a privilege: sysctl net.ipv4.ip_unprivileged_port_start=53,"
            " or AmbientCapabilities=CAP_NET_BIND_SERVICE in a systemd unit, or another port"
        )
    return text


def passed(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The sockets that the service manager has passed to this process. What told of them is taken
    out of the environment: they are not for our children. Raises ConfigError for one that is no
    socket for queries."""
    process = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    names = environment.pop("LISTEN_FDNAMES", "").split(":")
    if process != str(os.getpid()) or not count.isdigit():
        return []
    found: list[socket.socket] = []
    faults: list[Finding] = []
    for number in range(int(count)):
        name = names[number] if number < len(names) and names[number] else f"socket {number + 1}"
        try:
            found.append(_adopt(_FIRST_DESCRIPTOR + number))
        except OSError as error:
            faults.append(Finding("LISTEN_FDS", 0, f"{name}: {error.strerror or error}"))
    if faults:
        for sock in found:
            sock.close()
        raise ConfigError(faults)
    return found


def _adopt(descriptor: int) -> socket.socket:
    sock = socket.socket(fileno=descriptor)
    try:
        sock.set_inheritable(False)
        prepare(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def prepare(sock: socket.socket) -> None:
    """Make a socket that somebody else has opened be like ours. Raises OSError for one that is not
    for queries."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise OSError("neither IPv4 nor IPv6")
    sock.setblocking(False)
    if sock.type == socket.SOCK_DGRAM:
        prepare_udp_socket(sock)
    elif sock.type != socket.SOCK_STREAM or not sock.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        raise OSError("neither a UDP socket nor a TCP socket that listens")


def paired(sockets: Iterable[socket.socket], configured: Iterable[Address]) -> Pairs:
    """These sockets by address; an address that is configured in other words is called by those.
    A second socket of the same kind and address is closed."""
    words = {Address(str(ip_address(a.ip)), a.port): a for a in configured}
    pairs: Pairs = {}
    for sock in sockets:
        address = address_of(sock)
        pair = pairs.setdefault(words.get(address, address), Pair())
        kind = "udp" if sock.type == socket.SOCK_DGRAM else "stream"
        if getattr(pair, kind) is not None:
            sock.close()
        else:
            setattr(pair, kind, sock)
    return pairs


def complete(pairs: Pairs) -> list[str]:
    """Open what is missing beside sockets that were passed; a sentence for each that is not to be
    had, which is then done without."""
    notes = []
    for pair in pairs.values():
        address = pair.address
        try:
            if pair.udp is None:
                pair.udp = open_udp_socket(address)
            elif pair.stream is None:
                pair.stream = open_stream_socket(address)
        except OSError as error:
            kind = "UDP" if pair.udp is None else "TCP"
            notes.append(f"{address}: passed without a socket for {kind}: {error.strerror}")
    return notes
