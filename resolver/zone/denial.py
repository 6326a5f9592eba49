"""How one version of a signed zone proves that something is not there: by NSEC, or by NSEC3.

Made in slices with the version itself, or from that of the version before when only a few names
changed. An NSEC3PARAM record with a complete chain decides for NSEC3, also where NSEC records are
there as well (RFC 5155 sections 10.4 and 10.5).

Knows: RFC 4035 section 2.3, RFC 5155 sections 4 and 7.1, RFC 9276. Does not know: which proof a
question needs (zone/proofs.py).
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from resolver import names
from resolver.codes import RRType, show_type
from resolver.slices import Slices
from resolver.zone import nsec, nsec3
from resolver.zone.content import Zone
from resolver.zone.groups import rdatas_in
from resolver.zone.nsec import NsecDenial
from resolver.zone.nsec3 import Nsec3Denial, Parameters
from resolver.zone.ring import Ring, ring_in_order, ring_of

Denial: TypeAlias = NsecDenial | Nsec3Denial

# A validator gives up far below it (RFC 9276 section 3.2); RFC 5155 section 10.3 allows as many for
# keys of 2048 bits. A hash costs half a microsecond for each.
MAX_ITERATIONS: Final = 500
_NSEC: Final = int(RRType.NSEC)
_NSEC3PARAM: Final = int(RRType.NSEC3PARAM)
_SLICE_NAMES: Final = 200


def denial_of(zone: Zone) -> Slices[Denial | None]:
    """The means of proof of a version, made on first use and kept with it; None when it is not
    signed or has none."""
    if zone.denial is None:
        zone.denial = yield from _make(zone)
    return zone.denial


def _make(zone: Zone) -> Slices[Denial | None]:
    parameters = _parameters(zone)
    if parameters is not None:
        found = yield from nsec3.owners(zone.nodes, parameters, zone.origin)
        ring = yield from ring_of(found, Nsec3Denial.order)
        return Nsec3Denial(ring, parameters, zone.origin)
    if zone.signed and _NSEC in zone.apex.rrsets:
        chunks = yield from nsec.chained(zone.nodes, zone.origin)
        if chunks:
            ring = yield from ring_in_order(chunks, NsecDenial.order)
            return NsecDenial(ring, whole=True)
        found = yield from nsec.owners(zone.nodes)
        ring = yield from ring_of(found, NsecDenial.order)
        return NsecDenial(ring)
    return None


def inherit(before: Zone, zone: Zone, changed: Iterable[bytes]) -> Slices[None]:
    """Make it from that of the version before. `changed` are all names that came, went, or whose
    records are not what they were."""
    old = before.denial
    parameters = _parameters(zone)
    if isinstance(old, Nsec3Denial) and old.parameters == parameters:
        ring = yield from _revised(old, zone, changed)
        zone.denial = Nsec3Denial(ring, parameters, zone.origin)
    elif (
        isinstance(old, NsecDenial)
        and parameters is None
        and zone.signed
        and _NSEC in zone.apex.rrsets
    ):
        ring = yield from _revised(old, zone, changed)
        zone.denial = NsecDenial(ring)
    else:
        yield from denial_of(zone)


def _revised(old: Denial, zone: Zone, changed: Iterable[bytes]) -> Slices[Ring]:
    joining: list[bytes] = []
    leaving: list[bytes] = []
    for count, name in enumerate(changed):
        packed = zone.nodes.get(name)
        if isinstance(old, Nsec3Denial):
            belongs = packed is not None and nsec3.is_member(
                name, packed, old.parameters, zone.origin
            )
        else:
            belongs = packed is not None and nsec.has_nsec(packed)
        if belongs != (name in old.ring):
            (joining if belongs else leaving).append(name)
        if count % _SLICE_NAMES == 0:
            yield
    if not joining and not leaving:
        return old.ring
    return (yield from old.ring.revised(joining, leaving))


def _parameters(zone: Zone) -> Parameters | None:
    """Those of a chain that may be used: announced without flags (RFC 5155 section 4.1.2), with the
    known hash, not too expensive, and with a record for the apex."""
    announced = zone.apex.rrsets.get(_NSEC3PARAM)
    if announced is None or not zone.signed:
        return None
    for rdata in announced.rdatas:
        parameters, flags = nsec3.read_parameters(rdata)
        if flags or parameters.algorithm != nsec3.SHA1 or parameters.iterations > MAX_ITERATIONS:
            continue
        owner = nsec3.hashed_owner(parameters.hash(zone.origin), zone.origin)
        packed = zone.nodes.get(owner)
        if packed is not None and nsec3.is_member(owner, packed, parameters, zone.origin):
            return parameters
    return None


def holes(zone: Zone) -> Slices[list[str]]:
    """Where the chain does not lead from each name to the next one, in words."""
    denial = zone.denial
    if denial is None or not denial.ring or (isinstance(denial, NsecDenial) and denial.whole):
        return []
    found: list[str] = []
    ring = iter(denial.ring)
    first = owner = next(ring)
    for count, following in enumerate(ring):
        _check_link(zone, denial, owner, following, found=found)
        owner = following
        if count % _SLICE_NAMES == 0:
            yield
    _check_link(zone, denial, owner, first, found=found)
    return found


def _check_link(
    zone: Zone, denial: Denial, owner: bytes, following: bytes, *, found: list[str]
) -> None:
    packed = zone.nodes.get(owner)
    assert packed is not None
    for rdata in rdatas_in(packed, denial.rrtype):
        if isinstance(denial, NsecDenial):
            leads_to = nsec.next_name(rdata)
        elif nsec3.read_parameters(rdata)[0] == denial.parameters:
            leads_to = nsec3.hashed_owner(nsec3.next_hash(rdata), zone.origin)
        else:
            continue
        if leads_to != following:
            kind = show_type(denial.rrtype)
            shown = names.show
            found.append(
                f"{kind} of {shown(owner)} leads to {shown(leads_to)}, but {shown(following)} is "
                "next: what is between them cannot be denied"
            )
