"""What there is to tell of zones: how many are in which state, and of some how they are.

There may be a hundred thousand of them, so this is work in slices. Knows: the store and the keeper.
Does not know: who reads it.
"""

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from resolver import names
from resolver.net.secondary import Secondary
from resolver.slices import Slices
from resolver.zone.status import ZoneStatus

if TYPE_CHECKING:
    from resolver.app.server import Server

_SLICE_CHECKED = 2000
_SLICE_TOLD = 100


@dataclass(slots=True)
class ZoneFacts:
    """A zone. What is None there is none of; `status` is of secondary zones."""

    name: str
    serial: int | None
    records: int | None
    status: ZoneStatus | None


@dataclass(slots=True)
class Zones:
    """How many zones there are in each state, and some of them."""

    states: dict[str, int]
    told: list[ZoneFacts]


def look_at_zones(server: "Server", most: int, *, only_trouble: bool = False) -> Slices[Zones]:
    """All states, and at most `most` zones: those in trouble first, then secondary zones."""
    store = server.store
    versions = store.unordered()
    withheld = store.all_withheld()
    expired = sum(zone.expired for zone in withheld)
    states = {
        "serving": len(versions),
        "expired": expired,
        "not_ready": len(withheld) - expired,
    }
    yield
    secondaries = server.keeper.secondaries()
    troubled: list[Secondary] = []
    others: list[Secondary] = []
    for number, secondary in enumerate(secondaries):
        if secondary.is_in_trouble:
            troubled.append(secondary)
        elif len(others) < most and not only_trouble:
            others.append(secondary)
        if not number % _SLICE_CHECKED:
            yield
    chosen = (troubled + others)[:most]
    told = []
    for number, secondary in enumerate(chosen):
        zone = store.get(secondary.origin)
        records = None if zone is None else zone.records
        status = secondary.status()
        told.append(ZoneFacts(names.show(secondary.origin), status.serial, records, status))
        if not number % _SLICE_TOLD:
            yield
    if not only_trouble:
        followed = server.keeper.primaries
        primaries = (zone for zone in versions if zone.origin not in followed)
        for number, zone in enumerate(islice(primaries, most - len(told))):
            told.append(ZoneFacts(names.show(zone.origin), zone.serial, zone.records, None))
            if not number % _SLICE_TOLD:
                yield
    return Zones(states, told)
