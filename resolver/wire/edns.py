"""The OPT record and the options we know.

Options are carried in order, known or not (model.Edns). Each known one has a function that makes
it and one that finds it; when an option is repeated, the first counts. The finders raise WireError
with offset 0 when the option is there but is not what its RFC says.

Knows: RFC 6891 section 6.1, RFC 5001, RFC 7828, RFC 7830, RFC 7873, RFC 8467, RFC 8914.
Does not know: who gets which option (serve/, policy/), nor secrets of cookies.
"""

from struct import Struct
from typing import Final, NamedTuple

from resolver.codes import EdnsOption
from resolver.errors import WireError
from resolver.model import Edns, EdnsOptionValue, ExtendedError

MAX_OPTIONS: Final = 100
CLIENT_COOKIE_OCTETS: Final = 8
KEEPALIVE_UNIT_S: Final = 0.1
QUERY_BLOCK_OCTETS: Final = 128  # RFC 8467 section 4.1
RESPONSE_BLOCK_OCTETS: Final = 468

_OPTION: Final = Struct("!2H")
_U16: Final = Struct("!H")
_OPT: Final = Struct("!BHHBBHH")
_DO: Final = 0x8000


class Cookie(NamedTuple):
    """A DNS cookie (RFC 7873 section 4): 8 octets of the client's, and 8 to 32 of the server's or
    none when the client has not got one yet."""

    client: bytes
    server: bytes = b""


# The record


def read_opt(udp_size: int, ttl: int, options: tuple[EdnsOptionValue, ...]) -> Edns:
    """What an OPT record says that has the class `udp_size` and the TTL `ttl`."""
    return Edns(udp_size, ttl >> 16 & 0xFF, ttl & _DO != 0, options)


def read_options(packet: bytes, offset: int, end: int) -> tuple[EdnsOptionValue, ...]:
    """The options between two offsets. Raises WireError."""
    options: list[EdnsOptionValue] = []
    while offset < end:
        if offset + 4 > end:
            raise WireError(offset, "EDNS option cut short")
        code, length = _OPTION.unpack_from(packet, offset)
        offset += 4
        if offset + length > end:
            raise WireError(offset, f"EDNS option {code} goes past the end of OPT")
        if len(options) == MAX_OPTIONS:
            raise WireError(offset, f"more than {MAX_OPTIONS} EDNS options")
        options.append(EdnsOptionValue(code, packet[offset : offset + length]))
        offset += length
    return tuple(options)


def write_opt(edns: Edns, rcode: int) -> bytes:
    """The whole OPT record, with the upper bits of `rcode` (RFC 6891 section 6.1.3)."""
    data = b""
    if edns.options:
        data = b"".join([_OPTION.pack(code, len(d)) + d for code, d in edns.options])
    flags = _DO if edns.dnssec_ok else 0
    return _OPT.pack(0, 41, edns.udp_size, rcode >> 4, edns.version, flags, len(data)) + data


def option(edns: Edns | None, code: int) -> bytes | None:
    """Data of the first option of that code; None without one."""
    if edns is not None:
        for number, data in edns.options:
            if number == code:
                return data
    return None


# The options


def extended_error_option(code: int, text: str = "") -> EdnsOptionValue:
    """An extended DNS error (RFC 8914 section 2)."""
    return EdnsOptionValue(EdnsOption.EXTENDED_ERROR, _U16.pack(code) + text.encode())


def extended_errors(edns: Edns | None) -> list[ExtendedError]:
    """All extended errors; a later one does not hide an earlier. Text that is not UTF-8 is kept
    with replacement characters, options too short to hold a code are passed over."""
    if edns is None:
        return []
    return [
        ExtendedError(_U16.unpack_from(data)[0], data[2:].decode("utf-8", "replace"))
        for code, data in edns.options
        if code == EdnsOption.EXTENDED_ERROR and len(data) >= 2
    ]


def cookie_option(client: bytes, server: bytes = b"") -> EdnsOptionValue:
    """A cookie (RFC 7873 section 4). Raises ValueError for parts of a wrong length."""
    if not _cookie_fits(len(client) + len(server)) or len(client) != CLIENT_COOKIE_OCTETS:
        raise ValueError(f"cookie of {len(client)} + {len(server)} octets")
    return EdnsOptionValue(EdnsOption.COOKIE, client + server)


def cookie(edns: Edns | None) -> Cookie | None:
    """The cookie; None without one. Raises WireError when its length is wrong, which a server
    answers with FORMERR (RFC 7873 section 5.2.2)."""
    data = option(edns, EdnsOption.COOKIE)
    if data is None:
        return None
    if not _cookie_fits(len(data)):
        raise WireError(0, f"cookie of {len(data)} octets")
    return Cookie(data[:CLIENT_COOKIE_OCTETS], data[CLIENT_COOKIE_OCTETS:])


def _cookie_fits(octets: int) -> bool:
    return octets == CLIENT_COOKIE_OCTETS or 16 <= octets <= 40


def nsid_option(identity: bytes = b"") -> EdnsOptionValue:
    """The name of a server instance; empty in a query, which asks for it (RFC 5001 section 2)."""
    return EdnsOptionValue(EdnsOption.NSID, identity)


def nsid(edns: Edns | None) -> bytes | None:
    """The name of the server instance, b"" in a query; None without the option."""
    return option(edns, EdnsOption.NSID)


def padding_option(octets: int) -> EdnsOptionValue:
    """That many zero octets (RFC 7830 section 3)."""
    return EdnsOptionValue(EdnsOption.PADDING, bytes(octets))


def padding_octets(message_octets: int, block_octets: int) -> int:
    """How long the padding must be that brings a message, which has no padding option yet, to a
    multiple of a block (RFC 8467 section 4.1)."""
    return -(message_octets + _OPTION.size) % block_octets


def keepalive_option(timeout_s: float | None = None) -> EdnsOptionValue:
    """How long an idle connection stays open; a client sends it empty (RFC 7828 section 3.1)."""
    if timeout_s is None:
        return EdnsOptionValue(EdnsOption.TCP_KEEPALIVE, b"")
    units = min(round(timeout_s / KEEPALIVE_UNIT_S), 0xFFFF)
    return EdnsOptionValue(EdnsOption.TCP_KEEPALIVE, _U16.pack(units))


def keepalive_s(edns: Edns | None) -> float | None:
    """The idle time-out in seconds; None without the option or when it is empty, as in a query.
    Raises WireError for any other length (RFC 7828 section 3.1)."""
    data = option(edns, EdnsOption.TCP_KEEPALIVE)
    if not data:
        return None
    if len(data) != _U16.size:
        raise WireError(0, f"TCP keepalive of {len(data)} octets")
    units: int = _U16.unpack(data)[0]
    return units * KEEPALIVE_UNIT_S
