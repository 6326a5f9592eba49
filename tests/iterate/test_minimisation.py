"""Servers see no more of a name than they need (RFC 9156), and what is done about those that get
that wrong."""

from itertools import pairwise

import pytest
from trees import COM, EXAMPLE, ROOT, SECOND, small_tree

from resolver.effects import Ask, Steps
from resolver.model import Address, Answer
from resolver.testing import Internet, Query, Response, Watch, World, records, run, zone
from resolver.testing.watch import Result
from resolver.testing.world import read_question
from resolver.trace import Trace

DEEP = "www.a.b.c.example.com."
TEXT = "www.a.b.c A 192.0.2.7\nwww A 192.0.2.8\n_25._tcp.mail TXT here"


def seen(net: Internet, server: str) -> list[str]:
    return [entry.question for entry in net.log if entry.server == server]


def deny_ents(query: Query, response: Response) -> Response:
    """NXDOMAIN where the truth is that only names below exist (RFC 8020 section 3)."""
    if not response.record.rr and response.record.auth and query.name != DEEP:
        response.record.header.rcode = 3
    return response


def test_each_server_is_shown_one_label_more_than_its_zone_has():
    net = small_tree(TEXT)
    answer, _ = run(f"{DEEP} A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert seen(net, ROOT) == ["com. A"]
    assert seen(net, COM) == ["example.com. A"]
    assert seen(net, EXAMPLE) == [
        "c.example.com. A",
        "b.c.example.com. A",
        "a.b.c.example.com. A",
        f"{DEEP} A",
    ]


def test_the_tld_never_sees_more_than_one_label_below_it():
    """R02, over everything that may be asked in a lively hour."""
    net = small_tree(f"{TEXT}\n@ MX 10 mail\nto CNAME www.a.b.c")
    net.host("net.", "198.51.100.40", zone("net.", "other NS ns.deep.below.example.com."))
    world = World(net)
    for name in (DEEP, "to.example.com.", "www.nowhere.com.", "x.y.z.nowhere.com.", "a.other.net."):
        for rrtype in ("A", "AAAA", "MX", "TXT", "NS", "DS"):
            world.ask(f"{name} {rrtype}")
            world.clock.advance(400)
    assert net.count(COM) > 5
    assert all(question.split()[0].count(".") <= 2 for question in seen(net, COM))
    assert all(question.split()[0].count(".") <= 1 for question in seen(net, ROOT))


@pytest.mark.parametrize("rrtype", ["A", "AAAA", "NS"])
def test_the_type_of_shortened_questions_is_the_operators(rrtype: str):
    net = small_tree(TEXT)
    answer, _ = run(f"{DEEP} TXT", net, priming=False, minimised_type=rrtype)
    assert answer.status == "NOERROR"
    assert seen(net, ROOT) == [f"com. {rrtype}"]
    assert {q.split()[1] for q in seen(net, EXAMPLE)[:-1]} == {rrtype}
    assert seen(net, EXAMPLE)[-1] == f"{DEEP} TXT"


def test_switched_off_it_shows_whole_names():
    net = small_tree(TEXT)
    run(f"{DEEP} A", net, priming=False, qname_minimisation="off")
    assert {entry.question for entry in net.log} == {f"{DEEP} A"}


def test_a_known_delegation_needs_no_extra_step():
    world = World(small_tree(f"{TEXT}\nx A 192.0.2.9"), priming=False)
    world.ask("www.example.com. A")
    assert world.ask("x.example.com. A")[1].questions == ["x.example.com. A"]
    assert world.ask("mail.example.com. MX")[1].questions == ["mail.example.com. MX"]


def test_what_was_learned_on_the_way_is_not_asked_again():
    world = World(small_tree(f"{TEXT}\nftp.a.b.c A 192.0.2.9"), priming=False)
    world.ask(f"{DEEP} A")
    assert world.ask("ftp.a.b.c.example.com. A")[1].questions == ["ftp.a.b.c.example.com. A"]
    answer, watch = world.ask("b.c.example.com. A")
    assert (answer.status, answer.records, watch.asked()) == ("NOERROR", [], 0)


def test_an_underscore_ends_the_shortening():
    net = small_tree(TEXT)
    answer, _ = run("_25._tcp.mail.example.com. TXT", net, priming=False)
    assert answer.data("TXT") == ['"here"']
    assert seen(net, EXAMPLE) == ["mail.example.com. A", "_25._tcp.mail.example.com. TXT"]


def test_ds_is_shortened_too_and_asked_of_the_parent():
    net = small_tree(TEXT)
    run("sub.example.com. DS", net, priming=False)
    assert seen(net, COM) == ["example.com. A"]
    assert seen(net, EXAMPLE) == ["sub.example.com. DS"]


def test_names_of_very_many_labels_take_ten_steps():
    net = small_tree("* A 192.0.2.1")
    answer, _ = run("a." * 112 + "example.com. TXT", net, priming=False)
    assert answer.status == "NOERROR"
    shown = [q.split()[0].count(".") for q in seen(net, EXAMPLE)]
    assert len(net.log) <= 12
    assert shown[:2] == [3, 4], "the first steps show one label each"
    assert shown == sorted(shown)
    assert max(b - a for a, b in pairwise(shown)) <= 24, "in equal parts"


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_a_name_that_does_not_exist_ends_the_walk(mode: str):
    net = small_tree(TEXT)
    answer, watch = run("a.b.c.nowhere.com. A", net, priming=False, qname_minimisation=mode)
    assert answer.status == "NXDOMAIN"
    assert watch.questions == ["com. A", "nowhere.com. A"]


def test_strict_believes_the_denial_of_an_ancestor():
    net = small_tree(TEXT)
    net.fault(EXAMPLE, deny_ents)
    answer, watch = run(f"{DEEP} A", net, priming=False, qname_minimisation="strict")
    assert answer.status == "NXDOMAIN"
    assert watch.questions[-1] == "c.example.com. A"


def test_relaxed_asks_for_the_whole_name_all_the_same():
    net = small_tree(TEXT)
    net.fault(EXAMPLE, deny_ents)
    answer, watch = run(f"{DEEP} A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.questions[2:] == ["c.example.com. A", f"{DEEP} A"]


def test_a_zone_that_denies_wrongly_is_asked_whole_names_for_a_while():
    net = small_tree(f"{TEXT}\nftp.a.b.c A 192.0.2.9")
    net.fault(EXAMPLE, deny_ents)
    world = World(net, priming=False)
    world.ask(f"{DEEP} A")
    assert world.ask("ftp.a.b.c.example.com. TXT")[1].questions == ["ftp.a.b.c.example.com. TXT"]
    world.clock.advance(3600)
    assert "c.example.com. A" in world.ask("x.a.b.c.example.com. A")[1].questions


def test_its_denials_say_nothing_about_names_below():
    net = small_tree(TEXT)
    net.fault(EXAMPLE, deny_ents)
    world = World(net, priming=False)
    world.ask(f"{DEEP} A")
    world.clock.advance(350)
    assert world.ask("b.c.example.com. A")[0].status == "NXDOMAIN"
    assert world.ask(f"{DEEP} A")[0].addresses == ["192.0.2.7"]


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL", "FORMERR", "NOTIMP", "NOTAUTH"])
def test_relaxed_works_around_servers_that_reject_shortened_names(rcode: str):
    net = small_tree(TEXT)

    def rejects(query: Query, response: Response) -> Response:
        if query.name != DEEP:
            response.record.rr, response.record.auth = [], []
            response.record.header.rcode = {
                "FORMERR": 1,
                "SERVFAIL": 2,
                "NOTIMP": 4,
                "REFUSED": 5,
                "NOTAUTH": 9,
            }[rcode]
        return response

    net.fault(EXAMPLE, rejects)
    answer, watch = run(f"{DEEP} A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked(EXAMPLE) <= 3
    answer, _ = run(f"{DEEP} A", net, priming=False, qname_minimisation="strict")
    assert answer.status == "SERVFAIL"


def test_relaxed_works_around_servers_that_reject_the_type():
    net = small_tree(TEXT)
    net.refuse(EXAMPLE, rrtype="NS")
    answer, _ = run(f"{DEEP} A", net, priming=False, minimised_type="NS")
    assert answer.addresses == ["192.0.2.7"]


def test_relaxed_works_around_servers_that_keep_silent_about_shortened_names():
    net = small_tree(TEXT, EXAMPLE, SECOND)
    for server in (EXAMPLE, SECOND):
        net.dead(server, rrtype="NS")
    answer, _ = run(f"{DEEP} A", net, priming=False, minimised_type="NS")
    assert answer.addresses == ["192.0.2.7"]
    assert answer.took_s < 3


def test_the_root_and_the_tlds_are_believed_even_so():
    """A TLD that answers SERVFAIL is not shown the name for it."""
    net = small_tree(TEXT)
    net.servfail(COM)
    answer, watch = run(f"{DEEP} A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.questions == ["com. A", "example.com. A"]


def test_an_alias_on_the_way_down_says_nothing_about_names_below():
    net = small_tree("b CNAME www\nwww A 192.0.2.8\na.b A 192.0.2.9")
    net.fault(EXAMPLE, lambda query, response: _exist(query, response), name="a.b.example.com.")
    assert run("a.b.example.com. A", net, priming=False)[0].addresses == ["192.0.2.9"]


def _exist(query: Query, response: Response) -> Response:
    response.record.rr = records("a.b.example.com. A 192.0.2.9")
    response.record.auth = []
    response.record.header.rcode = 0
    return response


def test_a_dname_on_the_way_down_is_found():
    net = small_tree("old DNAME new\nwww.x.new A 192.0.2.7")
    answer, _ = run("www.x.old.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.7"]


def test_delegations_inside_a_zone_are_found_at_any_depth():
    net = small_tree(TEXT)
    net.host("x.y.example.com.", SECOND, zone("x.y.example.com.", "www A 192.0.2.3"))
    answer, watch = run("www.x.y.example.com. A", net, priming=False)
    assert answer.addresses == ["192.0.2.3"]
    assert watch.servers == [ROOT, COM, EXAMPLE, EXAMPLE, SECOND]


def test_clients_on_the_same_way_share_the_steps():
    net = small_tree("* A 192.0.2.1")
    World(net, priming=False).ask_all([f"x{i}.example.com. A" for i in range(100)])
    assert net.count(ROOT) == net.count(COM) == 1
    assert net.count(EXAMPLE) == 100


def test_whoever_shares_a_step_does_not_share_the_bounds():
    """The time of the one who started the step runs out; the other goes on."""
    net = small_tree(TEXT)
    net.dead(COM, first=2)
    world = World(net, priming=False, max_time=1.0)
    answers: list[Answer] = []

    def late() -> Steps[Answer]:
        yield Ask(Address("203.0.113.1"), read_question("."), timeout_s=0.5)
        return (yield from world.recursion.answer(read_question("www.example.com."), Trace()))

    early = world.recursion.answer(read_question("x.example.com."), Trace())
    world.driver.start(early, answers.append, Watch())
    world.driver.start(late(), answers.append, Watch())
    world.driver.run()
    assert [Result(answer).status for answer in answers] == ["SERVFAIL", "NOERROR"]
    assert net.count(ROOT) == 1
