"""Which addresses may be asked.

Learned addresses must be of a family in use and outside `recursion.do_not_query`; configured ones
(hints, stubs) only of a family in use. Knows: settings. Does not know: who asks what.
"""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from cachetools import LRUCache

from resolver.codes import RRType
from resolver.config.schema import OutgoingSettings, RecursionSettings
from resolver.model import Address

_MAX_VERDICTS: Final = 20_000


class AddressRules:
    """Verdicts on addresses, remembered."""

    def __init__(self, recursion: RecursionSettings, outgoing: OutgoingSettings) -> None:
        self._barred = tuple(recursion.do_not_query)
        self._port = outgoing.port
        self._ipv4 = outgoing.ipv4
        self._ipv6 = outgoing.ipv6
        self._trusted: set[str] = set()
        self._verdicts: LRUCache[str, bool] = LRUCache(_MAX_VERDICTS)
        # Types of address to look up for a name server, in this order.
        self.types = tuple(
            rrtype
            for rrtype, used in ((RRType.A, outgoing.ipv4), (RRType.AAAA, outgoing.ipv6))
            if used
        )

    def trust(self, texts: Iterable[str]) -> None:
        """Addresses the operator configured: do_not_query does not hold for them."""
        self._trusted.update(texts)

    def in_use(self, ip: str) -> bool:
        """Whether the family of this address is switched on."""
        return self._ipv6 if ":" in ip else self._ipv4

    def allowed(self, texts: Iterable[str], *, configured: bool = False) -> list[Address]:
        """The addresses that may be asked, with the port of all servers that iteration asks."""
        return [
            Address(ip, self._port)
            for ip in texts
            if self.in_use(ip) and (configured or ip in self._trusted or self._may_ask(ip))
        ]

    def barred(self, texts: Iterable[str], *, configured: bool = False) -> list[Address]:
        """The addresses that are not asked on account of `recursion.do_not_query`."""
        return [
            Address(ip, self._port)
            for ip in texts
            if self.in_use(ip) and not (configured or ip in self._trusted or self._may_ask(ip))
        ]

    def _may_ask(self, ip: str) -> bool:
        verdict = self._verdicts.get(ip)
        if verdict is None:
            address = ip_address(ip)
            mapped = getattr(address, "ipv4_mapped", None) or address
            verdict = not any(mapped in n for n in self._barred if n.version == mapped.version)
            self._verdicts[ip] = verdict
        return verdict
