"""What one client question may cost, whatever the zones do (see resolver/iterate/budget.py).

The figures are upstream queries, the walk from the root included.
"""

import pytest
from trees import COM, EXAMPLE, NET, ROOT, SECOND, small_tree

from resolver.testing import Internet, Watch, World, run, zone
from resolver.testing.watch import Result


def ask(net: Internet, question: str, **settings) -> tuple[Result, Watch, float]:
    world = World(net, priming=False, **settings)
    start = world.clock.now()
    answer, watch = world.ask(question)
    return answer, watch, world.clock.now() - start


@pytest.mark.parametrize("count", [30, 130, 1500])
def test_a_referral_to_very_many_glueless_servers(count: int):
    net = Internet()
    net.root(".", ROOT)
    referral = "\n".join(f"example NS ns{i}.victim.net." for i in range(count))
    net.host("com.", COM, zone("com.", referral))
    net.host("net.", NET)
    net.host("victim.net.", SECOND)
    answer, watch, _ = ask(net, "www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 20


def test_a_tree_of_glueless_servers_with_fan_out_five():
    net = Internet()
    net.root(".", ROOT)
    levels = 6
    text = "\n".join(
        f"z{level} NS ns{i}.z{level + 1}.com." for level in range(levels) for i in range(5)
    )
    net.host("com.", COM, zone("com.", text))
    answer, watch, seconds = ask(net, "www.z0.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 40
    assert seconds <= 8


def glueless_chain(levels: int) -> Internet:
    """z0.com. is served by ns.z1.com., that zone by ns.z2.com. and so on; the last two come
    with glue."""
    net = Internet()
    net.root(".", ROOT)
    text = "\n".join(f"z{i} NS ns.z{i + 1}" for i in range(levels))
    net.host(
        "com.", COM, zone("com.", f"{text}\nz{levels} NS ns.z{levels}\nns.z{levels} A {EXAMPLE}")
    )
    for i in range(levels + 1):
        net.host(f"z{i}.com.", EXAMPLE, zone(f"z{i}.com.", f"ns A {EXAMPLE}\nwww A 192.0.2.7"))
    return net


def test_servers_of_servers_are_looked_up_seven_levels_deep():
    assert ask(glueless_chain(8), "www.z0.com. A")[0].addresses == ["192.0.2.7"]
    answer, watch, _ = ask(glueless_chain(9), "www.z0.com. A")
    assert answer.status == "SERVFAIL"
    assert any("7 levels deep" in line for line in watch.lines())


def test_the_time_limit_is_named_in_the_answer():
    net = Internet(rtt_s=0.3)
    net.root(".", ROOT)
    origin = ""
    for i in range(30):
        origin = f"d{i}.{origin}"
        net.host(origin, f"198.51.100.{10 + i}")
    answer, _, seconds = ask(net, f"www.{origin} A")
    assert "time limit" in answer.errors[0][1]
    assert seconds == pytest.approx(8.0)


def test_thirteen_servers_on_one_dead_address():
    net = Internet()
    net.root(".", ROOT)
    text = "\n".join(f"example NS ns{i}.example\nns{i}.example A 203.0.113.1" for i in range(13))
    net.host("com.", COM, zone("com.", text))
    answer, watch, seconds = ask(net, "www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 8
    assert seconds <= 8


def test_thirteen_dead_addresses():
    net = small_tree("www A 192.0.2.7", *(f"203.0.113.{i}" for i in range(1, 14)))
    for i in range(1, 14):
        net.dead(f"203.0.113.{i}")
    answer, _, seconds = ask(net, "www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert seconds <= 8


def test_thirteen_servers_that_all_fail():
    servers = [f"203.0.113.{i}" for i in range(1, 14)]
    net = small_tree("www A 192.0.2.7", *servers)
    for server in servers:
        net.servfail(server)
    answer, watch, _ = ask(net, "www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 15


def test_ten_servers_with_thirteen_addresses_that_all_refuse():
    net = Internet()
    net.root(".", ROOT)
    lines = [f"example NS ns{i}.example" for i in range(10)]
    servers = [f"203.0.{i}.{j}" for i in range(10) for j in range(1, 14)]
    lines += [f"ns{s.split('.')[2]}.example A {s}" for s in servers]
    net.host("com.", COM, zone("com.", "\n".join(lines)))
    net.host("example.com.", *servers, zone("example.com.", "www A 192.0.2.7"))
    for server in servers:
        net.refuse(server)
    answer, watch, _ = ask(net, "www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 15


def test_a_name_of_very_many_labels():
    answer, watch, _ = ask(small_tree(), "a." * 112 + "example.com. A")
    assert answer.status == "NXDOMAIN"
    assert watch.asked() <= 12


def test_delegations_one_below_the_other():
    net = Internet()
    net.root(".", ROOT)
    origin = ""
    for i in range(60):
        origin = f"d{i}.{origin}"
        net.host(origin, f"198.51.{1 + i // 200}.{10 + i}")
    answer, watch, seconds = ask(net, f"www.{origin} A")
    assert answer.status in ("NXDOMAIN", "SERVFAIL")
    assert watch.asked() <= 62
    assert seconds <= 8


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_the_operators_limit_holds(limit: int):
    net = small_tree()
    net.lose(EXAMPLE)
    answer, watch, _ = ask(net, "www.example.com. A", max_upstream_queries=limit)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= limit


def test_the_limit_is_named_in_the_answer():
    answer, _, _ = ask(small_tree(), "www.example.com. A", max_upstream_queries=2)
    assert "limit of 2 upstream queries" in answer.errors[0][1]


def test_sub_questions_spend_the_same_budget():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.other.net."))
    net.host("net.", NET)
    net.host("other.net.", SECOND, zone("other.net.", f"ns A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE, zone("example.com.", "www A 192.0.2.7"))
    answer, watch, _ = ask(net, "www.example.com. A", max_upstream_queries=4)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 4


@pytest.mark.parametrize("seed", range(20))
def test_whatever_goes_wrong_it_ends(seed: int):
    net = Internet(seed=seed)
    servers = [f"198.51.100.{i}" for i in range(10, 22)]
    net.root(".", *servers[:3])
    net.host("com.", *servers[3:6], zone("com.", "glueless NS ns.www.example.com."))
    net.host("example.com.", *servers[6:9], zone("example.com.", "www A 192.0.2.7\nto CNAME www"))
    net.host("sub.example.com.", *servers[9:], zone("sub.example.com.", "@ DNAME example.com."))
    verbs = [
        net.lose,
        net.truncate,
        net.refuse,
        net.servfail,
        net.loop,
        net.wrong_id,
        net.wrong_question,
        net.garbage,
        net.no_edns,
        net.badvers,
        net.lose_case,
        net.lame,
    ]
    for server in servers:
        for verb in net.rng.sample(verbs, 3):
            verb(server, share=0.4)
    for name in ("to.example.com.", "www.sub.example.com.", "x.glueless.com.", "y.com."):
        answer, watch, seconds = ask(net, f"{name} A", seed=seed)
        assert answer.status in ("NOERROR", "NXDOMAIN", "SERVFAIL")
        assert answer.status != "NOERROR" or answer.addresses == ["192.0.2.7"]
        assert watch.asked() <= 100
        assert seconds <= 8 + 0.001


def test_another_seed_gives_another_order():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    last = {run("www.example.com. A", net, seed=seed)[1].servers[-1] for seed in range(12)}
    assert last == {EXAMPLE, SECOND}
