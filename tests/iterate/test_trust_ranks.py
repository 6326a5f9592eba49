"""Weaker data never replaces stronger, and glue never answers (RFC 2181 section 5.4.1)."""

from trees import COM, EXAMPLE, ROOT, small_tree

from resolver.testing import Internet, World, zone


def parent_and_child_disagree() -> Internet:
    """The parent's glue says EXAMPLE; the child says that ns1 is at 192.0.2.53 too."""
    net = Internet()
    net.root(".", ROOT)
    glue = f"example NS ns1.example\nns1.example 3600 A {EXAMPLE}"
    net.host("com.", COM, zone("com.", glue))
    text = f"@ 600 NS ns1\nns1 300 A {EXAMPLE}\nns1 300 A 192.0.2.53\nwww 60 A 192.0.2.7"
    net.host("example.com.", EXAMPLE, zone("example.com.", text))
    return net


def test_glue_does_not_answer_a_client():
    world = World(parent_and_child_disagree())
    world.ask("www.example.com. A")
    answer, watch = world.ask("ns1.example.com. A")
    assert sorted(answer.addresses) == ["192.0.2.53", EXAMPLE]
    assert watch.servers == [EXAMPLE]


def test_the_ns_set_of_a_referral_does_not_answer_a_client():
    world = World(parent_and_child_disagree(), case_mixing=False)
    world.ask("www.example.com. A")
    answer, watch = world.ask("example.com. NS")
    assert answer.data("NS") == ["ns1.example.com."]
    assert answer.ttl == 600
    assert watch.servers == [EXAMPLE]


def test_glue_does_not_replace_the_childs_own_word():
    net = parent_and_child_disagree()
    world = World(net)
    world.ask("ns1.example.com. A")
    # The delegation is gone and fetched again, with its glue, while the answer is still good.
    world.recursion.delegations.clear()
    world.ask("www.example.com. A")
    answer, watch = world.ask("ns1.example.com. A")
    assert sorted(answer.addresses) == ["192.0.2.53", EXAMPLE]
    assert watch.asked() == 0


def test_additional_data_does_not_answer_a_client():
    world = World(small_tree("@ MX 10 mail\nmail A 192.0.2.25"))
    world.ask("example.com. MX")
    assert world.ask("mail.example.com. A")[1].servers == [EXAMPLE]


def test_data_without_aa_does_not_replace_data_with_it():
    net = small_tree("www 300 A 192.0.2.7\nto CNAME www")
    world = World(net)
    world.ask("www.example.com. A")
    net.no_authority(EXAMPLE)
    net.spoof(EXAMPLE, "www.example.com. 300 A 192.0.2.66", "answer")
    world.ask("to.example.com. A")
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_better_data_replaces_worse():
    net = small_tree("www 300 A 192.0.2.7")
    rule = net.no_authority(EXAMPLE)
    world = World(net)
    world.ask("www.example.com. A")
    rule.lift()
    world.clock.advance(301)
    answer, _ = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]


def test_a_child_cannot_prolong_its_delegation():
    """Ghost domains: what the child says of its own NS does not outlive the parent's word."""
    net = Internet()
    net.root(".", ROOT)
    text = f"example 60 NS ns1.example\nns1.example 60 A {EXAMPLE}"
    net.host("com.", COM, zone("com.", text))
    child = f"@ 86400 NS ns1\nns1 86400 A {EXAMPLE}\n* 1 A 192.0.2.7"
    net.host("example.com.", EXAMPLE, zone("example.com.", child))
    world = World(net)
    for i in range(8):
        world.ask("example.com. NS")
        world.ask("ns1.example.com. A")
        world.ask(f"x{i}.example.com. A")
        world.clock.advance(20)
    assert net.count(COM) >= 2
