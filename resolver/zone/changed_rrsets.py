"""Records of an incremental transfer, put together into RRsets.

Knows: RFC 2181 section 5, RFC 4034 section 3. Does not know: transfers, zones.
"""

from typing import Final

from resolver.codes import RRClass, RRType
from resolver.model import RRset
from resolver.slices import Slices
from resolver.wire.records import Record

# Records between two breaks: about a millisecond of work.
SLICE_RECORDS: Final = 200

_RRSIG: Final = int(RRType.RRSIG)
_IN: Final = int(RRClass.IN)


class ChangedRRsets:
    """Records put together into RRsets in the order of their first; the SOA is the first of all."""

    __slots__ = ("_groups", "records")

    def __init__(self, soa: Record) -> None:
        self.records = 0
        self._groups: dict[tuple[bytes, int, int, bytes], tuple[bytes, list[bytes]]] = {}
        self.add(soa)

    def add(self, record: Record) -> None:
        """Put one more record where it belongs."""
        owner, rrtype, _, ttl, rdata = record
        # Signatures that cover different types are different RRsets (RFC 4034 section 3).
        covered = rdata[:2] if rrtype == _RRSIG else b""
        key = (owner.lower(), rrtype, ttl, covered)
        self._groups.setdefault(key, (owner, []))[1].append(rdata)

    def rrsets(self) -> Slices[tuple[RRset, ...]]:
        """All of them; they are used up. `records` is how many records they have."""
        made: list[RRset] = []
        keys = list(reversed(self._groups))
        while keys:
            key = keys.pop()
            _, rrtype, ttl, _ = key
            owner, rdatas = self._groups.pop(key)
            rrset = RRset(owner, rrtype, _IN, ttl, tuple(dict.fromkeys(rdatas)))
            self.records += len(rrset.rdatas)
            made.append(rrset)
            if len(keys) % SLICE_RECORDS == 0:
                yield
        return tuple(made)
