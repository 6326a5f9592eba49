"""The PTR records that we made in one reverse zone: known over a restart, kept apart from its file.

The file of the zone never holds them: it is compared with what is served as if it did, and written
without them. So what is in the file is its author's, and an edit of it is an edit like any other.

Knows: the event loop, which pointers are ours. Does not know: which should be
(net/pointer_keeper.py), what a version with them looks like (zone/pointers.py).
"""

import logging
from collections.abc import Awaitable, Callable, Set

from resolver import names
from resolver.errors import DiffError, JournalError
from resolver.net.maintain import Keeper
from resolver.net.turns import in_turns
from resolver.zone.content import Zone
from resolver.zone.pointers import Moves, Pointer, beside, compared, is_reverse, repoint, without

_log = logging.getLogger(__name__)


class Pointing:
    """One zone, whose lock is held by whoever calls. `made` are pointers of ours; `latest` is the
    version that we published last, None for none."""

    def __init__(self, origin: bytes, keeper: Keeper) -> None:
        self.made: set[Pointer] = set()
        self.latest: Zone | None = None
        self._origin = origin
        self._name = names.show(origin)
        self._keeper = keeper

    async def load(self) -> None:
        """Learn what was made in another life. Raises JournalError."""
        if self._keeper.ledger is not None and is_reverse(self._origin):
            self.made = await self._keeper.ledger.made(self._origin)

    async def read_beside(self, file: Zone, served: Zone) -> Zone:
        """What a file holds that was read, and our pointers beside it; those that are in the file
        are its author's from now on."""
        if not self.made:
            return file
        zone, written = await in_turns(beside(file, served, self.made))
        if written:
            await self._disown(written)
        return zone

    async def beside(self, file: Zone, served: Zone) -> Zone:
        """What a file held once, and our pointers beside it."""
        return (await in_turns(beside(file, served, self.made)))[0] if self.made else file

    async def strip(self, zone: Zone) -> Zone:
        """The zone as it is to be written into its file."""
        return await in_turns(without(zone, self.made)) if self.made else zone

    async def compared(self, wanted: Moves) -> Moves:
        """What leads from the pointers that we made to these alone."""
        return await in_turns(compared(self.made, wanted.came))

    async def publish(
        self,
        held: Zone,
        wanted: Moves,
        bump: Callable[[int], int],
        keep: Callable[[Zone], Awaitable[bool]],
    ) -> Zone | None:
        """Make the moves in the version that is served; what is served then, None when they could
        not be made durable. `keep` puts that version into the journal, unless it is there."""
        ledger = self._keeper.ledger
        try:
            made = await in_turns(repoint(held, self.made, wanted, bump=bump))
            if made.diff is not None and not await keep(held):
                return None
            if ledger is not None and made.more:
                await ledger.note_made(self._origin, made.more, ())
            self.made |= made.more
            if made.diff is not None:
                before, self.latest = self.latest, made.zone
                try:
                    await self._keeper.publish(made.zone, made.diff)
                except JournalError:
                    self.latest = before
                    raise
                records = made.diff.records - 2
                _log.info("zone %s: %d PTR records follow addresses", self._name, records)
        except (JournalError, DiffError) as error:
            _log.error("zone %s: PTR records stay as they are: %s", self._name, error)
            return None
        if made.less:
            await self._disown(made.less)
        return made.zone

    async def _disown(self, less: Set[Pointer]) -> None:
        self.made -= less
        if self._keeper.ledger is None:
            return
        try:
            await self._keeper.ledger.note_made(self._origin, (), less)
        except JournalError as error:
            _log.warning("zone %s: %s", self._name, error)
