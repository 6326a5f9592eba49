"""Who may ask for what: from the address of a client to three bits.

The table is asked for every packet, so verdicts are remembered per address, within a bound. An
IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) counts as its IPv4 address: it is the same
client on a socket that serves both families. Entries for keys (TSIG) match whoever has signed with
the key, from any address, and never an address.

Knows: addresses and access lists. Does not know: sockets, messages, or which bit a query needs.
"""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_network
from typing import Final

from resolver.config.access import AccessItem, AccessKey, AccessWord
from resolver.config.schema import AccessSettings
from resolver.config.units import Network

QUERY: Final = 1  # answers from own zones
RECURSION: Final = 2  # work on the client's behalf
CACHE: Final = 4  # what is in the cache, to queries without RD

MAX_REMEMBERED = 65536
_MAPPED: Final = bytes(10) + b"\xff\xff"
_LOCALHOST: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
_ANY: Final = (ip_network("0.0.0.0/0"), ip_network("::/0"))

# By octets of an address: how far to shift it right, and what may then be left of it. There are as
# many shifts as lengths of prefixes, so that a long list takes no longer than a short one.
_Prefixes = dict[int, dict[int, set[int]]]


class AccessTable:
    """The access lists for queries, with `localhost` and `localnets` filled in."""

    __slots__ = ("_by_key", "_last", "_last_bits", "_lists", "_remembered")

    def __init__(self, access: AccessSettings, local_networks: Sequence[Network]) -> None:
        self._remembered: dict[bytes, int] = {}
        # Those of one batch are mostly of one client, and one object.
        self._last: bytes | None = None
        self._last_bits = 0
        self._lists: list[tuple[int, _Prefixes]] = [
            (QUERY, _prefixes(access.query, local_networks)),
            (RECURSION, _prefixes(access.recursion, local_networks)),
            (CACHE, _prefixes(access.cache, local_networks)),
        ]
        self._by_key: dict[bytes, int] = {}
        lists = ((QUERY, access.query), (RECURSION, access.recursion), (CACHE, access.cache))
        for bit, items in lists:
            for key in _key_names(items):
                self._by_key[key] = self._by_key.get(key, 0) | bit

    def turn_to(self, other: "AccessTable") -> None:
        """Judge as another table does from now on."""
        self._lists, self._by_key = other._lists, other._by_key
        self._remembered = {}
        self._last = None

    def bits(self, packed_address: bytes) -> int:
        """What a client at this address (4 or 16 octets, network order) may ask for."""
        if packed_address is self._last:
            return self._last_bits
        bits = self._remembered.get(packed_address)
        if bits is None:
            bits = self._judge(packed_address)
            if len(self._remembered) >= MAX_REMEMBERED:
                # Starting over is cheap, and a flood of addresses cannot keep the table full.
                self._remembered.clear()
            self._remembered[packed_address] = bits
        self._last, self._last_bits = packed_address, bits
        return bits

    def key_bits(self, key: bytes) -> int:
        """What whoever signs with this key may ask for, beside what the address may."""
        return self._by_key.get(key, 0)

    def _judge(self, packed: bytes) -> int:
        return sum(bit for bit, prefixes in self._lists if _covers(prefixes, packed))


class Rule:
    """One access list: who may do one thing."""

    __slots__ = ("_keys", "_prefixes")

    def __init__(self, items: Iterable[AccessItem], local_networks: Sequence[Network]) -> None:
        items = tuple(items)
        self._prefixes = _prefixes(items, local_networks)
        self._keys = frozenset(_key_names(items))

    def allows(self, packed_address: bytes, key: bytes | None) -> bool:
        """Whether a client at this address, or who has signed with this key, may do it."""
        return key in self._keys or _covers(self._prefixes, packed_address)


class ZoneRules:
    """Who may do one thing with a zone: the zone's own list, or the one for all others."""

    __slots__ = ("_own", "_rest")

    def __init__(self, rest: Rule, own: Mapping[bytes, Rule]) -> None:
        """`own` is by lower-case origin."""
        self._rest = rest
        self._own = own

    def allows(self, origin: bytes, packed_address: bytes, key: bytes | None) -> bool:
        """Whether the client may do it with the zone of this lower-case origin."""
        return self._own.get(origin, self._rest).allows(packed_address, key)


def _covers(prefixes: _Prefixes, packed: bytes) -> bool:
    if len(packed) == 16 and packed.startswith(_MAPPED):
        packed = packed[12:]
    number = int.from_bytes(packed, "big")
    return any(number >> shift in left for shift, left in prefixes[len(packed)].items())


def _key_names(items: Iterable[AccessItem]) -> list[bytes]:
    return [item.name for item in items if isinstance(item, AccessKey)]


def _prefixes(items: Iterable[AccessItem], local_networks: Sequence[Network]) -> _Prefixes:
    """The prefixes of an access list by length of address in octets."""
    found: _Prefixes = {4: {}, 16: {}}
    for network in _networks(items, local_networks):
        bits = network.max_prefixlen
        shift = bits - network.prefixlen
        left = int(network.network_address) >> shift
        found[bits // 8].setdefault(shift, set()).add(left)
    return found


def _networks(items: Iterable[AccessItem], local_networks: Sequence[Network]) -> Iterable[Network]:
    for item in items:
        match item:
            case AccessWord.ANY:
                yield from _ANY
            case AccessWord.LOCALHOST:
                yield from _LOCALHOST
            case AccessWord.LOCALNETS:
                yield from local_networks
            case AccessWord.NONE | AccessKey():
                continue
            case _:
                yield item
