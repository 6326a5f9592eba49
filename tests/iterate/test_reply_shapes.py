"""Every shape a reply can have, and what the resolver makes of it.

The server of example.com. sends what the test writes; COM, NET and OTHER are honest.
"""

from collections.abc import Callable

import dnslib
import pytest
from trees import EXAMPLE, OTHER, SECOND, small_tree, two_zones

from resolver.testing import Query, Response, World, records, run
from resolver.testing.messages import pack
from resolver.testing.watch import Result, Watch

SOA = "example.com. 300 SOA ns1.example.com. host.example.com. 1 7200 900 1209600 300"


def says(
    answer: str = "",
    authority: str = "",
    additional: str = "",
    *,
    rcode: int = 0,
    aa: int = 1,
    ra: int = 0,
) -> Callable[[Query, Response], Response]:
    """A fault that sends exactly these sections."""

    def fault(query: Query, response: Response) -> Response:
        record = response.record
        record.header.rcode, record.header.aa, record.header.ra = rcode, aa, ra
        opt = [rr for rr in record.ar if rr.rtype == 41]
        record.rr, record.auth = records(answer), records(authority)
        record.ar = records(additional) + opt
        return response

    return fault


def ask(
    fault: Callable[[Query, Response], Response], question: str = "www.example.com. A", **settings
) -> tuple[Result, Watch]:
    net = two_zones("www A 192.0.2.7", "x A 192.0.2.8")
    net.fault(EXAMPLE, fault)
    return run(question, net, priming=False, **settings)


# Chains of aliases.


def test_a_chain_that_is_complete():
    answer, watch = ask(says("www.example.com. CNAME a.example.com.\na.example.com. A 192.0.2.1"))
    assert (answer.chain, answer.addresses) == (["www.example.com."], ["192.0.2.1"])
    assert watch.asked(EXAMPLE) == 1


def test_a_chain_in_the_wrong_order():
    answer, _ = ask(says("a.example.com. A 192.0.2.1\nwww.example.com. CNAME a.example.com."))
    assert answer.addresses == ["192.0.2.1"]


def test_a_chain_that_is_partial_is_taken_up_where_it_ends():
    def partial(query: Query, response: Response) -> Response:
        if query.name == "www.example.com.":
            return says("www.example.com. CNAME a.example.com.")(query, response)
        return says("a.example.com. A 192.0.2.1")(query, response)

    answer, watch = ask(partial)
    assert answer.addresses == ["192.0.2.1"]
    assert watch.questions[-1] == "a.example.com. A"


def test_a_chain_with_a_gap_stops_at_the_gap():
    answer, _ = ask(says("www.example.com. CNAME a.example.com.\nc.example.com. A 192.0.2.66"))
    assert "192.0.2.66" not in answer.addresses


def test_a_chain_that_loops_within_one_reply():
    answer, watch = ask(
        says("www.example.com. CNAME a.example.com.\na.example.com. CNAME www.example.com.")
    )
    assert answer.status == "SERVFAIL"
    assert "loop" in answer.errors[0][1]
    assert watch.asked(EXAMPLE) <= 2


def test_a_chain_that_leads_out_and_back():
    def fault(query: Query, response: Response) -> Response:
        if query.name == "www.example.com.":
            return says("www.example.com. CNAME back.other.net.")(query, response)
        return says("end.example.com. A 192.0.2.1")(query, response)

    net = two_zones("www A 192.0.2.7", "back CNAME end.example.com.")
    net.fault(EXAMPLE, fault)
    answer, _ = run("www.example.com. A", net)
    assert answer.chain == ["www.example.com.", "back.other.net."]
    assert answer.addresses == ["192.0.2.1"]


def test_a_chain_that_leads_out_and_back_to_its_beginning():
    net = two_zones("www CNAME back.other.net.", "back CNAME www.example.com.")
    answer, watch = run("www.example.com. A", net, priming=False)
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 8


def test_data_beside_the_alias_at_the_same_name():
    """RFC 2181 section 10.1 forbids it; the data that was asked for is there."""
    answer, _ = ask(says("www.example.com. CNAME a.example.com.\nwww.example.com. A 192.0.2.1"))
    assert answer.addresses == ["192.0.2.1"]


def test_two_aliases_at_one_name():
    answer, watch = ask(
        says("www.example.com. CNAME a.other.net.\nwww.example.com. CNAME x.other.net.")
    )
    assert (answer.status, answer.chain) == ("SERVFAIL", [])
    assert "two CNAMEs at www.example.com." in answer.errors[0][1]
    assert watch.asked() <= 10


def test_a_chain_that_ends_in_nxdomain():
    answer, _ = ask(says("www.example.com. CNAME no.example.com.", SOA, rcode=3))
    assert (answer.status, answer.chain) == ("NXDOMAIN", ["www.example.com."])
    assert answer.authority


def test_nxdomain_at_the_end_of_a_chain_is_about_the_end():
    """RFC 6604: the alias exists, and other types of it are asked for."""
    net = small_tree()
    net.fault(EXAMPLE, says("www.example.com. CNAME no.example.com.", SOA, rcode=3))
    world = World(net, priming=False)
    world.ask("www.example.com. A")
    answer, watch = world.ask("www.example.com. MX")
    assert (answer.status, answer.chain, watch.asked()) == ("NXDOMAIN", ["www.example.com."], 0)


def test_nxdomain_for_a_chain_that_leaves_the_zone_is_not_believed():
    answer, _ = ask(says("www.example.com. CNAME x.other.net.", SOA, rcode=3))
    assert (answer.status, answer.addresses) == ("NOERROR", ["192.0.2.8"])


def test_a_chain_that_ends_in_nodata():
    answer, _ = ask(says("www.example.com. CNAME a.example.com.", SOA))
    assert (answer.status, answer.chain, answer.addresses) == ("NOERROR", ["www.example.com."], [])


def test_a_chain_and_the_referral_that_it_leads_to():
    net = small_tree("to CNAME www.sub")
    net.host("sub.example.com.", OTHER)
    answer, _ = run("to.example.com. A", net)
    assert answer.status == "NXDOMAIN"
    assert answer.chain == ["to.example.com."]


def test_a_dname_without_its_cname():
    net = two_zones("www A 192.0.2.7", "www.new A 192.0.2.8")
    net.fault(EXAMPLE, says("old.example.com. DNAME new.other.net."), name="old.example.com.")
    answer, _ = run("www.old.example.com. A", net)
    assert answer.addresses == ["192.0.2.8"]
    assert answer.data("CNAME") == ["www.new.other.net."]


def test_a_cname_that_does_not_follow_from_its_dname():
    net = two_zones("www A 192.0.2.7", "www.new A 192.0.2.8")
    text = "old.example.com. DNAME new.other.net.\nwww.old.example.com. CNAME evil.other.net."
    net.fault(EXAMPLE, says(text), name="old.example.com.")
    assert run("www.old.example.com. A", net)[0].addresses == ["192.0.2.8"]


def test_two_dnames_in_one_chain():
    net = small_tree("a DNAME b\nb DNAME c\nx.c A 192.0.2.7")
    answer, _ = run("x.a.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert answer.data("DNAME") == ["b.example.com.", "c.example.com."]


def test_a_dname_at_the_name_itself_redirects_nothing():
    net = small_tree("old DNAME new\nold A 192.0.2.7")
    assert run("old.example.com. A", net)[0].addresses == ["192.0.2.7"]


# Denials.


@pytest.mark.parametrize(("rcode", "status"), [(0, "NOERROR"), (3, "NXDOMAIN")])
@pytest.mark.parametrize("soa", ["with", "without"])
def test_a_denial(rcode: int, status: str, soa: str):
    net = small_tree()
    net.fault(EXAMPLE, says("", SOA if soa == "with" else "", rcode=rcode))
    world = World(net, priming=False)
    answer, _ = world.ask("www.example.com. A")
    assert (answer.status, answer.records) == (status, [])
    assert bool(answer.authority) == (soa == "with")
    assert world.ask("www.example.com. A")[1].asked() == (soa == "without")


def test_a_denial_with_an_ns_set_beside_the_soa_is_no_referral():
    """RFC 2308 section 2.2, type 1."""
    answer, watch = ask(says("", f"example.com. NS ns1.example.com.\n{SOA}"))
    assert (answer.status, watch.asked(EXAMPLE)) == ("NOERROR", 1)


def test_a_denial_with_an_soa_that_is_no_soa_is_no_message():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says("", r"example.com. 300 SOA \# 4 00000000"))
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_nxdomain_with_an_answer_in_it():
    """The rcode contradicts the data; there is data."""
    answer, _ = ask(says("www.example.com. A 192.0.2.1", rcode=3))
    assert answer.addresses == ["192.0.2.1"]


def test_a_denial_without_aa():
    answer, _ = ask(says("", SOA, aa=0))
    assert (answer.status, answer.records) == ("NOERROR", [])


# Referrals.


@pytest.mark.parametrize(
    "owner",
    [".", "com.", "example.com.", "net.", "other.com.", "sub.example.com."],
    ids=["to the root", "up", "to self", "to another tree", "sideways", "beside the name"],
)
@pytest.mark.parametrize("aa", [0, 1])
def test_a_referral_that_leads_nowhere(owner: str, aa: int):
    """Without AA the server is lame, with it the reply says that there is no data."""
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says("", f"{owner} NS ns.evil.net.", "ns.evil.net. A 203.0.113.66", aa=aa))
    for seed in range(4):
        answer, watch = run("www.example.com. A", net, seed=seed)
        assert "203.0.113.66" not in watch.servers
        assert answer.status == "NOERROR"
        if not aa:
            assert answer.addresses == ["192.0.2.7"]


def test_a_referral_with_aa_set():
    net = small_tree()
    net.host("sub.example.com.", SECOND)
    net.fault(
        EXAMPLE,
        says("", "sub.example.com. NS ns1.sub.example.com.", f"ns1.sub.example.com. A {SECOND}"),
    )
    answer, watch = run("www.sub.example.com. A", net)
    assert answer.status == "NXDOMAIN"
    assert watch.servers[-1] == SECOND


def test_a_referral_with_two_ns_sets_takes_the_one_for_the_name():
    net = small_tree()
    net.host("sub.example.com.", SECOND)
    text = "sub.example.com. NS ns1.sub.example.com.\nzzz.example.com. NS ns.evil.net."
    net.fault(EXAMPLE, says("", text, f"ns1.sub.example.com. A {SECOND}", aa=0))
    assert run("www.sub.example.com. A", net)[0].status == "NXDOMAIN"


def test_a_referral_without_glue_that_would_need_it():
    answer, watch = ask(says("", "www.example.com. NS ns.www.example.com.", aa=0))
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 6


def test_a_referral_to_a_name_that_is_no_host_name():
    answer, watch = ask(says("", r"www.example.com. NS \000\255.example.net.", aa=0))
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 8


def test_a_referral_to_the_root_name_as_server():
    answer, watch = ask(says("", "www.example.com. NS .", aa=0))
    assert answer.status == "SERVFAIL"
    assert watch.asked() <= 10


# Authority, emptiness, the wrong thing.


def test_an_answer_without_aa():
    answer, _ = ask(says("www.example.com. A 192.0.2.1", aa=0))
    assert answer.addresses == ["192.0.2.1"]


def test_an_answer_from_somebody_elses_cache():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says("www.example.com. A 192.0.2.66", aa=0, ra=1))
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_somebody_elses_cache_is_better_than_nothing():
    """All servers of the zone are resolvers, or dead: BIND and Unbound take what they say."""
    net = small_tree("www A 192.0.2.7\nto CNAME www", EXAMPLE, SECOND)
    net.dead(EXAMPLE)
    net.fault(SECOND, _as_a_resolver)
    world = World(net)
    for question in ("www.example.com. A", "to.example.com. A", "www.example.com. A"):
        assert world.ask(question)[0].addresses == ["192.0.2.7"]
    assert world.ask("no.example.com. A")[0].status == "NXDOMAIN"
    assert world.ask("www.example.com. MX")[0].status == "NOERROR"


def _as_a_resolver(query: Query, response: Response) -> Response:
    response.record.header.aa, response.record.header.ra = 0, 1
    return response


def test_an_empty_reply_without_aa_is_lame():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says(aa=0))
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_an_empty_reply_with_aa_says_that_there_is_nothing():
    answer, _ = ask(says())
    assert (answer.status, answer.records) == ("NOERROR", [])


@pytest.mark.parametrize("what", ["name", "type", "class", "id", "none", "two"])
def test_a_reply_to_another_question(what: str):
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)

    def other(query: Query, response: Response) -> Response:
        record = response.record
        question = record.q
        if what == "name":
            record.questions = [dnslib.DNSQuestion("www.example.org.", question.qtype)]
        elif what == "type":
            record.questions = [dnslib.DNSQuestion(question.qname, 16)]
        elif what == "class":
            record.questions = [dnslib.DNSQuestion(question.qname, question.qtype, 3)]
        elif what == "id":
            record.header.id ^= 1
        elif what == "none":
            record.questions = []
        else:
            record.questions = [question, question]
        record.rr = records("www.example.com. A 192.0.2.66")
        return response

    net.fault(SECOND, other)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
@pytest.mark.parametrize(
    "text",
    [
        "junk.example.com. A 192.0.2.66",
        "www.example.com. TXT junk",
        "www.other.net. A 192.0.2.66",
        ". NS ns.evil.net.",
        "com. SOA a. b. 1 2 3 4 5",
        r"www.example.com. TYPE65280 \# 2 0102",
        "www.example.com. AAAA 2001:db8::66",
    ],
)
def test_extra_records(section: str, text: str):
    net = small_tree("www A 192.0.2.7")
    net.spoof(EXAMPLE, text, section)
    world = World(net, priming=False)
    answer, _ = world.ask("www.example.com. A")
    assert answer.records == ["www.example.com. 300 A 192.0.2.7"]


# Times and sizes.


def test_ttl_0_is_for_who_asked_and_for_nobody_else():
    net = small_tree("www 0 A 192.0.2.7")
    world = World(net, priming=False)
    answers = world.ask_all(["www.example.com. A"] * 5)
    assert all(answer.addresses == ["192.0.2.7"] for answer, _ in answers)
    assert net.count(EXAMPLE) == 1
    assert world.ask("www.example.com. A")[1].asked() == 1


def test_ttl_0_all_along_the_chain():
    net = two_zones("to 0 CNAME x.other.net.", "x 0 A 192.0.2.8")
    world = World(net, priming=False)
    for _ in range(3):
        assert world.ask("to.example.com. A")[0].addresses == ["192.0.2.8"]


def test_ttl_0_of_a_delegation():
    net = small_tree()
    net.fault("198.51.100.2", _ttl_of_everything(0))
    world = World(net, priming=False)
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    assert world.ask("mail.example.com. MX")[0].data("MX") == ["10 www.example.com."]


@pytest.mark.parametrize("ttl", [2**31, 2**32 - 1])
def test_a_ttl_of_more_than_31_bits_counts_as_0(ttl: int):
    """RFC 2181 section 8."""
    net = small_tree()
    net.fault(EXAMPLE, _ttl_of_everything(ttl))
    world = World(net, priming=False)
    answer, _ = world.ask("www.example.com. A")
    assert (answer.addresses, answer.ttl) == (["192.0.2.7"], 0)
    assert world.ask("www.example.com. A")[1].asked() == 1


def test_a_ttl_of_31_bits_is_cut_to_the_operators_cap():
    net = small_tree()
    net.fault(EXAMPLE, _ttl_of_everything(2**31 - 1))
    world = World(net, priming=False)
    assert world.ask("www.example.com. A")[0].ttl == 86400
    assert world.ask("www.example.com. A")[0].ttl == 86400


def test_different_ttls_in_one_rrset():
    """RFC 2181 section 5.2: the least of them."""
    answer, _ = ask(says("www.example.com. 300 A 192.0.2.1\nwww.example.com. 20 A 192.0.2.2"))
    assert sorted(answer.addresses) == ["192.0.2.1", "192.0.2.2"]
    assert answer.ttl == 20


def _ttl_of_everything(ttl: int) -> Callable[[Query, Response], Response]:
    def fault(query: Query, response: Response) -> Response:
        for rr in [*response.record.rr, *response.record.auth, *response.record.ar]:
            if rr.rtype != 41:
                rr.ttl = ttl
        return response

    return fault


@pytest.mark.parametrize("count", [101, 1000, 3000])
def test_a_huge_rrset_is_passed_on_and_not_kept(count: int):
    text = "\n".join(f"many A 10.0.{i // 250}.{i % 250}" for i in range(count))
    net = small_tree(text)
    world = World(net, priming=False)
    for _ in range(2):
        answer, watch = world.ask("many.example.com. A")
        assert len(answer.addresses) == count
        assert watch.asked() >= 1


def test_very_many_types_at_one_name_are_passed_on_and_not_kept():
    text = "\n".join(rf"www.example.com. TYPE{1000 + i} \# 1 00" for i in range(150))
    net = small_tree()
    net.fault(EXAMPLE, says(text), rrtype="ANY")
    world = World(net, priming=False)
    answer, _ = world.ask("www.example.com. ANY")
    assert len(answer.answer.answer) == 150
    assert len(world.recursion.rrsets) == 0


# Transport.


def test_truncated_over_udp_and_whole_over_tcp():
    net = small_tree()
    net.truncate(EXAMPLE)
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


def test_truncated_with_half_an_answer_in_it():
    net = small_tree("www A 192.0.2.7\nwww A 192.0.2.8")

    def half(query: Query, response: Response) -> Response:
        response.record.rr = response.record.rr[:1]
        response.record.header.tc = 1
        return response

    net.fault(EXAMPLE, half, over="udp")
    assert len(run("www.example.com. A", net)[0].addresses) == 2


@pytest.mark.parametrize("how", ["dead", "garbage", "SERVFAIL", "REFUSED", "slow", "truncate"])
def test_truncated_over_udp_and_broken_over_tcp(how: str):
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.truncate(SECOND)
    if how == "dead":
        net.dead(SECOND, over="tcp")
    elif how == "garbage":
        net.garbage(SECOND, over="tcp")
    elif how == "slow":
        net.delay(SECOND, 60, over="tcp")
    elif how == "truncate":
        net.truncate(SECOND, over="tcp")
    else:
        net.error(SECOND, how, over="tcp")
    for seed in range(4):
        answer, _ = run("www.example.com. A", net, seed=seed)
        assert answer.addresses == ["192.0.2.7"]


def test_a_reply_cut_off_in_the_middle_of_a_record():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)

    def cut(query: Query, response: Response) -> Response:
        response.packet = pack(query, response)[:-7]
        return response

    net.fault(SECOND, cut)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_octets_behind_the_message():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)

    def longer(query: Query, response: Response) -> Response:
        response.packet = pack(query, response) + b"junk"
        return response

    net.fault(SECOND, longer)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


# EDNS.


def test_an_answer_without_opt_to_a_question_with_it():
    net = small_tree()
    net.no_edns(EXAMPLE, "ignore")
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


def test_badvers():
    net = small_tree()
    net.badvers(EXAMPLE)
    assert run("www.example.com. A", net)[0].addresses == ["192.0.2.7"]


@pytest.mark.parametrize("code", [8, 9, 65001])
def test_options_that_nobody_asked_for(code: int):
    net = small_tree()

    def chatty(query: Query, response: Response) -> Response:
        option = dnslib.EDNSOption(code, b"\0\1\2\3")
        response.record.ar = [dnslib.EDNS0(udp_len=1232, opts=[option, option])]
        return response

    net.fault(EXAMPLE, chatty)
    answer, _ = run("www.example.com. A", net)
    assert (answer.addresses, answer.errors) == (["192.0.2.7"], [])


def test_two_opt_records_are_no_message():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)

    def twice(query: Query, response: Response) -> Response:
        response.record.ar = [dnslib.EDNS0(udp_len=1232), dnslib.EDNS0(udp_len=1232)]
        return response

    net.fault(SECOND, twice)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


# Types, classes, case.


def test_an_unknown_type():
    answer, _ = ask(says(r"www.example.com. TYPE65280 \# 3 010203"), "www.example.com. TYPE65280")
    assert answer.answer.answer[0].rdatas == (b"\1\2\3",)


def test_records_of_another_class_beside_the_answer():
    def fault(query: Query, response: Response) -> Response:
        made = says("www.example.com. A 192.0.2.1\nwww.example.com. A 192.0.2.66")(query, response)
        made.record.rr[1].rclass = 3
        return made

    assert ask(fault)[0].addresses == ["192.0.2.1"]


def test_an_answer_in_another_class_is_the_next_servers_turn():
    def chaos(query: Query, response: Response) -> Response:
        for rr in response.record.rr:
            rr.rclass = 3
        return response

    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says("www.example.com. A 192.0.2.66"))
    net.fault(SECOND, chaos)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_an_address_of_the_wrong_length_is_no_message():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says(r"www.example.com. A \# 3 C00002"))
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_a_question_whose_case_comes_back_in_lower_case():
    net = small_tree()
    net.lose_case(EXAMPLE)
    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asks[-1].stream


def test_owner_names_in_another_case_than_the_question():
    answer, _ = ask(says("WWW.EXAMPLE.com. A 192.0.2.1"))
    assert answer.addresses == ["192.0.2.1"]


@pytest.mark.parametrize(
    "rcode",
    ["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED", "YXRRSET", "NOTAUTH", "NOTZONE", "BADCOOKIE"],
)
def test_every_error_is_the_next_servers_turn(rcode: str):
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.error(SECOND, rcode)
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]


def test_an_rcode_that_nobody_has_defined():
    net = small_tree("www A 192.0.2.7", EXAMPLE, SECOND)
    net.fault(SECOND, says(rcode=12))
    for seed in range(4):
        assert run("www.example.com. A", net, seed=seed)[0].addresses == ["192.0.2.7"]
