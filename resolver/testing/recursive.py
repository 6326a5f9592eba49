"""What an honest resolver in the fake Internet answers: the whole truth of the tree at once.

It stands for the forwarders that a resolver under test hands its questions to. It walks nothing and
asks nobody, so its answers depend on no fault of other servers; faults of its own work as for any
server. Knows: all zones of the tree. Does not know: messages, caches, sockets.
"""

from collections.abc import Sequence
from typing import Any

from resolver.codes import Rcode, RRType
from resolver.testing.authority import Content, answer, closest_zone
from resolver.testing.zones import Zone, key_of

_MAX_RESTARTS = 16


def resolve(zones: Sequence[Zone], qname: Any, qtype: int) -> Content:
    """The answer with its chain of aliases across all zones; SERVFAIL where the tree has a hole."""
    found = Content(authoritative=False)
    name = qname
    for _ in range(_MAX_RESTARTS):
        zone = closest_zone(list(zones), key_of(name), qtype)
        if zone is None:
            break
        part = answer(zone, name, qtype)
        found.answer += part.answer
        found.rcode = part.rcode
        end = _end_of_chain(part.answer, qtype)
        if end is None or key_of(end) == key_of(name):
            is_referral = not part.answer and not part.authoritative
            if is_referral:
                break
            found.authority = part.authority
            return found
        name = end
    return Content(Rcode.SERVFAIL, authoritative=False)


def _end_of_chain(answer: Sequence[Any], qtype: int) -> Any:
    """The target of the last alias, if the section ends in one."""
    last = answer[-1] if answer else None
    if last is None or last.rtype != RRType.CNAME or qtype in (RRType.CNAME, RRType.ANY):
        return None
    return last.rdata.label
