"""What looks wrong with the signatures of a zone while it is read.

Nothing is verified here: that is for validators, and for who signs. A zone is served as it is, so
all of this is warnings, but for NSEC3 parameters that would make every denial expensive.

Knows: RFC 4034 section 3.1.5, RFC 4035 sections 2.2 and 2.3, RFC 5155 section 7.1, RFC 9276 section
3.1. Does not know: files, how nodes are packed, keys.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from resolver import names
from resolver.codes import RRType, show_type
from resolver.zone import content
from resolver.zone.check import Contents, Sink
from resolver.zone.denial import MAX_ITERATIONS
from resolver.zone.nsec3 import SHA1, read_parameters
from resolver.zone.serial import serial_gt

if TYPE_CHECKING:
    from resolver.zone.groups import Group

_SOA: Final = int(RRType.SOA)
_DS: Final = int(RRType.DS)
_RRSIG: Final = int(RRType.RRSIG)
_NSEC: Final = int(RRType.NSEC)
_NSEC3: Final = int(RRType.NSEC3)
_DNSKEY: Final = int(RRType.DNSKEY)
_NSEC3PARAM: Final = int(RRType.NSEC3PARAM)
_SIGNED_AT_CUT: Final = frozenset((_DS, _NSEC))
_U32: Final = 0xFFFFFFFF
MAX_HOLES: Final = 10


class _Count:
    """Signatures with one fault: how many, and one of them."""

    __slots__ = ("first", "number", "where")

    def __init__(self) -> None:
        self.number = 0
        self.where = 0
        self.first = ""


class Signing:
    """Looks at each name of a signed zone, and speaks of faults that many share only once."""

    def __init__(self, findings: Sink, now: float | None, *, nsec: bool) -> None:
        self._findings = findings
        self._now = None if now is None else int(now) & _U32
        self._nsec = nsec
        self._expired = _Count()
        self._early = _Count()
        self._complete: list[int] = []
        self._complete_flags = -1
        self._timely = b""  # when the last signature that is valid begins and ends to be

    def node(self, key: bytes, flags: int, groups: "Sequence[Group]") -> None:
        """One name of the zone and its RRsets."""
        if flags & content.OCCLUDED:
            return
        signatures = {_covered(group): group for group in groups if group.rrtype == _RRSIG}
        has_nsec = False
        for group in groups:
            rrtype = group.rrtype
            if rrtype == _RRSIG or (flags & content.CUT and rrtype not in _SIGNED_AT_CUT):
                continue
            has_nsec = has_nsec or rrtype == _NSEC
            signature = signatures.get(rrtype)
            if signature is None:
                reason = f"{names.show(key)} {show_type(rrtype)} has no signature"
                self._findings.warning(group.where, reason)
            elif self._now is not None:
                self._look_at_times(key, signature, self._now)
        if self._nsec and not has_nsec and not flags & content.HASHED:
            self._findings.warning(groups[0].where, f"no NSEC at {names.show(key)}")

    def is_complete(self, flags: int, keys: list[int]) -> bool:
        """Whether nothing is missing at a name with RRsets of these keys (groups.group_key)."""
        if keys == self._complete and flags == self._complete_flags:
            return True  # like the name before
        if not self._has_all(flags, keys):
            return False
        self._complete, self._complete_flags = keys, flags
        return True

    def _has_all(self, flags: int, keys: list[int]) -> bool:
        if flags & content.OCCLUDED:
            return True
        for key in keys:
            rrtype = key & 0xFFFF
            if rrtype == _RRSIG or (flags & content.CUT and rrtype not in _SIGNED_AT_CUT):
                continue
            if key << 16 | _RRSIG not in keys:
                return False
        return not self._nsec or bool(flags & content.HASHED) or _NSEC in keys

    def is_timely(self, rdata: bytes) -> bool:
        """Whether a signature can be seen to be valid at once; those around the end of the numbers
        cannot."""
        now = self._now
        times = rdata[8:16]
        if now is None or times == self._timely:
            return True
        expiration = int.from_bytes(times[:4], "big")
        if not int.from_bytes(times[4:], "big") <= now <= expiration:
            return False
        self._timely = times
        return True

    def _look_at_times(self, key: bytes, group: "Group", now: int) -> None:
        """One signature that is valid now is enough."""
        count = None
        for rdata in group.rdatas.values():
            expiration = int.from_bytes(rdata[8:12], "big")
            inception = int.from_bytes(rdata[12:16], "big")
            if serial_gt(now, expiration):
                count, verb, instant = self._expired, "expired on", expiration
            elif serial_gt(inception, now):
                count, verb, instant = self._early, "is not valid before", inception
            else:
                return
        if count is None:
            return
        count.number += 1
        if count.number == 1:
            count.where = group.where
            name = f"{names.show(key)} {show_type(_covered(group))}"
            count.first = f"the signature of {name} {verb} {_show_time(instant, now)}"

    def close(self, holes: Iterable[str]) -> None:
        """Everything was looked at; `holes` are those of the chain."""
        for count in (self._expired, self._early):
            if count.number:
                others = f", and {count.number - 1} more" if count.number > 1 else ""
                self._findings.warning(count.where, count.first + others)
        for number, hole in enumerate(holes):
            if number == MAX_HOLES:
                self._findings.warning(0, "… and more gaps like this")
                break
            self._findings.warning(0, hole)


def signing_of(zone: Contents, findings: Sink, now: float | None) -> Signing | None:
    """What will look at the names of a zone; None when the zone is not signed. Findings get what is
    to be said of the apex."""
    groups = {g.rrtype: g for g in zone.groups(zone.origin) if g.rrtype != _RRSIG}
    signatures = [g for g in zone.groups(zone.origin) if g.rrtype == _RRSIG]
    keys = groups.get(_DNSKEY)
    if not any(_covered(g) == _SOA for g in signatures):
        if keys is not None or signatures:
            where = (keys or signatures[0]).where
            findings.warning(where, "the SOA has no signature: the zone is served unsigned")
        return None
    if keys is None:
        findings.warning(groups[_SOA].where if _SOA in groups else 0, "signed, but without DNSKEY")
    parameters = groups.get(_NSEC3PARAM)
    if parameters is not None:
        _look_at_parameters(parameters, findings)
    elif _NSEC not in groups:
        reason = "neither NSEC nor NSEC3PARAM at the apex: nothing can be proven to be absent"
        findings.warning(signatures[0].where, reason)
    return Signing(findings, now, nsec=_NSEC in groups and parameters is None)


def _look_at_parameters(group: "Group", findings: Sink) -> None:
    for rdata in group.rdatas.values():
        parameters, _ = read_parameters(rdata)
        if parameters.algorithm != SHA1:
            reason = f"NSEC3 hash algorithm {parameters.algorithm} is unknown"
            findings.warning(group.where, reason)
        elif parameters.iterations > MAX_ITERATIONS:
            reason = f"{parameters.iterations} NSEC3 iterations, more than {MAX_ITERATIONS}"
            findings.error(group.where, f"{reason}: every denial would cost too much (RFC 9276)")
        elif parameters.iterations:
            reason = f"{parameters.iterations} NSEC3 iterations; there should be 0"
            findings.warning(group.where, f"{reason} (RFC 9276 section 3.1)")


def _covered(group: "Group") -> int:
    """The type that the signatures of a group sign."""
    rdata = next(iter(group.rdatas.values()))
    return rdata[0] << 8 | rdata[1]


def _show_time(instant: int, now: int) -> str:
    """A signature's time as a date; of all times with this number the nearest to now (RFC 4034
    section 3.1.5)."""
    seconds = now + (instant - now + 0x80000000 & _U32) - 0x80000000
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
