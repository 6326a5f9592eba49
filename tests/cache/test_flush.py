"""Forgetting a name, a type, a tree, or all, and nothing else (C04)."""

import pytest

from resolver import names
from resolver.cache.flush import Flushed, flush, flush_all
from resolver.codes import RRType
from resolver.model import Question
from resolver.slices import finish
from resolver.testing import Internet, World, zone

ROOT, COM, EXAMPLE = "198.51.100.1", "198.51.100.2", "198.51.100.3"
TEXT = """
www    A      192.0.2.7
www    AAAA   2001:db8::7
www    MX     10 mail
a.www  A      192.0.2.8
to     CNAME  www
badwww A      192.0.2.9
"""
QUESTIONS = (
    "www.example.com. A",
    "www.example.com. AAAA",
    "www.example.com. TXT",
    "a.www.example.com. A",
    "no.www.example.com. A",
    "badwww.example.com. A",
    "to.example.com. A",
    "no.example.com. A",
)


@pytest.fixture
def world() -> World:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", TEXT))
    world = World(net, priming=False, qname_minimisation="off", prefetch=False)
    for question in QUESTIONS:
        world.ask(question)
    assert missed(world) == []
    return world


def missed(world: World) -> list[str]:
    """The questions that the cache cannot answer any more."""
    found = []
    for question in QUESTIONS:
        name, _, rrtype = question.partition(" ")
        asked = world.recursion.cached(_question(name, rrtype))
        if asked is None:
            found.append(question.replace(".example.com.", ""))
    return found


def _question(name: str, rrtype: str) -> Question:
    return Question(names.read(name), RRType[rrtype])


def forget(world: World, name: str, rrtype: RRType | None = None, *, tree: bool = False) -> Flushed:
    caches = world.recursion.caches
    return finish(flush(caches, names.read(name), rrtype=rrtype, tree=tree))


def test_a_name_is_forgotten_with_all_its_types_and_nothing_beside_it(world: World):
    flushed = forget(world, "www.example.com.")
    assert missed(world) == ["www A", "www AAAA", "www TXT", "to A"]
    assert (flushed.rrsets, flushed.denials, flushed.delegations) == (2, 1, 0)
    assert flushed.total == 3


def test_one_type_is_forgotten_and_the_others_stay(world: World):
    flushed = forget(world, "www.example.com.", RRType.AAAA)
    assert missed(world) == ["www AAAA"]
    assert flushed.total == 1


def test_a_tree_is_forgotten_and_its_neighbours_stay(world: World):
    forget(world, "www.example.com.", tree=True)
    assert missed(world) == ["www A", "www AAAA", "www TXT", "a.www A", "no.www A", "to A"]


def test_a_type_of_a_tree(world: World):
    forget(world, "www.example.com.", RRType.A, tree=True)
    assert missed(world) == ["www A", "a.www A", "no.www A", "to A"]


def test_a_type_takes_the_alias_with_it_that_answers_for_it(world: World):
    forget(world, "to.example.com.", RRType.A)
    assert missed(world) == ["to A"]


def test_a_name_denied_by_one_above_is_a_miss_as_well(world: World):
    """RFC 8020: no.example.com. does not exist, so neither does what is below."""
    question = _question("x.no.example.com.", "A")
    assert world.recursion.cached(question) is not None
    flushed = forget(world, "x.no.example.com.")
    assert world.recursion.cached(question) is None
    assert flushed.denials == 1


def test_a_forgotten_zone_is_delegated_anew(world: World):
    assert world.ask("www.example.com. MX")[1].servers == [EXAMPLE]
    assert forget(world, "example.com.").delegations == 1
    assert world.ask("new.example.com. A")[1].servers == [COM, EXAMPLE]
    flushed = forget(world, "com.", tree=True)
    assert flushed.delegations == 2
    assert world.ask("new.example.com. A")[1].servers == [ROOT, COM, EXAMPLE]


def test_a_failure_and_what_is_held_against_servers_is_forgotten(world: World):
    rule = world.net.refuse(EXAMPLE)
    assert world.ask("new.example.com. A")[0].status == "SERVFAIL"
    rule.lift()
    assert world.ask("new.example.com. A")[0].status == "SERVFAIL", "remembered (RFC 9520)"
    assert forget(world, "example.com.", tree=True).failures >= 1
    assert world.ask("new.example.com. A")[0].status == "NXDOMAIN"


def test_a_name_that_is_not_there_changes_nothing(world: World):
    assert forget(world, "unknown.net.").total == 0
    assert missed(world) == []


def test_names_compare_by_labels(world: World):
    forget(world, "w.example.com.", tree=True)
    forget(world, "ww.example.com.", tree=True)
    assert missed(world) == []


def test_all_is_forgotten(world: World):
    caches = world.recursion.caches
    held = len(caches.rrsets) + len(caches.negatives) + len(caches.delegations)
    assert finish(flush_all(caches)).total == held
    assert len(missed(world)) == len(QUESTIONS)
    assert [m.octets for m in (caches.rrsets, caches.negatives, caches.delegations)] == [0, 0, 0]
    assert world.ask("www.example.com. A")[1].servers == [ROOT, COM, EXAMPLE]
    assert finish(flush_all(caches)).total > 0


def test_the_root_with_its_tree_is_everything(world: World):
    forget(world, ".", tree=True)
    assert len(missed(world)) == len(QUESTIONS)
