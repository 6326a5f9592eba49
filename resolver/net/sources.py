"""The addresses that asks leave from.

Knows: the configured source addresses and which families are in use. Does not know: ports, sockets'
options.
"""

import errno
from collections.abc import Iterable
from typing import Final

from resolver.net.entropy import Entropy

ANY_IPV4: Final = "0.0.0.0"
ANY_IPV6: Final = "::"


class Sources:
    """Source addresses by family. A family without one of its own leaves the choice to the system;
    a family that is switched off has none."""

    __slots__ = ("_entropy", "_four", "_six")

    def __init__(
        self,
        addresses: Iterable[object] = (),
        *,
        entropy: Entropy,
        ipv4: bool = True,
        ipv6: bool = True,
    ) -> None:
        texts = [str(address) for address in addresses]
        self._entropy = entropy
        self._four = ([t for t in texts if ":" not in t] or [ANY_IPV4]) if ipv4 else []
        self._six = ([t for t in texts if ":" in t] or [ANY_IPV6]) if ipv6 else []

    def pick(self, *, six: bool) -> str:
        """One of the family's addresses, drawn at random. Raises OSError when it has none."""
        addresses = self._six if six else self._four
        if len(addresses) == 1:
            return addresses[0]
        if not addresses:
            raise OSError(errno.EAFNOSUPPORT, "this address family is switched off")
        return addresses[self._entropy.number() % len(addresses)]
