"""Servers that are listed for a zone and do not serve it."""

import pytest
from trees import COM, EXAMPLE, ROOT, SECOND, small_tree

from resolver.testing import Internet, World, records, run, zone


def two_servers() -> Internet:
    return small_tree("www A 192.0.2.7\nftp A 192.0.2.8", EXAMPLE, SECOND)


@pytest.mark.parametrize("how", ["refused", "upward", "not_aa"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_other_server_answers(how: str, seed: int):
    net = two_servers()
    net.lame(SECOND, how)
    answer, _ = run("www.example.com. A", net, seed=seed)
    assert answer.addresses == ["192.0.2.7"]


@pytest.mark.parametrize("how", ["refused", "upward", "not_aa"])
def test_a_lame_server_is_not_asked_again(how: str):
    net = two_servers()
    net.lame(SECOND, how)
    world = World(net)
    for i in range(30):
        world.ask(f"x{i}.example.com. A")
    assert net.count(SECOND) <= 1


def test_a_lame_server_gets_another_chance_later():
    net = two_servers()
    rule = net.lame(SECOND)
    world = World(net)
    for i in range(30):
        world.ask(f"x{i}.example.com. A")
    rule.lift()
    net.dead(EXAMPLE)
    world.clock.advance(3600)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]


def test_lameness_is_of_a_zone_not_of_a_server():
    net = two_servers()
    net.host("org.", "198.51.100.9")
    net.host("example.org.", SECOND, zone("example.org.", "www A 192.0.2.9"))
    net.lame(SECOND, name="example.com.")
    net.dead(EXAMPLE)
    world = World(net)
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"
    assert world.ask("www.example.org. A")[0].addresses == ["192.0.2.9"]


@pytest.mark.parametrize("how", ["refused", "upward", "not_aa"])
def test_when_all_are_lame_the_answer_says_who_and_why(how: str):
    net = two_servers()
    net.lame(EXAMPLE, how)
    net.lame(SECOND, how)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    code, text = answer.errors[0]
    assert code == 22  # No Reachable Authority
    assert "example.com." in text
    assert EXAMPLE in text
    assert SECOND in text
    assert watch.asked() <= 4


def test_a_referral_to_the_zone_itself_is_lame():
    net = two_servers()
    net.loop(SECOND)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]
    net.loop(EXAMPLE)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 5


def test_a_referral_beside_the_name_is_lame():
    net = small_tree()
    net.fault(COM, lambda query, response: _refer_to(response, "elsewhere.com."))
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.servers == [ROOT, COM]


def _refer_to(response, cut: str):
    response.record.auth = records(f"{cut} NS ns.{cut}")
    return response


def test_data_without_aa_is_taken_when_there_is_no_better():
    net = small_tree()
    net.no_authority(EXAMPLE)
    answer, _ = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]


def test_servers_that_refuse_one_type_are_asked_for_others():
    net = two_servers()
    net.refuse("*", name="example.com.", rrtype="AAAA")
    world = World(net)
    assert world.ask("www.example.com. AAAA")[0].status == "SERVFAIL"
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
