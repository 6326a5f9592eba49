"""Servers that are asked over TLS (RFC 7858), and how they prove who they are.

The certificate must be for the configured name and signed by an authority that is trusted for it:
the strict profile of RFC 8310 section 5. That a server is asked so is part of its address, so that
nothing on the way from the configuration to the socket can lose it; nothing learned from the DNS
ever is such an address.

Knows: addresses. Does not know: TLS itself (net/tls_context.py), files.
"""

from typing import Any, NamedTuple

from resolver.model import Address


class Proof(NamedTuple):
    """What a server must show: a certificate for `name` (RFC 8310 section 8.1), signed by one of
    the `authorities`, PEM text; "" means those that the system trusts."""

    name: str
    authorities: str = ""


class TlsAddress(Address):
    """An address that takes nothing but TLS. Never equal to that of the same server without."""

    proof: Proof

    def __new__(cls, ip: str, port: int, proof: Proof) -> "TlsAddress":
        made = super().__new__(cls, ip, port)
        made.proof = proof
        return made

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, TlsAddress)
            and tuple.__eq__(self, other)
            and self.proof == other.proof
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.ip, self.port, self.proof))

    def __reduce__(self) -> tuple[Any, ...]:
        return TlsAddress, (self.ip, self.port, self.proof)

    @property
    def stream(self) -> str:
        """What a connection to it is called."""
        return "TLS"
