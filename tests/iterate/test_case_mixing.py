"""0x20: the case of the question must come back, and servers that do not do that still serve."""

from trees import EXAMPLE, small_tree

from resolver.testing import Internet, World, run


def questions_seen(net: Internet, server: str) -> list[str]:
    seen: list[str] = []
    net.fault(server, lambda query, response: seen.append(str(query.record.q.qname)) or response)
    return seen


def test_questions_go_out_in_mixed_case():
    net = small_tree("* A 192.0.2.1")
    seen = questions_seen(net, EXAMPLE)
    world = World(net)
    for i in range(8):
        world.ask(f"abcdefgh{i}.example.com. A")
    assert any(name != name.lower() for name in seen)
    assert len({name.partition(".")[2] for name in seen}) > 1


def test_it_can_be_switched_off():
    net = small_tree()
    seen = questions_seen(net, EXAMPLE)
    run("www.example.com. A", net, case_mixing=False)
    assert seen == ["www.example.com."]


def test_a_server_that_loses_the_case_is_asked_over_tcp():
    net = small_tree()
    net.lose_case(EXAMPLE)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert [a.stream for a in watch.asks if a.server == EXAMPLE] == [False, True]


def test_it_is_remembered():
    net = small_tree("www A 192.0.2.7\nftp A 192.0.2.8")
    net.lose_case(EXAMPLE)
    world = World(net)
    world.ask("www.example.com. A")
    _, watch = world.ask("ftp.example.com. A")
    assert [a.stream for a in watch.asks] == [False]


def test_content_in_the_wrong_case_is_never_used():
    net = small_tree()
    net.lose_case(EXAMPLE, over="udp")
    net.spoof(EXAMPLE, "www.example.com. A 192.0.2.66", "answer", over="udp")
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


def test_names_are_one_whatever_their_case():
    world = World(small_tree())
    world.ask("www.example.com. A")
    answer, watch = world.ask("WWW.Example.COM. A")
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked() == 0


def test_the_random_case_of_a_question_goes_no_further():
    net = small_tree("to CNAME www\nwww A 192.0.2.7")
    world = World(net)
    for _ in range(5):
        world.clock.advance(1000)
        answer, _ = world.ask("to.example.com. A")
        assert answer.data("CNAME") == ["www.example.com."]
