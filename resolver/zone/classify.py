"""What a name of a zone is: the one place where its flags are decided.

Serves versions made at once (zone/draft.py) and versions made from the one before
(zone/revision.py), which must come to the same result.

Knows: RFC 1034 section 4.2, RFC 4592 section 2, RFC 5155 section 7.2.8, RFC 6672 section 2.4,
RFC 9499 section 7 (glue). Does not know: where a zone keeps its names.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from resolver import names
from resolver.codes import RRType
from resolver.zone.content import APEX, CUT, DNAME, ENT, GLUE, HASHED, OCCLUDED

# Names below one with any of these are occluded.
COVERS: Final = CUT | DNAME

# What a name's own types make of it, and nothing else can change.
OWN: Final = COVERS | HASHED

# What a type makes of a name that has it.
MARKS: Final[dict[int, int]] = {
    int(RRType.NS): CUT,
    int(RRType.DNAME): DNAME,
    int(RRType.NSEC3): HASHED,
}


def own_flags(name: bytes, origin: bytes, marks: int) -> int:
    """What a lower-case name with records is by itself. `marks` are those of its types (MARKS), and
    may hold others, too."""
    return APEX | marks & DNAME if name == origin else marks & OWN


def placed_flags(own: int, *, occluded: bool, needed: bool) -> int:
    """The flags of a name in its zone. `needed`: some delegation has it as a name server."""
    if not occluded:
        return own
    return own | OCCLUDED | (GLUE if needed and not own & ENT else 0)


def covering(name: bytes, origin: bytes, covers: Callable[[bytes], bool]) -> bytes | None:
    """The cut or DNAME nearest above a lower-case name that occludes it, if any."""
    end = len(origin)
    while len(name) > end:
        name = name[name[0] + 1 :]
        if covers(name):
            return name
    return None


def needed_servers(ns_rdatas: Iterable[bytes], origin: bytes) -> Iterator[bytes]:
    """Name servers of a cut that are names of this zone, in lower case: glue, if occluded."""
    for rdata in ns_rdatas:
        target = rdata.lower()
        if names.is_within(target, origin):
            yield target
