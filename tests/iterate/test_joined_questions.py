"""Identical questions in flight are one resolution (R09)."""

from trees import COM, EXAMPLE, ROOT, small_tree

from resolver.testing import World


def test_two_hundred_clients_cost_one_query_a_step():
    net = small_tree()
    answers = World(net, priming=False).ask_all(["www.example.com. A"] * 200)
    assert all(answer.addresses == ["192.0.2.7"] for answer, _ in answers)
    assert [seen.server for seen in net.log] == [ROOT, COM, EXAMPLE]


def test_the_case_of_the_name_makes_no_difference():
    net = small_tree()
    answers = World(net, priming=False).ask_all(["www.example.com. A", "WWW.Example.com. A"])
    assert all(answer.addresses == ["192.0.2.7"] for answer, _ in answers)
    assert net.count(EXAMPLE) == 1


def test_other_types_are_other_questions():
    net = small_tree()
    World(net, priming=False).ask_all(["www.example.com. A", "www.example.com. AAAA"])
    assert net.count(EXAMPLE) == 2


def test_all_get_the_same_failure():
    net = small_tree()
    net.refuse(EXAMPLE)
    answers = World(net, priming=False).ask_all(["www.example.com. A"] * 20)
    assert {answer.status for answer, _ in answers} == {"SERVFAIL"}
    assert net.count(EXAMPLE) == 1


def test_the_root_is_primed_once_for_all():
    net = small_tree("* A 192.0.2.1")
    World(net).ask_all([f"x{i}.example.com. A" for i in range(50)])
    assert net.count(ROOT, ".", "NS") == 1


def test_late_comers_join_too():
    net = small_tree()
    net.delay(EXAMPLE, 0.2)
    world = World(net, priming=False)
    world.ask_all(["to.example.com. A", "www.example.com. A", "to.example.com. A"])
    assert net.count(EXAMPLE, "to.example.com.") == 1
