"""Questions to the resolver in a fake Internet."""

import pytest

from resolver.testing import Internet, World, run, zone
from resolver.testing.world import read_question

ROOT, COM, EXAMPLE = "198.51.100.1", "198.51.100.2", "198.51.100.3"


@pytest.fixture
def net() -> Internet:
    made = Internet()
    made.root(".", ROOT)
    made.host("com.", COM)
    text = """
        www    60  A      192.0.2.7
               60  AAAA   2001:db8::7
        alias  A 192.0.2.8
        to     CNAME www
        mail   MX 10 www
        """
    made.host("example.com.", EXAMPLE, zone("example.com.", text))
    return made


def test_run_gives_answer_and_watch(net: Internet):
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert (answer.status, answer.rcode) == ("NOERROR", 0)
    assert watch.servers[-3:] == [ROOT, COM, EXAMPLE]
    assert watch.questions[-1] == "www.example.com. A"
    assert (watch.asked(EXAMPLE), watch.asked()) == (1, len(watch.asks))
    assert any("referral to com." in line for line in watch.lines())


def test_answers_in_plain_words(net: Internet):
    answer, _ = run("to.example.com. AAAA", net, case_mixing=False)
    assert answer.chain == ["to.example.com."]
    assert answer.records == [
        "to.example.com. 300 CNAME www.example.com.",
        "www.example.com. 60 AAAA 2001:db8::7",
    ]
    assert answer.addresses == ["2001:db8::7"]
    assert answer.ttl == 60
    assert repr(answer).startswith("NOERROR\nto.example.com. 300 CNAME")


def test_denials_in_plain_words(net: Internet):
    answer, _ = run("nothing.example.com. A", net)
    assert answer.status == "NXDOMAIN"
    assert [line.split()[2] for line in answer.authority] == ["SOA"]
    assert answer.ttl == 300
    assert answer.data("A") == []


def test_errors_in_plain_words(net: Internet):
    net.refuse(EXAMPLE)
    answer, _ = run("www.example.com. A", net)
    assert answer.status == "SERVFAIL"
    assert "REFUSED" in answer.errors[0][1]
    assert answer.errors[0][1] in repr(answer)


def test_a_world_remembers(net: Internet):
    world = World(net)
    world.ask("www.example.com. A")
    world.clock.advance(30)
    answer, watch = world.ask("www.example.com. A")
    assert watch.asked() == 0
    assert answer.ttl == 30


def test_several_questions_at_one_moment(net: Internet):
    world = World(net)
    answers = world.ask_all(["www.example.com. A", "alias.example.com.", "www.example.com. A"])
    assert [a.addresses for a, _ in answers] == [["192.0.2.7"], ["192.0.2.8"], ["192.0.2.7"]]
    assert net.count(EXAMPLE, "www.example.com.", "A") == 1


def test_settings_are_those_of_the_configuration(net: Internet):
    run("www.example.com. A", net, edns_size=700, priming=False, max_ttl=10)
    assert {seen.edns_size for seen in net.log} == {700}
    assert net.count(ROOT, ".", "NS") == 0


def test_unknown_settings_are_errors(net: Internet):
    with pytest.raises(TypeError, match="edns_sise"):
        run("www.example.com. A", net, edns_sise=700)


def test_the_tree_may_be_built_after_the_world():
    net = Internet()
    world = World(net)
    net.root(".", ROOT, zone(".", "www.example. A 192.0.2.7"))
    assert world.ask("www.example.")[0].addresses == ["192.0.2.7"]


def test_hints_may_be_others_than_the_trees(net: Internet):
    other = Internet()
    other.root(".", "203.0.113.1")
    answer, watch = World(net, hints=other.hints).ask("www.example.com. A")
    assert answer.status == "SERVFAIL"
    assert set(watch.servers) == {"203.0.113.1"}


def test_ipv6_servers_are_asked():
    net = Internet()
    net.root(".", "2001:db8::1")
    net.host("com.", "2001:db8::2", zone("com.", "www A 192.0.2.7"))
    answer, watch = run("www.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.servers[-1] == "2001:db8::2"


@pytest.mark.parametrize(
    ("text", "shown"), [("www.example.com", "www.example.com. A"), (". NS", ". NS")]
)
def test_questions_as_text(text: str, shown: str):
    assert str(read_question(text)) == shown


def test_questions_are_checked():
    with pytest.raises(ValueError, match="NOSUCH is no record type"):
        read_question("www.example.com. NOSUCH")
