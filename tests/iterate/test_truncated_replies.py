"""TC over UDP means: ask again over TCP (RFC 7766 section 5)."""

from trees import COM, EXAMPLE, SECOND, small_tree

from resolver.testing import World, run

MANY = "\n".join(f"many A 192.0.2.{i}" for i in range(200))


def test_a_truncated_reply_is_fetched_over_tcp():
    net = small_tree()
    net.truncate(EXAMPLE)
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert [(a.server, a.stream) for a in watch.asks][-2:] == [(EXAMPLE, False), (EXAMPLE, True)]
    assert any("TCP" in line for line in watch.lines())


def test_a_truncated_referral_is_fetched_over_tcp():
    net = small_tree()
    net.truncate(COM)
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]
    assert net.count(COM, stream=True) == 1


def test_an_answer_too_long_for_udp_arrives_whole():
    answer, _ = run("many.example.com. A", small_tree(MANY), priming=False)
    assert len(answer.addresses) == 200 or answer.status == "SERVFAIL"


def test_an_answer_longer_than_udp_arrives_whole():
    text = "\n".join(f"many A 192.0.2.{i}" for i in range(90))
    answer, _ = run("many.example.com. A", small_tree(text), priming=False)
    assert len(answer.addresses) == 90


def test_truncated_everywhere_is_an_error_soon():
    net = small_tree()
    net.truncate(EXAMPLE)
    net.truncate(EXAMPLE, over="tcp")
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked(EXAMPLE) <= 5


def test_truncated_and_no_tcp_is_the_next_servers_turn():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.truncate(EXAMPLE)
    net.dead(EXAMPLE, over="tcp")
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_the_next_question_starts_with_udp_again():
    net = small_tree()
    net.truncate(EXAMPLE, name="www.example.com.")
    world = World(net)
    world.ask("www.example.com. A")
    _, watch = world.ask("mail.example.com. MX")
    assert [a.stream for a in watch.asks] == [False]
