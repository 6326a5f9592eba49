"""Another server of a zone: a primary to transfer from, a secondary to notify.

Knows: addresses and names of TSIG keys. Does not know: secrets, sockets.
"""

from typing import NamedTuple

from resolver import names
from resolver.model import Address


class Peer(NamedTuple):
    """Where the server is, and the name of the TSIG key that is used with it (lower case)."""

    address: Address
    key: bytes | None = None

    def __str__(self) -> str:
        return str(self.address) + (f" with key {names.show(self.key)}" if self.key else "")
