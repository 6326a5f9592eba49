"""A tree of zones with seeded mistakes: the same seed makes the same tree, byte for byte.

Every mistake of the catalogue is made alone first, in several zones that differ in what does not
matter; the other zones have two mistakes each, of different groups. Knows: the catalogue. Does not
know: resolvers, what they answer.
"""

from dataclasses import dataclass
from itertools import cycle
from random import Random

import mistakes_of_content
import mistakes_of_delegation
import mistakes_of_servers
from site_building import HOSTING, Catalogue, Ground, Site

from resolver.testing import Internet, zone

CATALOGUE: Catalogue = {
    **mistakes_of_delegation.CATALOGUE,
    **mistakes_of_servers.CATALOGUE,
    **mistakes_of_content.CATALOGUE,
}
TLDS = ("com.", "net.", "org.")
# Zones that mistakes of others lead to, and nothing is wrong with.
SOUND = {
    "chain-a.com.": "c1 CNAME c2.chain-b.net.",
    "chain-b.net.": "c2 CNAME c3.chain-c.org.\nc3 A 192.0.2.103",
    "chain-c.org.": "c3 CNAME c4.chain-d.com.",
    "chain-d.com.": "c4 A 192.0.2.104",
    "victim.com.": "www A 192.0.2.105",
}


@dataclass(frozen=True)
class Planned:
    """One zone: its mistakes by name, and what is asked, in this order."""

    origin: str
    mistakes: tuple[str, ...]
    questions: tuple[str, ...]


def plan(count: int, seed: int) -> list[tuple[str, ...]]:
    """The mistakes of each of so many zones: all of them alone, then pairs."""
    rng = Random(seed)
    singles = list(CATALOGUE)
    made: list[tuple[str, ...]] = [(name,) for name in singles[:count]]
    groups = {
        group: [name for name, (of, _) in CATALOGUE.items() if of == group]
        for group in ("delegation", "servers", "content")
    }
    pairs = cycle([("delegation", "servers"), ("servers", "content"), ("delegation", "content")])
    while len(made) < count:
        first, second = next(pairs)
        made.append((rng.choice(groups[first]), rng.choice(groups[second])))
    return made


def build(count: int, *, seed: int = 1) -> tuple[Internet, list[Planned]]:
    """The tree, and its zones."""
    rng = Random(seed)
    net = Internet(seed=seed)
    servers = {
        tld: [f"198.18.0.{10 * i}", f"198.18.0.{10 * i + 1}"] for i, tld in enumerate(TLDS, 1)
    }
    ground = Ground(net, {tld: [] for tld in TLDS}, servers)
    net.root(".", "198.18.0.1", "198.18.0.2")
    _host_sound(ground)
    planned = []
    for number, mistakes in enumerate(plan(count, seed)):
        site = Site(ground, rng, f"z{number}", rng.choice(TLDS))
        for name in mistakes:
            CATALOGUE[name][1](site)
        site.finish()
        questions = tuple(site.questions)
        planned.append(Planned(site.origin, mistakes, questions))
    hoster = ground.address()
    net.host(HOSTING, hoster, zone(HOSTING, "\n".join(ground.hosting)))
    for tld in TLDS:
        # Delegations by hand are left as they are; those of SOUND and of the hoster are made.
        text = "\n".join(dict.fromkeys(ground.above[tld]))
        net.host(tld, *servers[tld], zone(tld, text))
    return net, planned


def _host_sound(ground: Ground) -> None:
    for origin, text in SOUND.items():
        ground.net.host(origin, ground.address(), zone(origin, text))
    lame = ground.address()
    ground.net.host("lame.net.", lame)
    ground.net.refuse(lame)
