"""Expired data is better than none (R11, RFC 8767)."""

import pytest
from trees import EXAMPLE, SECOND, small_tree, two_zones

from resolver.testing import Internet, Query, Response, World, zone

STALE, STALE_NXDOMAIN = 3, 19


def expired(net: Internet, question: str = "www.example.com. A", **settings) -> World:
    """A world that knows the answer, just after it has expired."""
    world = World(net, priming=False, **settings)
    world.ask(question)
    world.clock.advance(301)
    return world


def tree() -> Internet:
    return small_tree("www 300 A 192.0.2.7\nto 300 CNAME www\nold 60 CNAME x.other.net.")


@pytest.mark.parametrize("how", ["dead", "SERVFAIL", "REFUSED", "unreachable"])
def test_when_the_authority_fails_the_old_answer_is_given_with_ttl_30(how: str):
    net = tree()
    world = expired(net)
    if how == "dead":
        net.dead(EXAMPLE)
    elif how == "unreachable":
        net.unreachable(EXAMPLE)
    else:
        net.error(EXAMPLE, how)
    answer, _ = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert answer.ttl == 30
    code, text = answer.errors[0]
    assert code == STALE
    assert "expired" in text


def test_the_reason_names_zone_and_server():
    net = tree()
    world = expired(net)
    net.refuse(EXAMPLE)
    text = world.ask("www.example.com. A")[0].errors[0][1]
    assert "example.com." in text
    assert EXAMPLE in text
    assert "REFUSED" in text


def test_the_client_waits_no_longer_than_his_patience():
    net = tree()
    world = expired(net)
    net.dead(EXAMPLE)
    answer, watch = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert answer.took_s == pytest.approx(1.8)
    assert watch.asked(EXAMPLE) > 2, "the work went on"


def test_the_next_clients_do_not_wait_at_all():
    net = tree()
    world = expired(net)
    net.dead(EXAMPLE)
    world.ask("www.example.com. A")
    for _ in range(20):
        answer, watch = world.ask("www.example.com. A")
        assert (answer.addresses, answer.took_s, watch.asked()) == (["192.0.2.7"], 0, 0)
        assert STALE in {code for code, _ in answer.errors}
        world.clock.advance(1)


def test_it_is_tried_again_every_thirty_seconds_at_most():
    net = tree()
    world = expired(net)
    net.servfail(EXAMPLE)
    attempts = 0
    for _ in range(300):
        attempts += world.ask("www.example.com. A")[1].asked() > 0
        world.clock.advance(1)
    assert 5 <= attempts <= 11


def test_the_fresh_record_returns_with_the_server():
    net = tree()
    world = expired(net)
    rule = net.dead(EXAMPLE)
    assert world.ask("www.example.com. A")[0].errors
    rule.lift()
    world.clock.advance(31)
    answer, _ = world.ask("www.example.com. A")
    assert (answer.addresses, answer.ttl, answer.errors) == (["192.0.2.7"], 300, [])


def test_a_slow_authority_answers_late_and_the_next_client_gets_it():
    net = tree()
    world = expired(net)
    net.delay(EXAMPLE, 2.5)
    assert world.ask("www.example.com. A")[0].ttl == 30
    answer, watch = world.ask("www.example.com. A")
    assert (answer.ttl, answer.errors, watch.asked()) in [(300, [], 0), (30, answer.errors, 0)]


def test_an_authority_that_answers_in_time_is_waited_for():
    net = tree()
    world = expired(net)
    net.delay(EXAMPLE, 0.15)
    answer, _ = world.ask("www.example.com. A")
    assert (answer.ttl, answer.errors) == (300, [])


def test_a_chain_is_as_stale_as_its_stalest_link():
    net = two_zones("to 300 CNAME x.other.net.", "x 600 A 192.0.2.8")
    world = expired(net, "to.example.com. A")
    net.dead(EXAMPLE)
    answer, _ = world.ask("to.example.com. A")
    assert answer.chain == ["to.example.com."]
    assert answer.addresses == ["192.0.2.8"]
    assert answer.ttl == 30


def test_a_stale_denial_has_a_code_of_its_own():
    net = tree()
    world = expired(net, "nothing.example.com. A")
    net.servfail(EXAMPLE)
    answer, _ = world.ask("nothing.example.com. A")
    assert (answer.status, answer.ttl) == ("NXDOMAIN", 30)
    assert answer.errors[0][0] == STALE_NXDOMAIN


def test_a_stale_nodata_answer():
    net = tree()
    world = expired(net, "www.example.com. MX")
    net.servfail(EXAMPLE)
    answer, _ = world.ask("www.example.com. MX")
    assert (answer.status, answer.records) == ("NOERROR", [])
    assert answer.errors[0][0] == STALE


def test_the_latest_word_counts_not_the_oldest():
    """What was there and then was not is not there any more."""
    net = tree()
    world = expired(net)

    def gone(query: Query, response: Response) -> Response:
        response.record.rr = []
        response.record.auth = query.zone.rrset(query.zone.origin, 6) if query.zone else []
        response.record.header.rcode = 3
        return response

    rule = net.fault(EXAMPLE, gone, name="www.example.com.")
    assert world.ask("www.example.com. A")[0].status == "NXDOMAIN"
    rule.lift()
    net.dead(EXAMPLE)
    world.clock.advance(400)
    answer, _ = world.ask("www.example.com. A")
    assert (answer.status, answer.errors[0][0]) == ("NXDOMAIN", STALE_NXDOMAIN)


def test_nothing_is_served_longer_than_the_operator_wants():
    net = tree()
    world = expired(net, serve_stale=1000)
    net.dead(EXAMPLE)
    world.clock.advance(900)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    world.clock.advance(200)
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"


def test_zero_switches_it_off():
    net = tree()
    world = expired(net, serve_stale=0)
    net.servfail(EXAMPLE)
    assert world.ask("www.example.com. A")[0].status == "SERVFAIL"


def test_an_authoritative_nxdomain_is_no_failure():
    net = tree()
    world = expired(net)
    net.host("example.com.", SECOND)
    net.error(EXAMPLE, "NXDOMAIN")
    assert world.ask("www.example.com. A")[0].status == "NXDOMAIN"


def test_it_works_when_the_delegation_has_expired_too():
    net = tree()
    world = expired(net)
    world.clock.advance(4000)
    for server in net.servers:
        net.dead(server)
    answer, _ = world.ask("www.example.com. A")
    assert answer.addresses == ["192.0.2.7"]
    assert answer.took_s <= 1.81


def test_a_hundred_clients_with_one_stale_answer():
    net = tree()
    world = expired(net)
    net.dead(EXAMPLE)
    net.log.clear()
    answers = world.ask_all(["www.example.com. A"] * 100)
    assert all(answer.addresses == ["192.0.2.7"] for answer, _ in answers)
    assert net.count() <= 12


def test_names_never_known_still_fail():
    net = tree()
    world = expired(net)
    net.servfail(EXAMPLE)
    assert world.ask("other.example.com. A")[0].status == "SERVFAIL"


def test_what_is_stale_is_no_ground_to_stand_on_for_the_resolver_itself():
    """An expired address of a name server is looked up anew."""
    net = tree()
    world = expired(net, "ns1.example.com. A")
    net.servfail(EXAMPLE)
    assert world.recursion.rrsets.lookup(b"\3ns1\7example\3com\0", 1, world.clock.now()) is None


def test_stale_data_that_is_asked_for_outlives_a_flood_of_other_names():
    net = tree()
    net.host("wild.com.", SECOND, zone("wild.com.", "* A 192.0.2.99"))
    world = expired(net, size=100_000)
    net.dead(EXAMPLE)
    for number in range(2000):
        world.ask(f"x{number}.wild.com. A")
        if number % 50 == 0:
            answer, _ = world.ask("www.example.com. A")
            assert answer.addresses == ["192.0.2.7"], number
            world.clock.advance(1)
    assert world.recursion.rrsets.map.evicted > 1000
