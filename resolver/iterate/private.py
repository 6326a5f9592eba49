"""Public names must not point into private networks (DNS rebinding).

A page of an attacker's may be loaded from a name whose address then becomes one of the victim's own
network, so that the browser takes both for the same site. Addresses in
`recursion.private_addresses` are therefore removed from answers, also from the hints of SVCB and
HTTPS records (RFC 9460 section 7.3), except for names in `recursion.private_domains`. As in
Unbound, stub and forward zones are no exception unless they are listed there; own zones and local
data never come this way.

Knows: answers. Does not know: where they are from.
"""

from dataclasses import replace
from ipaddress import ip_address
from typing import Final

from resolver import names
from resolver.codes import Ede, RRType
from resolver.config.schema import RecursionSettings
from resolver.model import Answer, ExtendedError, RRset

_ADDRESSES: Final = (RRType.A, RRType.AAAA)
_SERVICES: Final = (RRType.SVCB, RRType.HTTPS)
_OCTETS_OF_HINT: Final = {
    4: 4,
    6: 16,
}  # SvcParamKeys ipv4hint and ipv6hint (RFC 9460 section 14.3.2)
# IPv4-mapped IPv6 addresses (RFC 4291 section 2.5.5.2) lead to the IPv4 address.
_MAPPED: Final = bytes(10) + b"\xff\xff"

_Prefix = tuple[int, int]  # how far to shift an address right, and what is then left of it


class PrivateAddresses:
    """The screen between what others say and what clients are told."""

    __slots__ = ("_domains", "_is_set", "_prefixes")

    def __init__(self, settings: RecursionSettings) -> None:
        self._domains = settings.private_domains
        self._prefixes: dict[int, list[_Prefix]] = {4: [], 16: []}
        for network in settings.private_addresses:
            shift = network.max_prefixlen - network.prefixlen
            left = int(network.network_address) >> shift
            self._prefixes[network.max_prefixlen // 8].append((shift, left))
        self._is_set = bool(settings.private_addresses)

    def screen(self, answer: Answer) -> Answer:
        """The answer without records that lead into private networks, and with an extended error
        when some were removed."""
        if not self._is_set:
            return answer
        kept: list[RRset] = []
        removed: ExtendedError | None = None
        for rrset in answer.answer:
            rdatas = tuple(r for r in rrset.rdatas if self._private_in(rrset, r) is None)
            if len(rdatas) == len(rrset.rdatas) or self._is_exempt(rrset.owner.lower()):
                kept.append(rrset)
                continue
            removed = removed or self._explain(rrset)
            if rdatas:
                kept.append(replace(rrset, rdatas=rdatas))
        if removed is None:
            return answer
        return replace(answer, answer=kept, extended_errors=(*answer.extended_errors, removed))

    def _is_exempt(self, owner: bytes) -> bool:
        return any(names.is_within(owner, domain) for domain in self._domains)

    def _private_in(self, rrset: RRset, rdata: bytes) -> bytes | None:
        """The first private address in a record."""
        if rrset.rrtype in _ADDRESSES:
            return rdata if self._is_private(rdata) else None
        if rrset.rrtype in _SERVICES:
            return next((hint for hint in _hints(rdata) if self._is_private(hint)), None)
        return None

    def _is_private(self, packed: bytes) -> bool:
        if packed.startswith(_MAPPED) and self._is_private(packed[12:]):
            return True
        number = int.from_bytes(packed, "big")
        return any(number >> shift == left for shift, left in self._prefixes.get(len(packed), ()))

    def _explain(self, rrset: RRset) -> ExtendedError:
        found = next(p for r in rrset.rdatas if (p := self._private_in(rrset, r)) is not None)
        return ExtendedError(
            Ede.BLOCKED,
            f"{ip_address(found)} of {names.show(rrset.owner)} is in recursion.private_addresses,"
            " and the name is not in recursion.private_domains",
        )


def _hints(rdata: bytes) -> list[bytes]:
    """The addresses in the parameters of an SVCB or HTTPS record; none if it is malformed
    (RFC 9460 section 2.2)."""
    at = 2  # behind the priority
    while at < len(rdata) and rdata[at]:
        at += rdata[at] + 1
    at += 1
    found: list[bytes] = []
    while at + 4 <= len(rdata):
        key = int.from_bytes(rdata[at : at + 2], "big")
        length = int.from_bytes(rdata[at + 2 : at + 4], "big")
        at += 4
        if size := _OCTETS_OF_HINT.get(key):
            end = min(at + length, len(rdata))
            found += [rdata[i : i + size] for i in range(at, end - size + 1, size)]
        at += length
    return found
