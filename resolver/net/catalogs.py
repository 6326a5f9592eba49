"""Catalogs of others at work: zones that come and go because a catalog says so.

Whenever a version of a catalog is served, also one from disk after a restart, its
members become secondary zones, and those that it lists no more cease to be. A broken catalog
changes nothing. A zone that is served for another reason is left alone, and one that another
catalog lists goes over only if that one says so (change of ownership, `coo`).

Knows: RFC 9432 sections 4.3 and 5, the event loop. Does not know: what a catalog looks like
(zone/catalog.py), who may transfer what (whoever gives us `admit` does).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from resolver import names
from resolver.errors import JournalError
from resolver.net.maintain import Keeper
from resolver.net.secondary import SecondaryZone
from resolver.net.turns import in_turns
from resolver.zone import catalog as catalogs
from resolver.zone.catalog import Catalog, Member
from resolver.zone.content import Zone
from resolver.zone.peer import Peer
from resolver.zone.store import ZoneStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemberTerms:
    """Where members of a catalog are transferred from; `admit` is told of each of them before it is
    served."""

    primaries: tuple[Peer, ...]
    admit: Callable[[bytes], None] = lambda origin: None


@dataclass(frozen=True, slots=True)
class FollowedCatalog:
    """A catalog to follow; the origin in lower case. `terms` are for members of none of the
    `groups`, which are looked through in this order; `dismiss` is told of each member that is no
    more."""

    origin: bytes
    terms: MemberTerms
    groups: Mapping[bytes, MemberTerms] = field(default_factory=dict)
    check_digest: bool = False
    dismiss: Callable[[bytes], None] = lambda origin: None

    def terms_of(self, member: Member) -> MemberTerms:
        """On which terms a member is served (RFC 9432 section 4.3.2)."""
        found = (terms for group, terms in self.groups.items() if group in member.groups)
        return next(found, self.terms)

    def secondary(self, member: Member) -> SecondaryZone:
        """A member as a zone to keep."""
        return SecondaryZone(member.origin, self.terms_of(member).primaries, self.check_digest)


class Followed:
    """The catalogs that are followed here."""

    def __init__(
        self,
        plans: Iterable[FollowedCatalog],
        *,
        keeper: Keeper,
        store: ZoneStore,
        own: Collection[bytes],
    ) -> None:
        """`own` are the origins of primary zones."""
        self._plans = {plan.origin: plan for plan in plans}
        self._keeper = keeper
        self._store = store
        self._own = own
        # Members by origin, and the catalog that each is from.
        self._members: dict[bytes, tuple[bytes, Member]] = {}
        self._read: dict[bytes, Zone] = {}
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Follow what is on disk, before any query comes; from then on every change."""
        await self._follow_all()
        self._keeper.listeners.append(self._hear)

    def held(self) -> dict[bytes, list[Member]]:
        """The members of each catalog."""
        found: dict[bytes, list[Member]] = {}
        for by, member in self._members.values():
            found.setdefault(by, []).append(member)
        return found

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """No zone comes or goes on account of a catalog meanwhile."""
        async with self._lock:
            yield

    def turn_to(self, plans: Iterable[FollowedCatalog]) -> None:
        """Be configured in another way from now on, in one step; `settle` must follow. Members of
        catalogs that are followed no more are served no more."""
        before, self._plans = self._plans, {plan.origin: plan for plan in plans}
        for origin, (by, member) in list(self._members.items()):
            plan = self._plans.get(by)
            if plan is None:
                del self._members[origin]
                if origin not in self._own:
                    self._keeper.drop(origin)
            elif plan.secondary(member) != before[by].secondary(member):
                self._keeper.change(plan.secondary(member))

    async def settle(self) -> None:
        """Begin to follow catalogs that are new; to be called while all is `still`."""
        await self._look_at_all()

    async def stop(self) -> None:
        """Follow no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hear(self, zone: Zone) -> None:
        if zone.origin in self._plans:
            task = asyncio.ensure_future(self._follow_all())
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._keeper.metrics.exceptions_total += 1
            _log.error("following a catalog failed", exc_info=fault)

    async def _follow_all(self) -> None:
        """Follow every catalog. Zones are given up first: another one may wait for them."""
        async with self._lock:
            await self._look_at_all()

    async def _look_at_all(self) -> None:
        if self._plans:
            found = [
                (plan, zone, reading)
                for plan in self._plans.values()
                if (zone := self._store.get(plan.origin)) is not None
                and (reading := await self._look(plan, zone)) is not None
            ]
            for plan, _, catalog in found:
                await self._give_up(plan, catalog)
            for plan, zone, catalog in found:
                await self._take_up(plan, catalog, tell=self._read.get(plan.origin) is not zone)
                self._read[plan.origin] = zone

    async def _look(self, plan: FollowedCatalog, zone: Zone) -> Catalog | None:
        """What a catalog lists; None, told once, when it is broken."""
        reading = await in_turns(catalogs.read(zone))
        if isinstance(reading, Catalog):
            return reading
        if self._read.get(plan.origin) is not zone:
            self._read[plan.origin] = zone
            name = names.show(plan.origin)
            _log.error("catalog %s: not followed, %s", name, reading.reason)
        return None

    async def _give_up(self, plan: FollowedCatalog, catalog: Catalog) -> None:
        ours = [origin for origin, (by, _) in self._members.items() if by == plan.origin]
        for origin in ours:
            member, before = catalog.members.get(origin), self._members[origin][1]
            if member is None or member.label != before.label:
                # Another label is another zone of that name (section 5.4).
                await self._remove(plan, origin)
                continue
            self._members[origin] = (plan.origin, member)
            if plan.terms_of(member) is not plan.terms_of(before):
                plan.dismiss(origin)
                plan.terms_of(member).admit(origin)
                self._keeper.change(plan.secondary(member))
                _log.info(
                    "catalog %s: zone %s has another group", *map(names.show, (plan.origin, origin))
                )

    async def _take_up(self, plan: FollowedCatalog, catalog: Catalog, *, tell: bool) -> None:
        """Serve what the catalog lists and nobody else does, or no more (section 4.3.1)."""
        for origin, member in catalog.members.items():
            by, before = self._members.get(origin, (b"", None))
            if by == plan.origin:
                continue
            if before is not None:
                taken = before.coo != plan.origin
            else:
                taken = origin in self._own or origin in self._keeper.primaries
            if not taken:
                await self._add(plan, member)
            elif tell:
                name, zone = names.show(plan.origin), names.show(origin)
                _log.warning("catalog %s: %s is served already, not taken up", name, zone)

    async def _add(self, plan: FollowedCatalog, member: Member) -> None:
        origin = member.origin
        by, before = self._members.get(origin, (b"", None))
        if before is not None:
            # The state goes with the zone if it is the same instance.
            await self._remove(self._plans[by], origin, forget=before.label != member.label)
        self._members[origin] = (plan.origin, member)
        plan.terms_of(member).admit(origin)
        await self._keeper.add(plan.secondary(member))
        _log.info("catalog %s: zone %s added", names.show(plan.origin), names.show(origin))

    async def _remove(self, plan: FollowedCatalog, origin: bytes, *, forget: bool = True) -> None:
        del self._members[origin]
        plan.dismiss(origin)
        try:
            await self._keeper.remove(origin, forget=forget)
        except JournalError as error:
            _log.error("zone %s: %s", names.show(origin), error)
        _log.info("catalog %s: zone %s removed", names.show(plan.origin), names.show(origin))
