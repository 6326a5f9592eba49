"""Servers that do not understand OPT (RFC 6891 section 7)."""

import pytest
from trees import EXAMPLE, ROOT, SECOND, small_tree

from resolver.testing import World, run


def test_the_size_asked_for_is_the_operators():
    net = small_tree()
    run("www.example.com. A", net)
    assert {seen.edns_size for seen in net.log} == {1232}
    net.log.clear()
    run("www.example.com. A", net, edns_size=512)
    assert {seen.edns_size for seen in net.log} == {512}


@pytest.mark.parametrize("how", ["FORMERR", "NOTIMP", "header_only"])
def test_the_question_is_repeated_without_opt(how: str):
    net = small_tree()
    net.no_edns(EXAMPLE, how)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert [a.edns_size for a in watch.asks if a.server == EXAMPLE] == [1232, None]


def test_badvers_too_is_asked_without_opt():
    net = small_tree()
    net.badvers(EXAMPLE)
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asks[-1].edns_size is None


def test_the_fall_back_is_in_the_trace():
    net = small_tree()
    net.no_edns(EXAMPLE)
    _, watch = run("www.example.com. A", net)
    assert any("FORMERR" in line and "without" in line for line in watch.lines())


def test_it_is_remembered_for_this_server_alone():
    net = small_tree("www A 192.0.2.7\nftp A 192.0.2.8")
    net.no_edns(EXAMPLE)
    world = World(net)
    world.ask("www.example.com. A")
    net.log.clear()
    world.ask("ftp.example.com. A")
    world.ask("x.com. A")
    assert [seen.edns_size for seen in net.log] == [None, 1232]


def test_ignoring_opt_is_no_fault():
    net = small_tree()
    net.no_edns(EXAMPLE, "ignore")
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked(EXAMPLE) == 1


def test_silence_is_no_sign_that_edns_is_not_known():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.no_edns(EXAMPLE, "silence")
    for seed in range(4):
        answer, watch = run("www.example.com. A", net, seed=seed)
        assert answer.addresses == ["192.0.2.7"]
        assert None not in {a.edns_size for a in watch.asks}


def test_formerr_with_an_opt_is_about_something_else():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.error(EXAMPLE, "FORMERR")
    net.error(SECOND, "FORMERR")
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert None not in {a.edns_size for a in watch.asks}


def test_a_server_that_refuses_with_and_without_opt_is_left_soon():
    net = small_tree("www A 192.0.2.7", EXAMPLE)
    net.no_edns(EXAMPLE)
    net.servfail(EXAMPLE)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked(EXAMPLE) <= 3


def test_without_opt_long_answers_come_over_tcp():
    net = small_tree("\n".join(f"many A 192.0.2.{i}" for i in range(40)))
    net.no_edns(EXAMPLE)
    answer, watch = run("many.example.com. A", net, priming=False)
    assert len(answer.addresses) == 40
    asks = [(a.edns_size, a.stream) for a in watch.asks if a.server == EXAMPLE]
    assert asks == [(1232, False), (None, False), (None, True)]


def test_the_root_may_be_old_too():
    net = small_tree()
    net.no_edns(ROOT)
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]
