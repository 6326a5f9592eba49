"""Zones made to cost much, and what they may cost: the attacks that resolvers are known by.

    for attack in ATTACKS:
        net = attack.tree()
        ...  # ask attack.questions, compare net.count() with attack.most

One definition for the tests of our engine and for the comparison with other servers (`python -m
tests.bench.attacks`). Every server of a tree is at an address that is ours to have, also the dead
ones, so that a tree can be bound to sockets as it is. NXNSAttack: Afek et al. 2020. CAMP: Duan et
al. 2024. NRDelegation: Afek et al. 2023. TsuNAME: Moura et al. 2021. Ghost domains: Jiang et al.
2012. Phoenix domains: Li et al. 2023.

Does not know: who is attacked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from resolver.testing.internet import Internet
from resolver.testing.messages import Query, Response
from resolver.testing.zones import records, zone

ROOT, COM, NET, EXAMPLE, OTHER, VICTIM = (f"198.51.100.{i}" for i in range(1, 7))
DEAD = "203.0.113.254"
DELEGATION_TTL_S = 2


@dataclass(frozen=True, slots=True)
class Attack:
    """A hostile tree, what its clients ask, and how many packets that may cost in all.

    `most_s` is how long one of them may wait where a packet takes 10 ms. `questions` come one after
    the other, or with `at_once` in one moment. `status` is what a resolver that gives up says to
    the last; "" where servers may differ. With `change`, this is done to the tree after the first
    question, and `wait_s` go by.
    """

    name: str
    tree: Callable[[], Internet]
    most: int
    most_s: float
    questions: tuple[str, ...] = ("www.example.com. A",)
    status: str = "SERVFAIL"
    at_once: bool = False
    change: Callable[[Internet], None] | None = None
    wait_s: float = 0.0


def domain(text: str, *servers: str) -> Internet:
    """The root, com. and net., and example.com. with `text` on these servers."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("net.", NET)
    net.host("example.com.", *(servers or (EXAMPLE,)), zone("example.com.", text))
    return net


def delegations(text: str) -> Internet:
    """com. with `text`, and victim.net., whose servers know nothing of it."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", text))
    net.host("net.", NET)
    net.host("victim.net.", VICTIM)
    return net


def nxns(count: int) -> Internet:
    """A delegation to names of the victim that do not exist."""
    return delegations("\n".join(f"example NS v{i}.victim.net." for i in range(count)))


def unresponsive_delegation(count: int) -> Internet:
    """NRDelegation: names that lead to zones whose servers never answer."""
    text = "\n".join(f"example NS ns.d{i}" for i in range(count))
    dead = "\n".join(f"d{i} NS ns.d{i}\nns.d{i} A {DEAD}" for i in range(count))
    net = delegations(f"{text}\n{dead}")
    net.host("dead.net.", DEAD)
    net.dead(DEAD)
    return net


def unresponsive_chain() -> Internet:
    """Each zone is served by two names of the next one, the last one by nobody who answers."""
    lines = [f"c{i} NS ns{j}.c{i + 1}" for i in range(12) for j in range(2)]
    net = delegations("\n".join(["example NS ns.c0", *lines, f"c12 NS ns.c12\nns.c12 A {DEAD}"]))
    net.host("dead.net.", DEAD)
    net.dead(DEAD)
    return net


def circle(size: int = 6, width: int = 3) -> Internet:
    """Each zone is served by names of the next one, the last one by names of the first."""
    lines = [f"r{i} NS ns{j}.r{(i + 1) % size}.com." for i in range(size) for j in range(width)]
    return delegations("\n".join(["example NS ns.r0", *lines]))


def clique(size: int = 13) -> Internet:
    """Zones all served from each other: more ways than anybody can go, none of which costs."""
    pairs = [(i, j) for i in range(size) for j in range(size) if i != j]
    return delegations("\n".join(f"q{i} NS ns{j}.q{j}.com." for i, j in pairs))


def self_served() -> Internet:
    """Served by names of its own, without glue."""
    return delegations("\n".join(f"example NS ns{i}.example" for i in range(13)))


def tsuname() -> Internet:
    """Two zones served from each other."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.b.net."))
    net.host("net.", NET, zone("net.", "b NS ns.example.com."))
    return net


def tree_of_names(name: str, levels: int, fan_out: int = 5) -> list[str]:
    """Each zone is served by five names in zones that are served likewise; at the end is
    nothing."""
    lines: list[str] = []
    for i in range(fan_out):
        lines.append(f"{name} NS ns.{name}{i}.com.")
        if levels > 1:
            lines += tree_of_names(f"{name}{i}", levels - 1, fan_out)
    return lines


def glueless_tree() -> Internet:
    """Four levels of that."""
    return delegations("\n".join(tree_of_names("t", 4)))


def camp() -> Internet:
    """That tree under each of eleven aliases. Every link resolves in the end, by a server that
    comes after those of the tree."""
    lines: list[str] = []
    names = [f"k{chr(97 + k)}" for k in range(12)]
    for k, name in enumerate(names):
        lines += [*tree_of_names(name, 3), f"{name} NS good{k}.other.net."]
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "\n".join(lines)))
    net.host("net.", NET)
    good = "\n".join(f"good{k} A 203.0.113.{k + 1}" for k in range(12))
    net.host("other.net.", OTHER, zone("other.net.", good))
    for k, name in enumerate(names):
        text = f"www CNAME www.k{chr(98 + k)}.com."
        net.host(f"{name}.com.", f"203.0.113.{k + 1}", zone(f"{name}.com.", text))
    return net


def endless_aliases() -> Internet:
    """Each name is an alias of a longer one."""
    net = domain("* CNAME x")

    def grow(query: Query, response: Response) -> Response:
        response.record.rr = records(f"{query.name} CNAME x{query.name}")
        return response

    net.fault(EXAMPLE, grow, rrtype="A")
    return net


def many_aliases(count: int = 40) -> Internet:
    """A chain that ends, too late, in one reply."""
    chain = "\n".join(f"a{i} CNAME a{i + 1}" for i in range(count))
    return domain(f"{chain}\na{count} A 192.0.2.7\nwww CNAME a0")


def dname_loop() -> Internet:
    """A DNAME below itself."""
    return domain("b DNAME b.b\nx.b A 192.0.2.1\nwww CNAME y.b")


def one_dead_address(count: int = 13) -> Internet:
    """Many name servers, which are one, and dead."""
    net = delegations(
        "\n".join(f"example NS ns{i}.example\nns{i}.example A {DEAD}" for i in range(count))
    )
    net.host("dead.net.", DEAD)
    net.dead(DEAD)
    return net


def failing(how: str, *, names: int = 13, addresses: int = 1) -> Internet:
    """Many name servers, all of which answer with an error."""
    first = ip_address("203.0.113.1")
    servers = [str(first + i) for i in range(names * addresses)]
    lines = [f"example NS ns{i}.example" for i in range(names)]
    lines += [f"ns{i % names}.example A {server}" for i, server in enumerate(servers)]
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "\n".join(lines)))
    net.host("example.com.", *servers, zone("example.com.", "www A 192.0.2.7"))
    for server in servers:
        net.error(server, how)
    return net


def ten_times_thirteen() -> Internet:
    """Ten name servers with thirteen addresses each, all of which refuse."""
    return failing("REFUSED", names=10, addresses=13)


def error_for_ever(how: str) -> Internet:
    """The only server says nothing else."""
    net = domain("www A 192.0.2.7")
    net.error(EXAMPLE, how)
    return net


def to_itself() -> Internet:
    """A referral to the very zone that is asked."""
    net = domain("www A 192.0.2.7")
    net.loop(EXAMPLE)
    return net


def truncated() -> Internet:
    """TC over UDP and over TCP."""
    net = domain("www A 192.0.2.7")
    net.truncate(EXAMPLE)
    net.truncate(EXAMPLE, over="tcp")
    return net


def ever_deeper() -> Internet:
    """A server that refers to itself one label further each time."""
    net = domain("www A 192.0.2.7")

    def deeper(query: Query, response: Response) -> Response:
        depth = query.name.count(".") - 2  # below example.com.
        seen = min(query.count, depth)
        cut = ".".join(query.name.split(".")[depth - seen :])
        response.record.rr = []
        response.record.header.aa = response.record.header.rcode = 0
        response.record.auth = records(f"{cut} NS ns.{cut}")
        response.record.ar = records(f"ns.{cut} A {EXAMPLE}")
        return response

    net.fault(EXAMPLE, deeper)
    return net


def flooded() -> Internet:
    """A zone of which random names are asked; its servers deny them."""
    return domain("www A 192.0.2.7", EXAMPLE, OTHER)


def silenced() -> Internet:
    """The same, and its servers say nothing."""
    net = flooded()
    net.dead(EXAMPLE)
    net.dead(OTHER)
    return net


def lame_and_slow() -> Internet:
    """Of four servers two are lame, one is dead and one is slow."""
    net = domain("* A 192.0.2.7", EXAMPLE, OTHER, VICTIM, DEAD)
    net.lame(EXAMPLE)
    net.lame(OTHER, "upward")
    net.dead(DEAD)
    net.delay(VICTIM, 0.15)
    return net


def ghost(child: str = "") -> Internet:
    """A domain whose servers say that it lives for a day, which its parent does not."""
    net = Internet()
    net.root(".", ROOT)
    ttl = DELEGATION_TTL_S
    net.host(
        "com.", COM, zone("com.", f"example {ttl} NS ns1.example\nns1.example {ttl} A {EXAMPLE}")
    )
    text = f"@ 86400 NS ns1\nns1 86400 A {EXAMPLE}\n* 1 A 192.0.2.7\n{child}"
    net.host("example.com.", EXAMPLE, zone("example.com.", text))
    net.spoof(EXAMPLE, "example.com. 86400 NS ns1.example.com.", "authority")
    net.spoof(EXAMPLE, f"ns1.example.com. 86400 A {EXAMPLE}")
    return net


def phoenix() -> Internet:
    """The same, and it delegates a child that is to outlive it."""
    net = ghost(f"sub 86400 NS ns1.sub\nns1.sub 86400 A {VICTIM}\n")
    net.host("sub.example.com.", VICTIM, zone("sub.example.com.", "* 1 A 192.0.2.66"))
    return net


def revoke(net: Internet) -> None:
    """The parent knows the domain no more; its servers go on as if nothing had happened."""

    def gone(query: Query, response: Response) -> Response:
        record = response.record
        record.header.rcode, record.header.aa = 3, 1
        record.rr, record.ar = [], [rr for rr in record.ar if rr.rtype == 41]
        assert query.zone is not None
        record.auth = query.zone.rrset(query.zone.origin, 6)
        return response

    net.fault(COM, gone, name="example.com.")


def _random(count: int) -> tuple[str, ...]:
    return tuple(f"r{i * 7919 % 100_003}.example.com. A" for i in range(count))


_LONG = ("a." * 112 + "example.com. A",)
_GHOST = ("www.example.com. A", "x1.example.com. A", "x2.example.com. A")
_PHOENIX = tuple(f"x{i}.sub.example.com. A" for i in range(3))
_OVER_S = DELEGATION_TTL_S + 1.5

ATTACKS: tuple[Attack, ...] = (
    Attack(
        "a sound zone, to compare with",
        partial(domain, "www A 192.0.2.7"),
        4,
        0.1,
        status="NOERROR",
    ),
    Attack("NXNSAttack, 130 name servers", partial(nxns, 130), 20, 2.0),
    Attack("NXNSAttack, 1500 name servers", partial(nxns, 1500), 20, 2.0),
    Attack("NXNSAttack, 130 name servers, 50 names", partial(nxns, 130), 140, 2.0, _random(50)),
    Attack("delegation to 13 unresponsive zones", partial(unresponsive_delegation, 13), 40, 8.0),
    Attack("delegation to 130 unresponsive zones", partial(unresponsive_delegation, 130), 40, 8.0),
    Attack("chain of twelve glueless zones, unresponsive", unresponsive_chain, 40, 8.0),
    Attack("circle of six zones, three names each", circle, 20, 1.0),
    Attack("clique of 13 zones", clique, 20, 1.0, ("www.q0.com. A",)),
    Attack("13 name servers of its own, no glue", self_served, 10, 1.0),
    Attack("two zones served from each other (TsuNAME)", tsuname, 10, 1.0),
    Attack("TsuNAME, 100 names at once", tsuname, 20, 1.0, _random(100), at_once=True),
    Attack("CNAME chain without end", endless_aliases, 16, 0.2),
    Attack("40 CNAMEs in one reply", many_aliases, 16, 0.2),
    Attack("CNAME to itself", partial(domain, "www CNAME www"), 4, 0.1, status=""),
    Attack("CNAME loop of two", partial(domain, "www CNAME b\nb CNAME www"), 4, 0.1, status=""),
    Attack("DNAME loop", dname_loop, 4, 0.1, status=""),
    Attack("glueless tree, fan-out five", glueless_tree, 40, 1.0, ("www.t.com. A",)),
    Attack("that tree under each of eleven aliases (CAMP)", camp, 100, 2.0, ("www.ka.com. A",)),
    Attack("13 name servers on one dead address", one_dead_address, 8, 8.0),
    Attack(
        "300 name servers on one dead address, with glue", partial(one_dead_address, 300), 12, 8.0
    ),
    Attack("13 name servers, all SERVFAIL", partial(failing, "SERVFAIL"), 15, 1.0),
    Attack("13 name servers, all REFUSED", partial(failing, "REFUSED"), 15, 1.0),
    Attack("10 name servers with 13 addresses, all REFUSED", ten_times_thirteen, 15, 1.0),
    Attack("BADCOOKIE for ever", partial(error_for_ever, "BADCOOKIE"), 4, 1.0),
    Attack("BADVERS for ever", partial(error_for_ever, "BADVERS"), 5, 1.0),
    Attack("SERVFAIL for ever", partial(error_for_ever, "SERVFAIL"), 5, 1.0),
    Attack("referral to itself", to_itself, 5, 1.0),
    Attack("referrals one label further each time", ever_deeper, 50, 1.0, _LONG),
    Attack("TC over UDP and over TCP", truncated, 5, 1.0),
    Attack("name of 112 labels", partial(domain, "www A 192.0.2.7"), 12, 1.0, _LONG, "NXDOMAIN"),
    Attack("500 random names, denied", flooded, 520, 1.0, _random(500), "", at_once=True),
    Attack("400 random names, silence", silenced, 800, 8.0, _random(400), at_once=True),
    Attack("50 names, servers lame, dead and slow", lame_and_slow, 80, 2.0, _random(50), "NOERROR"),
    Attack(
        "ghost domain, after it was revoked",
        ghost,
        14,
        1.0,
        _GHOST,
        "NXDOMAIN",
        change=revoke,
        wait_s=_OVER_S,
    ),
    Attack(
        "phoenix domain, after it was revoked",
        phoenix,
        14,
        1.0,
        _PHOENIX,
        "NXDOMAIN",
        change=revoke,
        wait_s=_OVER_S,
    ),
)
