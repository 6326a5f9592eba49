"""Finished packets by the bytes of the query: the cache in front of everything else.

There is one table per set of access bits and transport, so a hit has already passed access
control. A table (in pieces, shards.py) maps the octets of a query behind its id to an entry; the
canonical form of wire/peek.py always leads to it, other spellings of the same query may become
aliases.

Time here is counted in whole seconds of the monotonic clock, and a packet that was kept in the
middle of one counts as kept at its start: so TTLs (RFC 1035 section 3.2.1, RFC 2181 section 8)
change for all packets together, never say more than the time left, rounded up, and are at least 1.
Space is bounded in octets; the victim is found by CLOCK (second chance) over the order of arrival.
One served in the present second is no victim: serve/fast.py has it at hand and asks once a second.
An expired packet is never served; it leaves when it is replaced or evicted.

Knows packets and time as an argument. Does not know zones, RRsets or who asks.
"""

from collections import deque
from typing import Final

from resolver.cache.shards import SHARD_SHIFT, empty_shards
from resolver.native import i64, mypyc_attr
from resolver.wire.patch import age, survey, with_question_name
from resolver.wire.peek import HEADER_OCTETS, ID_OCTETS, Peek, peek

# What CPython needs beside the octets of key and packet: objects, and their share of the table and
# the ring. Resident memory of 200,000 and of 1,000,000 entries, a little rounded up.
ENTRY_OVERHEAD_OCTETS: Final = 380
ALIAS_OVERHEAD_OCTETS: Final = 220
MAX_ALIASES: Final = 2
# Longer packets go over streams only, and making them again is little beside sending them; in a
# flood they would drive everything else out.
MAX_KEPT_OCTETS: Final = 4096
# A sweep that finds only visited entries must not stop the world.
MAX_SECOND_CHANCES: Final = 32
# Entries freed per packet kept after drop_all, so that dropping a large cache stalls nobody.
_BURIALS: Final = 64

_QUESTION_START: Final = HEADER_OCTETS - ID_OCTETS
_QUESTION_TAIL_OCTETS: Final = 4  # type and class
_TRUNCATED: Final = 0x02


@mypyc_attr(acyclic=True)
class Entry:
    """A finished packet without its id. Its TTLs are right during the second `aged_to`; it may be
    served in all seconds before `expires`. `visited` is the second it was last served in, -1 after
    the hand has passed. `kind` says which table it is in, and does not refer to it: an entry would
    be in a circle then, and searched for garbage."""

    __slots__ = (
        "aged_to",
        "aliases",
        "expires",
        "key",
        "kind",
        "tail",
        "ttls",
        "visited",
    )

    tail: bytes
    aged_to: int
    expires: int
    ttls: tuple[int, ...]
    visited: int
    key: bytes
    aliases: tuple[bytes, ...]
    kind: int

    def __init__(self, kind: int, key: bytes) -> None:
        self.kind = kind
        self.key = key
        self.aliases = ()
        self.visited = -1

    @property
    def octets(self) -> int:
        """What the entry is charged with."""
        octets = ENTRY_OVERHEAD_OCTETS + len(self.key) + len(self.tail)
        for alias in self.aliases:
            octets += ALIAS_OVERHEAD_OCTETS + len(alias)
        return octets


Table = list[dict[bytes, Entry]]


class Answers:
    """All finished packets of a process, bounded to `size_octets`.

    `generation` changes whenever tables handed out before are no longer in use.
    """

    __slots__ = (
        "_graves",
        "_push",
        "_ring",
        "_size_octets",
        "_tables",
        "entries",
        "evicted",
        "generation",
        "kept",
        "octets",
    )

    def __init__(self, size_octets: int) -> None:
        self._size_octets = size_octets
        self._tables: dict[int, Table] = {}  # by access bits and transport
        self._ring: deque[Entry] = deque()
        self._push = self._ring.append  # which is not to be looked up by name for each packet
        self._graves: list[dict[bytes, Entry] | deque[Entry]] = []
        self.entries = 0
        self.octets = 0
        self.kept = 0
        self.evicted = 0
        self.generation = 0

    def table(self, bits: int, *, stream: bool) -> Table:
        """The table for clients with these access bits; in use until `generation` changes."""
        return self._table(bits << 1 | stream)

    def _table(self, kind: int) -> Table:
        table = self._tables.get(kind)
        if table is None:
            table = self._tables[kind] = empty_shards()
        return table

    def tail(self, entry: Entry, second: int) -> bytes | None:
        """The packet behind its id, as it is to be sent in this second; None if it has expired."""
        if second >= entry.expires:
            return None
        if entry.ttls and entry.aged_to != second:
            entry.tail = age(entry.tail, entry.ttls, second - entry.aged_to)
            entry.aged_to = second
        entry.visited = second
        return entry.tail

    def find(self, table: Table, packet: bytes, query: Peek, second: int) -> bytes | None:
        """The tail that answers `packet`, of which `query` is the peek, in its own spelling.

        For packets whose own octets are not in the table: looks by canonical key, restores the
        case of the name, and notes the spelling as an alias if it is one that is worth it.
        """
        entry = table[hash(query.key) >> SHARD_SHIFT].get(query.key)
        if entry is None:
            return None
        tail = self.tail(entry, second)
        if tail is None:
            return None
        qname = packet[HEADER_OCTETS : query.name_end]
        if not tail.startswith(qname, _QUESTION_START):
            return with_question_name(tail, qname)
        if query.optionless:
            self._add_alias(table, entry, packet[ID_OCTETS:])
        return tail

    def keep(
        self,
        query: bytes,
        reply: bytes,
        *,
        bits: int,
        stream: bool,
        now: float,
        ttl_s: float,
        ages: bool,
        look: Peek | None = None,
    ) -> None:
        """Remember that `reply` answers `query` for `ttl_s` seconds, or less if `ages` and one of
        its TTLs is lower, or there is none. `ages` False is for own zones, whose TTLs do not count
        down. `now` is monotonic time in seconds, `look` the peek of the query, if it is known.

        Not kept: replies to queries that are not plain, truncated ones, large ones, ones larger
        than every client with the same key accepts, and ones with options for one client only.
        Raises WireError when the reply is no message.
        """
        if look is None:
            look = peek(query, stream=stream)
        if look is None or len(reply) > MAX_KEPT_OCTETS or len(reply) > look.max_octets:
            return
        tail = _canonical(reply, look)
        if tail is None:
            return
        layout = survey(tail, look.name_end - ID_OCTETS + _QUESTION_TAIL_OCTETS)
        lowest_s = layout.lowest_ttl_s or 0
        left_s = lowest_s if ages and lowest_s < ttl_s else int(ttl_s)
        if left_s < 1 or layout.personal:
            return
        key = look.key
        kind = bits << 1 | stream
        table = self._table(kind)
        entry = self._entry(key, table, kind)
        second = int(now)
        entry.tail = tail
        entry.ttls = layout.ttls if ages else ()
        entry.aged_to = second
        entry.expires = second + left_s
        self.octets += entry.octets
        self.kept += 1
        is_long = len(query) > look.name_end + _QUESTION_TAIL_OCTETS
        if look.optionless and look.lower and is_long:
            own = query[ID_OCTETS:]  # whose OPT record may not be the one of the key
            if own != key:
                self._add_alias(table, entry, own)
        if self.octets > self._size_octets or self._graves:
            self._make_room(second)

    def _entry(self, key: bytes, table: Table, kind: int) -> Entry:
        """Where to put the packet for a key, not counted yet with its octets."""
        at: i64 = hash(key)
        new = Entry(kind, key)
        entry = table[at >> SHARD_SHIFT].setdefault(key, new)
        if entry is new:
            self._push(entry)
            self.entries += 1
        else:
            self.octets -= entry.octets
        return entry

    def resize(self, size_octets: int) -> None:
        """Keep to another bound from now on. Forgets every packet."""
        self.drop_all()
        self._size_octets = size_octets

    def drop_all(self) -> None:
        """Forget every packet, for instance because a zone has changed."""
        # Zones may change all day while nobody asks: then nothing is kept, and nobody buries.
        for table in self._tables.values():
            self._graves += [shard for shard in table if shard]
        if self._ring:
            self._graves.append(self._ring)
        self._tables = {}
        self._ring = deque()
        self._push = self._ring.append
        self.entries = 0
        self.octets = 0
        self.generation += 1

    def _add_alias(self, table: Table, entry: Entry, key: bytes) -> None:
        if key == entry.key or len(entry.aliases) >= MAX_ALIASES:
            return
        shard = table[hash(key) >> SHARD_SHIFT]
        if key in shard:
            return
        entry.aliases += (key,)
        shard[key] = entry
        self.octets += ALIAS_OVERHEAD_OCTETS + len(key)

    def _make_room(self, second: int) -> None:
        chances = MAX_SECOND_CHANCES
        while self.octets > self._size_octets and self._ring:
            entry = self._ring.popleft()
            if entry.visited >= 0 and chances:
                chances -= 1
                if entry.visited != second:
                    entry.visited = -1
                self._ring.append(entry)
                continue
            self.octets -= entry.octets
            self.entries -= 1
            self.evicted += 1
            table = self._tables[entry.kind]
            for key in (entry.key, *entry.aliases):
                del table[hash(key) >> SHARD_SHIFT][key]
        if self._graves:
            self._bury()

    def _bury(self) -> None:
        """Free some of what drop_all left, at most _BURIALS entries; more than one call to `keep`
        brings, however little was left each time."""
        left = _BURIALS
        while left and self._graves:
            grave = self._graves[-1]
            if isinstance(grave, dict):
                grave.popitem()
            else:
                grave.pop()
            left -= 1
            if not grave:
                self._graves.pop()


def _name(look: Peek) -> bytes:
    """The name of a question, in lower case."""
    return look.key[_QUESTION_START : look.name_end - ID_OCTETS]


def _canonical(reply: bytes, look: Peek) -> bytes | None:
    """The reply behind its id, its question in the spelling of the key; None unless it is a whole
    answer to that very question."""
    if len(reply) < HEADER_OCTETS or reply[2] & _TRUNCATED or reply[4] or reply[5] != 1:
        return None
    tail = reply[ID_OCTETS:]
    end = look.name_end - ID_OCTETS
    behind = end + _QUESTION_TAIL_OCTETS
    if tail[_QUESTION_START:behind] == look.key[_QUESTION_START:behind]:
        return tail
    name = _name(look)
    if tail[_QUESTION_START:end].lower() != name or tail[end:behind] != look.key[end:behind]:
        return None
    return with_question_name(tail, name)
