"""A domain that its parent has given up is gone (bar 15; CVE-2012-1033, CVE-2022-30698/30699)."""

import pytest
from trees import COM, EXAMPLE, ROOT, SECOND

from resolver.testing import Internet, Query, Response, World, records, zone

DELEGATION_TTL_S = 10
LIVES_AT_MOST_S = DELEGATION_TTL_S + 1
CHILD = f"@ 86400 NS ns1\nns1 86400 A {EXAMPLE}\n* 1 A 192.0.2.7\nsub 86400 NS ns1.sub\n"


def ghost_tree(child: str = CHILD) -> Internet:
    net = Internet()
    net.root(".", ROOT)
    glue = f"ns1.example {DELEGATION_TTL_S} A {EXAMPLE}"
    net.host("com.", COM, zone("com.", f"example {DELEGATION_TTL_S} NS ns1.example\n{glue}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", child))
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


def seconds_of_afterlife(world: World, questions: list[str]) -> float:
    """How long after now a new name of the domain still resolves, with clients that ask every
    second."""
    start = world.clock.now()
    last = start
    for i in range(60):
        for question in questions:
            world.ask(question.format(i=i))
        if world.ask(f"fresh{i}.example.com. A")[0].status == "NOERROR":
            last = world.clock.now()
        world.clock.advance(1)
    return last - start


@pytest.mark.parametrize(
    "questions",
    [
        [],
        ["example.com. NS"],
        ["ns1.example.com. A", "example.com. NS"],
        ["example.com. SOA", "example.com. ANY"],
        ["x{i}.example.com. A"],
    ],
    ids=["nothing", "NS", "NS and address", "apex", "names"],
)
def test_a_revoked_domain_is_gone_with_its_delegation(questions: list[str]):
    net = ghost_tree()
    world = World(net)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    revoke(net)
    assert seconds_of_afterlife(world, questions) <= LIVES_AT_MOST_S


def test_long_lived_glue_does_not_help():
    net = Internet()
    net.root(".", ROOT)
    glue = f"ns1.example 86400 A {EXAMPLE}"
    net.host("com.", COM, zone("com.", f"example {DELEGATION_TTL_S} NS ns1.example\n{glue}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", CHILD))
    world = World(net)
    world.ask("www.example.com. A")
    revoke(net)
    assert seconds_of_afterlife(world, ["ns1.example.com. A"]) <= LIVES_AT_MOST_S


def test_an_ns_set_beside_every_answer_does_not_help():
    net = ghost_tree()
    net.spoof(EXAMPLE, "example.com. 86400 NS ns1.example.com.", "authority")
    net.spoof(EXAMPLE, f"ns1.example.com. 86400 A {EXAMPLE}")
    world = World(net)
    world.ask("www.example.com. A")
    revoke(net)
    assert seconds_of_afterlife(world, ["x{i}.example.com. A"]) <= LIVES_AT_MOST_S


def test_a_renamed_name_server_does_not_help():
    net = ghost_tree()
    world = World(net)
    world.ask("www.example.com. A")
    revoke(net)
    net.spoof(EXAMPLE, "example.com. 86400 NS ns9.example.com.", "authority")
    net.spoof(EXAMPLE, f"ns9.example.com. 86400 A {EXAMPLE}")
    questions = ["example.com. NS", "ns9.example.com. A"]
    assert seconds_of_afterlife(world, questions) <= LIVES_AT_MOST_S


def test_a_phoenix_delegated_further_down_dies_with_it():
    """T1: just before the end the domain delegates a child with a long life."""
    net = ghost_tree(CHILD + f"ns1.sub 86400 A {SECOND}\n")
    net.host("sub.example.com.", SECOND, zone("sub.example.com.", "* 1 A 192.0.2.66"))
    world = World(net)
    assert world.ask("a.sub.example.com. A")[0].addresses == ["192.0.2.66"]
    revoke(net)
    world.clock.advance(DELEGATION_TTL_S - 1)
    assert world.ask("b.sub.example.com. A")[0].addresses == ["192.0.2.66"]
    world.clock.advance(2)
    assert world.ask("c.sub.example.com. A")[0].status == "NXDOMAIN"


def test_a_phoenix_cannot_go_on_from_child_to_child():
    """T2: each child delegates the next, always in time."""
    net = ghost_tree()

    def ever_deeper(query: Query, response: Response) -> Response:
        depth = len(query.name.split(".")) - 1
        if depth < 4:
            return response
        cut = ".".join(query.name.split(".")[-4:])
        if query.name != cut and not query.name.startswith("*"):
            response.record.rr = []
            response.record.header.aa = response.record.header.rcode = 0
            response.record.auth = records(f"{cut} 86400 NS ns.{cut}")
            response.record.ar = records(f"ns.{cut} 86400 A {EXAMPLE}")
        return response

    net.fault(EXAMPLE, ever_deeper)
    world = World(net, qname_minimisation="off")
    revoked = False
    for i in range(40):
        world.ask(f"x.d{i}.example.com. A")
        world.clock.advance(1)
        if i == 3:
            revoke(net)
            revoked = True
    assert revoked
    for i in range(40):
        assert world.ask(f"fresh.d{i}.example.com. A")[0].status == "NXDOMAIN"


def test_a_domain_that_moves_is_followed_within_the_parents_ttl():
    net = ghost_tree()
    world = World(net)
    world.ask("www.example.com. A")
    net.host("example.com.", SECOND, zone("example.com.", "* 1 A 192.0.2.99"))

    def moved(query: Query, response: Response) -> Response:
        response.record.auth = records(f"example.com. {DELEGATION_TTL_S} NS ns2.example.com.")
        response.record.ar = records(f"ns2.example.com. {DELEGATION_TTL_S} A {SECOND}")
        return response

    net.fault(COM, moved, name="example.com.")
    world.ask("example.com. NS")
    world.clock.advance(LIVES_AT_MOST_S)
    assert world.ask("x.example.com. A")[0].addresses == ["192.0.2.99"]


def test_stale_answers_are_no_afterlife():
    """What the parent denies is denied, however stale the old answer is."""
    net = ghost_tree()
    world = World(net)
    world.ask("www.example.com. A")
    revoke(net)
    world.clock.advance(LIVES_AT_MOST_S)
    assert world.ask("www.example.com. A")[0].status == "NXDOMAIN"
