"""The units that operators write: durations, sizes, addresses, names, prefixes, paths.

Each unit is an annotated type: a reader for what stands in the file, a writer for documentation,
and the JSON Schema that editors get. Readers also accept a value that is already typed, so that
settings are easily made in Python. They raise ValueError with a reason that tells what to write.

Knows: RFC 4291 section 2.2 and RFC 3986 section 3.2.2 (text of addresses), RFC 2181 section 8 (TTL
range, which bounds every duration). Does not know: which key has which unit, or TOML.
"""

import math
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import PlainSerializer, PlainValidator, Strict, ValidationInfo, WithJsonSchema

from resolver import names
from resolver.model import Address

MAX_DURATION_S = 2**31 - 1
MAX_PORT = 65535
DNS_PORT = 53

Network: TypeAlias = IPv4Network | IPv6Network

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+"
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")

_OCTETS = {
    "": 1,
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_SIZE = re.compile(r"([0-9]{1,15}) ?([kKMG]B|[KMG]iB|B|)")


def text_of(value: object, what: str) -> str:
    """The value if it is text; otherwise ValueError that says what it should have been."""
    if isinstance(value, str):
        return value
    raise ValueError(f"must be {what}, not {show_toml(value)}")


def show_toml(value: object) -> str:
    """A value the way it stands in a TOML file, shortened for messages."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            shown = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case list() | tuple():
            shown = "[" + ", ".join(show_toml(v) for v in value) + "]"
        case dict():
            return "a table"
        case _:
            shown = str(value)
    return shown if len(shown) <= 60 else shown[:56] + " ..."


def read_duration(value: object) -> float:
    """Seconds from 30, "30", "30s", "1.5h" or "1h30m". Raises ValueError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    else:
        what = 'a duration such as 30, "30s" or "1h30m"'
        text = text_of(value, what).strip()
        if re.fullmatch(r"[0-9]{1,12}(\.[0-9]+)?", text):
            seconds = float(text)
        elif len(text) <= 64 and re.fullmatch(_DURATION, text):
            seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))
        else:
            raise ValueError(f"{show_toml(text)} is not {what} (units: ms s m h d w)")
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_DURATION_S:
        raise ValueError(f"must be between 0 and {MAX_DURATION_S} seconds, not {show_toml(value)}")
    return seconds


def show_duration(seconds: float) -> int | str:
    """The shortest text that reads back as the same duration; plain 0 for none."""
    if seconds == 0:
        return 0
    parts = []
    rest_ms = round(seconds * 1000)
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest_ms = divmod(rest_ms, round(_SECONDS[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def read_size(value: object) -> int:
    """Octets from 65536, "64KiB", "10MB". Raises ValueError."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            raise ValueError(f"must not be negative: {value}")
        return value
    what = 'a size such as 1048576 or "64MiB"'
    text = text_of(value, what).strip()
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError(f"{show_toml(text)} is not {what} (units: B kB MB GB KiB MiB GiB)")
    return int(found[1]) * _OCTETS[found[2]]


def show_size(octets: int) -> int | str:
    """The text with the largest binary unit that divides it."""
    for unit in ("GiB", "MiB", "KiB"):
        if octets and octets % _OCTETS[unit] == 0:
            return f"{octets // _OCTETS[unit]}{unit}"
    return octets


def read_address(value: object) -> Address:
    """An address to listen on: "192.0.2.1", "192.0.2.1:1053", "2001:db8::1" or
    "[2001:db8::1]:1053"; port 0 lets the system choose. Raises ValueError."""
    if isinstance(value, Address):
        return value
    what = 'an address such as "192.0.2.1", "192.0.2.1:1053" or "[2001:db8::1]:1053"'
    text = text_of(value, what).strip()
    if text.startswith("["):
        ip, closed, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else rest and "?"
        if not closed or ":" not in ip or (rest and not port):
            raise ValueError(f"{show_toml(text)} is not {what}")
    elif text.count(":") == 1:
        ip, _, port = text.partition(":")
        port = port or "?"
    else:
        ip, port = text, ""
    try:
        shown = str(ip_address(ip))
    except ValueError:
        raise ValueError(f"{show_toml(text)} is not {what}") from None
    return Address(shown, _read_port(port, text))


def _read_port(port: str, text: str) -> int:
    if not port:
        return DNS_PORT
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > MAX_PORT:
        raise ValueError(f"{show_toml(text)}: the port must be a number up to {MAX_PORT}")
    return int(port)


def read_server(value: object) -> Address:
    """An address that can be asked: neither port 0 nor the unspecified address."""
    address = read_address(value)
    if address.port == 0:
        raise ValueError(f"{show_toml(value)}: port 0 cannot be asked")
    if ip_address(address.ip).is_unspecified:
        raise ValueError(f"{show_toml(value)}: the unspecified address cannot be asked")
    return address


def show_address(address: Address) -> str:
    """Text that reads back as the same address, without the port when it is 53."""
    if address.port == DNS_PORT:
        return address.ip
    return f"[{address.ip}]:{address.port}" if ":" in address.ip else f"{address.ip}:{address.port}"


def read_ip(value: object) -> str:
    """An address without a port, in its normal form. Raises ValueError."""
    text = text_of(value, 'an address such as "192.0.2.1"').strip()
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"{show_toml(text)} is not an IPv4 or IPv6 address") from None


def read_name(value: object) -> bytes:
    """A domain name in lower-case wire form, taken as absolute. Raises ValueError."""
    if isinstance(value, bytes):
        return value
    return names.read(text_of(value, 'a domain name such as "example.test"')).lower()


def show_name(name: bytes) -> str:
    """The name without its final dot, as operators write it."""
    return names.show(name) if name == names.ROOT else names.show(name)[:-1]


def read_prefix(value: object) -> Network:
    """A network in CIDR notation; a bare address stands for itself alone. Raises ValueError."""
    if isinstance(value, (IPv4Network, IPv6Network)):
        return value
    text = text_of(value, 'a prefix such as "192.0.2.0/24"').strip()
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f'{show_toml(text)} is not a prefix such as "192.0.2.0/24" or "2001:db8::/32"'
        ) from None
    address = text.partition("/")[0]
    if ip_address(address) != network.network_address:
        raise ValueError(f"{show_toml(text)} has host bits set, did you mean '{network}'?")
    return network


def read_path(value: object, info: ValidationInfo) -> Path:
    """A path, relative to the folder of the configuration file if one is being read. Raises
    ValueError."""
    path = value if isinstance(value, Path) else Path(text_of(value, "a path"))
    if value == "" or "\0" in str(path):
        raise ValueError(f"{show_toml(str(value))} is not a path")
    base = (info.context or {}).get("base")
    return path if base is None else base / path


def optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader for which "" means none."""
    return lambda value: None if value is None or value == "" else read(value)


def read_optional_path(value: object, info: ValidationInfo) -> Path | None:
    """A path; "" means none."""
    return None if value is None or value == "" else read_path(value, info)


T = TypeVar("T")
# TOML arrays arrive as lists and are kept as tuples; everything else is strictly typed.
Items: TypeAlias = Annotated[tuple[T, ...], Strict(False)]


def _text_schema(kind: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": [example], "x-kind": kind})


Duration = Annotated[
    float,
    PlainValidator(read_duration),
    PlainSerializer(show_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": MAX_DURATION_S},
                {"type": "string", "pattern": rf"^\s*([0-9]+(\.[0-9]+)?|{_DURATION})\s*$"},
            ],
            "x-kind": "duration",
        }
    ),
]
OptionalDuration = Annotated[
    float | None,
    PlainValidator(optional(read_duration)),
    PlainSerializer(lambda seconds: "" if seconds is None else show_duration(seconds)),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}],
            "x-kind": "duration, or empty",
        }
    ),
]
Size = Annotated[
    int,
    PlainValidator(read_size),
    PlainSerializer(show_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*[0-9]+ ?([kKMG]B|[KMG]iB|B|)\s*$"},
            ],
            "x-kind": "size",
        }
    ),
]
ListenAddress = Annotated[
    Address,
    PlainValidator(read_address),
    PlainSerializer(show_address),
    _text_schema("address", "127.0.0.1:1053"),
]
OptionalListenAddress = Annotated[
    Address | None,
    PlainValidator(optional(read_address)),
    PlainSerializer(lambda a: show_address(a) if a else ""),
    _text_schema("address", "127.0.0.1:9553"),
]
ServerAddress = Annotated[
    Address,
    PlainValidator(read_server),
    PlainSerializer(show_address),
    _text_schema("address", "192.0.2.53"),
]
Ip = Annotated[str, PlainValidator(read_ip), _text_schema("address without port", "192.0.2.1")]
Name = Annotated[
    bytes,
    PlainValidator(read_name),
    PlainSerializer(show_name),
    _text_schema("name", "example.test"),
]
Prefix = Annotated[
    Network,
    PlainValidator(read_prefix),
    PlainSerializer(str),
    _text_schema("prefix", "192.0.2.0/24"),
]
FilePath = Annotated[
    Path,
    PlainValidator(read_path),
    PlainSerializer(str),
    _text_schema("path", "zones/example.test.zone"),
]
OptionalPath = Annotated[
    Path | None,
    PlainValidator(read_optional_path),
    PlainSerializer(lambda p: "" if p is None else str(p)),
    _text_schema("path", "zones/root.hints"),
]
