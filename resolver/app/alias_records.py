"""ALIAS records that cannot be answered, because this server looks up no names of others.

A zone is the same wherever it is served, so reading one says nothing about this; what configures
the server does.
"""

from collections.abc import Iterable
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.errors import Finding
from resolver.slices import Slices
from resolver.zone.content import Zone
from resolver.zone.file import ZoneReport
from resolver.zone.groups import types_in

# More would say nothing new.
MAX_TOLD: Final = 5
# Names between two breaks: a millisecond of work.
_SLICE_NAMES: Final = 5_000
_ALIAS: Final = int(RRType.ALIAS)
_ALIAS_OCTETS: Final = _ALIAS.to_bytes(2, "big")


def unanswerable(reports: Iterable[ZoneReport], others: Iterable[bytes]) -> Slices[list[Finding]]:
    """A finding for each ALIAS that leads out of these zones and of `others`, given by their
    origins, up to MAX_TOLD of a zone."""
    zones = [(r.zone, r.files, r.lends) for r in reports if r.zone is not None]
    origins = {*others, *(zone.origin for zone, _, _ in zones)}
    found: list[Finding] = []
    for zone, files, lends in zones:
        file = str(files[0]) if files else ""
        room = MAX_TOLD
        if not lends:
            continue
        for number, (name, packed) in enumerate(zone.nodes.items(), 1):
            # The octets may be anything, so they only say where to look.
            if room and _ALIAS_OCTETS in packed and _ALIAS in types_in(packed):
                target = _target(zone, name)
                if not any(above in origins for above in names.ancestors(target.lower())):
                    found.append(Finding(file, 0, _reason(name, target)))
                    room -= 1
            if number % _SLICE_NAMES == 0:
                yield
    return found


def _target(zone: Zone, name: bytes) -> bytes:
    node = zone.node(name)
    assert node is not None
    return node.rrsets[_ALIAS].rdatas[0]


def _reason(name: bytes, target: bytes) -> str:
    owner, leads_to = names.show(name), names.show(target)
    return (
        f"the ALIAS of {owner} leads to {leads_to}, and recursion is off: "
        "unless that is in a zone of this server, there will be no addresses (SERVFAIL)"
    )
