"""Internet: a root, TLDs, zones and the servers that hold them, in a few lines.

    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", "198.51.100.3", zone("example.com.", "www A 192.0.2.7"))

Delegations, glue, SOA and NS records are made where the text has none (tree.py). A server is an
address; it may hold several zones, and a zone may be on several servers.

Knows: which server holds what, which faults it has, what it was asked. Does not know: clocks,
sockets (loopback.py), resolvers (world.py).
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple

from resolver.codes import Rcode, RRClass, RRType
from resolver.model import RRset
from resolver.testing.authority import answer, closest_zone
from resolver.testing.faults import Faults
from resolver.testing.messages import (
    Query,
    Response,
    edns_version,
    end_of_name,
    is_plain,
    pack,
    read_query,
    restore_case,
    start_response,
)
from resolver.testing.recursive import resolve
from resolver.testing.tree import Host, link, move
from resolver.testing.zones import Zone, key_of, wire_of

MAX_LOG_ENTRIES = 200_000
_MAX_PACKED = 20_000
_HINT_TTL_S = 3_600_000
RTT_S = 0.01


class Seen(NamedTuple):
    """A query that a server got: the log's entry. `question` as in "www.example.com. A"."""

    server: str
    question: str
    edns_size: int | None
    stream: bool
    at: float

    def __str__(self) -> str:
        edns = "no EDNS" if self.edns_size is None else f"EDNS {self.edns_size}"
        transport = "TCP" if self.stream else "UDP"
        return f"{self.at:10.3f} s  {self.server}  {self.question}  {transport}, {edns}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet on its way back, and the seconds it takes from query to arrival."""

    packet: bytes
    after_s: float


class Internet(Faults):
    """A fake Internet. `rtt_s` is how long an exchange takes; `seed` makes its dice."""

    def __init__(self, *, seed: int = 1, rtt_s: float = RTT_S) -> None:
        super().__init__(seed)
        self.rtt_s = rtt_s
        self.log: deque[Seen] = deque(maxlen=MAX_LOG_ENTRIES)
        self._hosts: list[Host] = []
        self._asked: Counter[str] = Counter()
        self._unreachable: set[str] = set()
        self._resolvers: set[str] = set()
        self._moved: dict[str, str] = {}
        self._held: dict[str, list[Zone]] | None = None
        self._packed: dict[tuple[object, ...], tuple[bytes, Seen]] = {}

    def root(self, origin: str, *parts: str | Zone) -> None:
        """Host the root zone; its servers are the hints."""
        self.host(origin, *parts)

    def host(self, origin: str, *parts: str | Zone) -> None:
        """Put a zone on servers: their addresses, and a Zone unless it is empty.

        May be called again for other servers of the same zone, also with other content. Raises
        ValueError for what is no address, and for a zone of another origin.
        """
        addresses = tuple(str(ip_address(p)) for p in parts if isinstance(p, str))
        zones = [p for p in parts if isinstance(p, Zone)] or [Zone(origin)]
        if not addresses or len(zones) > 1:
            raise ValueError(f"{origin} needs the address of a server, and one zone at most")
        if zones[0].origin != key_of(origin):
            raise ValueError(f"{origin} is not the origin of the zone {zones[0]}")
        for host in self._hosts:
            if host.zone.origin == zones[0].origin and set(addresses) & set(host.addresses):
                raise ValueError(f"{origin} is on one of these servers already")
        self._hosts.append(Host(addresses, zones[0]))
        self._forget_made()

    def resolver(self, *addresses: str) -> None:
        """Put resolvers there that know the whole tree: forwarders for the one under test. They
        want RD=1. Raises ValueError for what is no address."""
        self._resolvers.update(str(ip_address(address)) for address in addresses)
        self._forget_made()

    def unreachable(self, server: str) -> None:
        """Nothing listens there: the network says so at once."""
        self._unreachable.add(server)

    def is_reachable(self, server: str) -> bool:
        """False for an address that was made unreachable."""
        return server not in self._unreachable

    @property
    def servers(self) -> list[str]:
        """All server addresses, in the order they were named."""
        hosts = [a for host in self._hosts for a in host.addresses]
        return list(dict.fromkeys([*hosts, *sorted(self._resolvers)]))

    @property
    def hints(self) -> list[RRset]:
        """The root servers, as a resolver's hints. Raises ValueError without a root."""
        made = [_rrset(rrs) for rrs in self._hint_records()]
        return [rrset for rrset in made if rrset is not None]

    @property
    def hints_text(self) -> str:
        """The root servers, as the content of a hints file."""
        lines = [
            f"{rr.rname} {_HINT_TTL_S} {rrset_type} {rr.rdata}"
            for rrs in self._hint_records()
            for rr in rrs
            for rrset_type in [RRType(rr.rtype).name]
        ]
        return "\n".join(lines) + "\n"

    def count(
        self,
        server: str | None = None,
        name: str | None = None,
        rrtype: str | None = None,
        *,
        stream: bool | None = None,
    ) -> int:
        """How many queries the servers got; only those that fit all that is given."""
        wanted = name if name is None else name.lower().rstrip(".") + "."
        return sum(
            1
            for seen in list(self.log)
            if server in (None, seen.server)
            and wanted in (None, seen.question.split()[0])
            and rrtype in (None, seen.question.split()[1])
            and stream in (None, seen.stream)
        )

    def move(self, moved: Mapping[str, str]) -> None:
        """Give servers other (IPv4) addresses in every record of the tree; loopback uses it.

        They are still named by their old addresses in faults and in the log.
        """
        self._moved = dict(moved)
        self._forget_made()

    def exchange(self, server: str, packet: bytes, *, stream: bool, at: float) -> list[Sent]:
        """What comes back from a server for a packet, soonest first; nothing is silence."""
        rules = [rule for rule in self.rules if rule.concerns(server)]
        end = end_of_name(packet)
        key = (server, stream, packet[2:12], packet[12:end].lower(), packet[end:])
        if not rules and (packed := self._packed.get(key)) is not None:
            reply, seen = packed
            self._note(seen._replace(at=at))
            return [Sent(packet[:2] + restore_case(reply, packet)[2:], self.rtt_s)]
        query = read_query(server, packet, stream=stream, at=at)
        if query is None or server not in self.held:
            return []
        seen = Seen(server, query.question, query.edns_size, stream, at)
        query.count = self._note(seen)
        query.zone = closest_zone(self.held[server], query.key, query.record.q.qtype)
        responses = [self._respond(query)]
        for rule in rules:
            if rule.acts(query, self.rng):
                responses = _apply(rule.fault, query, responses)
        for response in responses:
            self._move_records(response)
        sent = [Sent(pack(query, r), self.rtt_s + r.delay_s) for r in responses]
        if not rules and len(self._packed) < _MAX_PACKED:
            self._packed[key] = (sent[0].packet, seen)
        return sorted(sent, key=lambda s: s.after_s)

    @property
    def held(self) -> Mapping[str, list[Zone]]:
        """The zones of each server, complete with what was not written by hand."""
        if self._held is None:
            self._held = link(self._hosts, self._moved)
            for address in self._resolvers:
                self._held.setdefault(address, [])
        return self._held

    def _respond(self, query: Query) -> Response:
        """What a healthy server sends."""
        if not is_plain(query):
            return start_response(query, Rcode.NOTIMP)
        if edns_version(query):
            return start_response(query, Rcode.BADVERS)
        asked = query.record.q
        recursive = query.server in self._resolvers and bool(query.record.header.rd)
        if asked.qclass != RRClass.IN or (query.zone is None and not recursive):
            return start_response(query, Rcode.REFUSED)
        if recursive:
            zones = list({id(z): z for held in self.held.values() for z in held}.values())
            content = resolve(zones, asked.qname, asked.qtype)
        else:
            assert query.zone is not None
            content = answer(query.zone, asked.qname, asked.qtype)
        response = start_response(query, content.rcode)
        record = response.record
        record.header.ra = int(query.server in self._resolvers)
        record.header.aa = int(content.authoritative)
        record.rr += content.answer
        record.auth += content.authority
        record.ar = content.additional + record.ar
        return response

    def _move_records(self, response: Response) -> None:
        """Faults may have added records with addresses as the test wrote them."""
        if self._moved:
            record = response.record
            record.rr = [move(rr, self._moved) for rr in record.rr]
            record.auth = [move(rr, self._moved) for rr in record.auth]
            record.ar = [move(rr, self._moved) for rr in record.ar]

    def _note(self, seen: Seen) -> int:
        self.log.append(seen)
        self._asked[seen.server] += 1
        return self._asked[seen.server]

    def _forget_made(self) -> None:
        self._held = None
        self._packed.clear()

    def _hint_records(self) -> list[list[Any]]:
        roots = [z for zones in self.held.values() for z in zones if not z.origin]
        if not roots:
            raise ValueError("this Internet has no root: net.root('.', ADDRESS)")
        ns = roots[0].rrset((), RRType.NS)
        found = [ns]
        for rr in ns:
            key = key_of(rr.rdata.label)
            found += [rrs for t in (RRType.A, RRType.AAAA) if (rrs := roots[0].rrset(key, t))]
        return found


def _apply(fault: Any, query: Query, responses: list[Response]) -> list[Response]:
    changed: list[Response] = []
    for response in responses:
        result = fault(query, response)
        if isinstance(result, list):
            changed += result
        elif result is not None:
            changed.append(result)
    return changed


def _rrset(rrs: list[Any]) -> RRset | None:
    if not rrs:
        return None
    rdatas = []
    for rr in rrs:
        is_ns = rr.rtype == RRType.NS
        rdatas.append(wire_of(rr.rdata.label) if is_ns else bytes(rr.rdata.data))
    owner = wire_of(rrs[0].rname)
    return RRset(owner, rrs[0].rtype, RRClass.IN, _HINT_TTL_S, tuple(rdatas))
