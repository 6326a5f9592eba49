"""Local data: records laid over the public tree, hosts files, and block lists.

A name that has a record here, or stands in a hosts file, is answered from here whatever its type:
for a type it does not have the answer is NODATA, so that an overridden address does not come with
the public one of the other family (Unbound's `transparent`, its default for local data; not
`typetransparent`). A CNAME leads on to wherever its target is. Names beside and below are resolved
as always, except that `*.NAME` stands for every name below NAME that has nothing nearer here.

A name on a block list, and everything below it, does not exist, or has the address that leads
nowhere, as the list's entry has it, and is told with an extended error (RFC 8914 section 4.16).
Records and hosts go before block lists; `allow` and a list's own exceptions take names off them.

Knows: names, records, lists. Does not know: files, who asks, what is resolved elsewhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from resolver import names
from resolver.codes import META_TYPES, Ede, Rcode, RRClass, RRType, show_type
from resolver.errors import Finding
from resolver.model import Answer, ExtendedError, Question, RRset
from resolver.policy.blocklist import BlockList
from resolver.policy.hosts import Hosts
from resolver.zone.file import read_records

RECORD_TTL_S: Final = 3600  # of records without one
# What comes from files that may change at any time is remembered no longer than this.
LIST_TTL_S: Final = 60

_ANY: Final = int(RRType.ANY)
_CNAME: Final = int(RRType.CNAME)
# These say something about a zone, its cuts or its signatures, and mean nothing in an overlay.
_NO_OVERLAY: Final = frozenset(
    (RRType.DNAME, RRType.RRSIG, RRType.NSEC, RRType.NSEC3, RRType.DNSKEY, RRType.DS, RRType.ALIAS)
)
_NOBODY: Final = names.read("nobody.invalid.")
_NOWHERE: Final = {int(RRType.A): bytes(4), int(RRType.AAAA): bytes(16)}

Node = dict[int, RRset]


class Records:
    """Records by lower-case name and type. Wildcards stand under their own name."""

    __slots__ = ("_nodes",)

    def __init__(self, rrsets: Iterable[RRset] = ()) -> None:
        self._nodes: dict[bytes, Node] = {}
        for rrset in rrsets:
            node = self._nodes.setdefault(rrset.owner.lower(), {})
            if (held := node.get(rrset.rrtype)) is not None:
                rdatas = tuple(dict.fromkeys(held.rdatas + rrset.rdatas))
                rrset = replace(rrset, ttl=min(held.ttl, rrset.ttl), rdatas=rdatas)
            node[rrset.rrtype] = rrset

    def node(self, name: bytes) -> Node | None:
        """The RRsets at a lower-case name, or those of the nearest wildcard above it."""
        if not self._nodes:
            return None
        if (node := self._nodes.get(name)) is not None:
            return node
        for ancestor in names.ancestors(names.parent(name)):
            if (node := self._nodes.get(names.wildcard(ancestor))) is not None:
                return node
        return None

    def faults(self, where: str) -> list[Finding]:
        """What is wrong with them."""
        found = []
        for owner, node in self._nodes.items():
            shown = names.show(owner)
            for rrtype in node:
                if rrtype in _NO_OVERLAY or rrtype in META_TYPES:
                    reason = f"{show_type(rrtype)} of {shown} has no place in local data"
                    found.append(Finding(where, 0, reason))
            if _CNAME in node and (len(node) > 1 or len(node[_CNAME].rdatas) > 1):
                reason = (
                    f"{shown} has a CNAME, and so can have nothing else (RFC 2181 section 10.1)"
                )
                found.append(Finding(where, 0, reason))
        return found


def read_local_records(texts: Sequence[str], where: str) -> tuple[list[RRset], list[Finding]]:
    """The records in these texts, and what is wrong with them; `where` is what findings say."""
    lines = [text + "\n" for text in texts]
    rrsets, errors = read_records(lines, where, ttl=RECORD_TTL_S)
    return rrsets, errors


@dataclass(slots=True)
class Blocking:
    """A block list in use: how its names are answered, and names (with everything below them) that
    it does not hold for."""

    names: BlockList
    answer: Literal["nxdomain", "zero"] = "nxdomain"
    allow: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Overlay:
    """All local data. The lists may be replaced at any time."""

    records: Records = field(default_factory=Records)
    hosts: list[Hosts] = field(default_factory=list)
    blocks: list[Blocking] = field(default_factory=list)

    def answer(self, question: Question) -> Answer | None:
        """What records and hosts files say, or None for a name in none of them."""
        name = question.name
        node = self.records.node(name)
        found = None if node is None else _of_type(node, question)
        if found is not None:
            return found
        held = node is not None
        for hosts in self.hosts:
            rdatas = hosts.lookup(name, question.qtype)
            if rdatas:
                rrset = RRset(question.qname, question.qtype, RRClass.IN, LIST_TTL_S, tuple(rdatas))
                return Answer(answer=[rrset], authoritative=True, ages=False)
            held = held or rdatas is not None
        return _denied(name, Rcode.NOERROR) if held else None

    def blocked(self, question: Question) -> Answer | None:
        """What block lists make of a name, or None for one that is on none."""
        name = question.name
        for block in self.blocks:
            top = block.names.covering(name)
            if top is None or any(names.is_within(name, allowed) for allowed in block.allow):
                continue
            return _blocked(question, top, block)
        return None


def _of_type(node: Node, question: Question) -> Answer | None:
    """What a node has for a question; its records get the owner that was asked for."""
    qtype = question.qtype
    found = [rrset for rrset in node.values() if qtype in (rrset.rrtype, _ANY)]
    if found:
        answer = [_owned(rrset, question.qname) for rrset in found]
        return Answer(answer=answer, authoritative=True, ages=False)
    if (cname := node.get(_CNAME)) is not None:
        target = cname.rdatas[0].lower()
        answer = [_owned(cname, question.qname)]
        return Answer(answer=answer, authoritative=True, ages=False, chase=target)
    return None


def _owned(rrset: RRset, owner: bytes) -> RRset:
    return RRset(owner, rrset.rrtype, rrset.rrclass, rrset.ttl, rrset.rdatas)


def _blocked(question: Question, top: bytes, block: Blocking) -> Answer:
    error = ExtendedError(
        Ede.BLOCKED, f"{names.show(top)} is on the block list {block.names.title}"
    )
    if block.answer == "zero":
        rdata = _NOWHERE.get(question.qtype)
        if rdata is None:
            return _denied(top, Rcode.NOERROR, error)
        rrset = RRset(question.qname, question.qtype, RRClass.IN, LIST_TTL_S, (rdata,))
        return Answer(answer=[rrset], authoritative=True, ages=False, extended_errors=(error,))
    return _denied(top, Rcode.NXDOMAIN, error)


def _denied(top: bytes, rcode: Rcode, *errors: ExtendedError) -> Answer:
    """A denial with a SOA, without which clients would not remember it (RFC 2308 section 5)."""
    numbers = b"".join(n.to_bytes(4, "big") for n in (1, 3600, 1200, 604_800, LIST_TTL_S))
    soa = RRset(top, RRType.SOA, RRClass.IN, LIST_TTL_S, (top + _NOBODY + numbers,))
    return Answer(rcode, authority=[soa], authoritative=True, ages=False, extended_errors=errors)
