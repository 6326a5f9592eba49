"""One zone of a generated tree while it is being made, and what a mistake may change of it.

A mistake is a function on a Site; it changes name servers, delegation, content or faults, and adds
the questions that show it. Mistakes of different groups can be made in one zone: those of the
delegation take the first server, those of servers the second, and the last one stays as it is,
except where a mistake is one of all of them. Those of the group "alone" leave no room for others.

Knows: the fake Internet. Does not know: which mistakes there are.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal, TypeAlias

from resolver.testing import Internet, zone

Group: TypeAlias = Literal["delegation", "servers", "content", "alone"]
Mistake: TypeAlias = "Callable[[Site], None]"
Catalogue: TypeAlias = "dict[str, tuple[Group, Mistake]]"

HOSTING = "hosting.net."
TTL_S = 3600


@dataclass
class NameServer:
    """`name` is absolute. `address` is where it is, `glue` what the parent says (None: nothing)."""

    name: str
    address: str
    glue: str | None
    in_parent: bool = True
    in_child: bool = True
    serves: bool = True  # whether the zone is put there


@dataclass
class Ground:
    """What all zones of a tree share: the text of TLDs and of the hoster, and free addresses."""

    net: Internet
    above: dict[str, list[str]]
    servers: dict[str, list[str]]
    hosting: list[str] = field(default_factory=list)
    used: int = 256

    def tld_servers(self, tld: str) -> list[str]:
        """The servers of a TLD."""
        return self.servers[tld]

    def address(self) -> str:
        """The next free address."""
        self.used += 1
        return f"198.18.{self.used >> 8}.{self.used & 255}"

    def address6(self) -> str:
        """The same of IPv6."""
        self.used += 1
        return f"2001:db8::{self.used:x}"

    def hosted(self, label: str, line: str) -> str:
        """A name below the hoster's, with a record."""
        self.hosting.append(f"{label} {line}")
        return f"{label}.{HOSTING}"


class Site:
    """A zone being made. `origin` and `label` are lower case; `parent` is its TLD."""

    def __init__(self, ground: Ground, rng: Random, label: str, parent: str) -> None:
        self.ground = ground
        self.net = ground.net
        self.rng = rng
        self.label = label
        self.parent = parent
        self.origin = f"{label}.{parent}"
        self.servers: list[NameServer] = []
        self.content = [
            f"www A 192.0.2.{rng.randrange(1, 255)}",
            f"mail MX 10 www.{self.origin}",
        ]
        self.questions: list[str] = []
        self.mistakes: list[str] = []
        self.extra_parent: list[str] = []
        self.after: list[Callable[[], None]] = []
        self.ask("www A", "www AAAA", "none A")
        inside = rng.random() < 0.7
        for number in range(1, 4):
            self.add_server(f"ns{number}", inside=inside)

    def add_server(self, label: str, *, inside: bool = True, v6: bool = False) -> NameServer:
        """One more name server, in the zone or at the hoster's."""
        address = self.ground.address6() if v6 else self.ground.address()
        if inside:
            made = NameServer(f"{label}.{self.origin}", address, address)
        else:
            kind = "AAAA" if v6 else "A"
            name = self.ground.hosted(f"{label}-{self.label}", f"{kind} {address}")
            made = NameServer(name, address, None)
        self.servers.append(made)
        return made

    def move_inside(self) -> None:
        """All name servers get names in the zone."""
        for number, server in enumerate(self.servers, 1):
            server.name = f"ns{number}.{self.origin}"
            server.glue = server.address

    def only(self, server: NameServer) -> None:
        """Leave just this one."""
        self.servers[:] = [server]

    def addresses(self, which: str) -> list[str]:
        """Those that a mistake of "one" or of "all" servers is about."""
        return [s.address for s in (self.servers if which == "all" else self.servers[-2:-1])]

    @property
    def first(self) -> NameServer:
        """The one that mistakes of the delegation are about."""
        return self.servers[0]

    def ask(self, *questions: str) -> None:
        """Questions about names in the zone: "name type", "@" for the apex."""
        for question in questions:
            name, _, rrtype = question.partition(" ")
            owner = self.origin if name == "@" else f"{name}.{self.origin}"
            self.questions.append(f"{owner} {rrtype or 'A'}")

    def impostor(self, text: str = "www A 203.0.113.66\n* A 203.0.113.66") -> str:
        """The address of a server that answers for the zone with other data."""
        address = self.ground.address()
        self.net.host(self.origin, address, zone(self.origin, text, ttl=TTL_S))
        return address

    def nobody(self) -> str:
        """An address where a packet gets no answer, and no error."""
        address = self.ground.address()
        self.net.host(f"nobody-{self.ground.used}.invalid.", address)
        self.net.dead(address)
        return address

    def finish(self) -> None:
        """Host it, and delegate to it."""
        lines = list(self.content)
        above = self.ground.above[self.parent]
        above += self.extra_parent
        for server in self.servers:
            if server.in_parent:
                above.append(f"{self.origin} NS {server.name}")
                if server.glue is not None:
                    above.append(_address(server.name, server.glue))
            if server.in_child:
                lines.append(f"@ NS {server.name}")
            if server.name.endswith(f".{self.origin}"):
                lines.append(_address(server.name, server.address))
        text = zone(self.origin, "\n".join(dict.fromkeys(lines)), ttl=TTL_S)
        addresses = [s.address for s in self.servers if s.serves]
        if addresses:
            self.net.host(self.origin, *dict.fromkeys(addresses), text)
        for act in self.after:
            act()


def registered(catalogue: Catalogue, group: Group) -> Callable[[Mistake], Mistake]:
    """Puts a mistake into a catalogue, under the name of the function."""

    def register(mistake: Mistake) -> Mistake:
        catalogue[mistake.__name__] = (group, mistake)
        return mistake

    return register


def _address(name: str, address: str) -> str:
    return f"{name} {'AAAA' if ':' in address else 'A'} {address}"
