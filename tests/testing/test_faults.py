"""Faults do what they say, seen by dnspython."""

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest
from fake_client import ask, exchange, lines

from resolver.testing import Internet, Query, Response, zone

SERVER, OTHER = "198.51.100.3", "198.51.100.4"
QUESTION = "www.example.com. A"


@pytest.fixture
def net() -> Internet:
    made = Internet()
    made.host("example.com.", SERVER, OTHER, zone("example.com.", "www A 192.0.2.7\nb A 192.0.2.8"))
    return made


def test_lose_is_silence(net: Internet):
    net.lose(SERVER)
    assert exchange(net, SERVER, QUESTION) == []
    assert exchange(net, OTHER, QUESTION)
    assert net.count(SERVER) == 1  # the query was seen


def test_lose_the_first_ones(net: Internet):
    rule = net.lose(SERVER, first=2)
    assert [len(exchange(net, SERVER, QUESTION)) for _ in range(4)] == [0, 0, 1, 1]
    assert rule.hits == 2


def test_lose_a_share(net: Internet):
    net.lose("*", share=0.3)
    lost = sum(not exchange(net, SERVER, QUESTION) for _ in range(1000))
    assert 240 < lost < 360


def test_the_same_seed_loses_the_same():
    def losses(seed: int) -> list[bool]:
        made = Internet(seed=seed)
        made.host("example.com.", SERVER)
        made.lose(SERVER, share=0.5)
        return [not exchange(made, SERVER, QUESTION) for _ in range(50)]

    assert losses(7) == losses(7)
    assert losses(7) != losses(8)


def test_a_fault_may_be_for_a_name_and_what_is_below(net: Internet):
    net.refuse(SERVER, name="WWW.example.com.")
    assert ask(net, SERVER, "www.example.com. A").rcode() == dns.rcode.REFUSED
    assert ask(net, SERVER, "x.www.example.com. A").rcode() == dns.rcode.REFUSED
    assert ask(net, SERVER, "b.example.com. A").rcode() == dns.rcode.NOERROR


def test_a_fault_may_be_for_a_type(net: Internet):
    net.servfail(SERVER, rrtype="aaaa")
    assert ask(net, SERVER, "www.example.com. AAAA").rcode() == dns.rcode.SERVFAIL
    assert ask(net, SERVER, "www.example.com. A").rcode() == dns.rcode.NOERROR


def test_a_fault_may_be_for_a_transport(net: Internet):
    net.dead(SERVER, over="tcp")
    assert exchange(net, SERVER, QUESTION, stream=True) == []
    assert exchange(net, SERVER, QUESTION, stream=False)


def test_a_lifted_fault_is_gone(net: Internet):
    exchange(net, SERVER, QUESTION)
    rule = net.dead(SERVER)
    assert exchange(net, SERVER, QUESTION) == []
    rule.lift()
    assert exchange(net, SERVER, QUESTION)


def test_faults_act_one_after_the_other(net: Internet):
    net.no_authority(SERVER)
    net.spoof(SERVER, "x.example.com. A 192.0.2.66")
    response = ask(net, SERVER, QUESTION)
    assert not response.flags & dns.flags.AA
    assert lines(response.additional) == ["x.example.com. A 192.0.2.66"]


def test_delay_takes_longer(net: Internet):
    net.delay(SERVER, 1.5)
    query = dns.message.make_query("www.example.com.", "A").to_wire()
    [sent] = net.exchange(SERVER, query, stream=False, at=0.0)
    assert sent.after_s == pytest.approx(1.5 + net.rtt_s)


def test_truncate_is_for_udp(net: Internet):
    net.truncate(SERVER)
    assert ask(net, SERVER, QUESTION).flags & dns.flags.TC
    assert not ask(net, SERVER, QUESTION).answer
    assert ask(net, SERVER, QUESTION, stream=True).answer


def test_truncate_over_tcp(net: Internet):
    net.truncate(SERVER, over="tcp")
    assert ask(net, SERVER, QUESTION, stream=True).flags & dns.flags.TC


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL", "NOTIMP", "FORMERR", "NOTAUTH"])
def test_errors_are_empty(net: Internet, rcode: str):
    net.error(SERVER, rcode)
    response = ask(net, SERVER, QUESTION)
    assert response.rcode() == dns.rcode.from_text(rcode)
    assert not response.answer


def test_lame_servers_refuse(net: Internet):
    net.lame(SERVER)
    assert ask(net, SERVER, QUESTION).rcode() == dns.rcode.REFUSED


def test_lame_servers_refer_upward(net: Internet):
    net.lame(SERVER, "upward")
    response = ask(net, SERVER, QUESTION)
    assert lines(response.authority) == [". NS a.root."]
    assert not response.flags & dns.flags.AA


def test_lame_servers_say_nothing(net: Internet):
    net.lame(SERVER, "not_aa")
    response = ask(net, SERVER, QUESTION)
    assert not response.flags & dns.flags.AA
    assert not response.answer + response.authority


def test_no_authority_keeps_the_content(net: Internet):
    net.no_authority(SERVER)
    response = ask(net, SERVER, QUESTION)
    assert not response.flags & dns.flags.AA
    assert response.answer


def test_loop_refers_to_the_zone_itself(net: Internet):
    net.loop(SERVER)
    response = ask(net, SERVER, QUESTION)
    assert lines(response.authority) == [
        "example.com. NS ns1.example.com.",
        "example.com. NS ns2.example.com.",
    ]
    assert not response.flags & dns.flags.AA


def test_wrong_id(net: Internet):
    net.wrong_id(SERVER)
    assert ask(net, SERVER, QUESTION).id != 4711


def test_wrong_question(net: Internet):
    net.wrong_question(SERVER)
    response = ask(net, SERVER, QUESTION)
    assert response.question[0].name.to_text() == "other.www.example.com."
    assert response.id == 4711


def test_garbage_has_the_right_id_and_no_sense(net: Internet):
    net.garbage(SERVER)
    [packet] = exchange(net, SERVER, QUESTION)
    assert packet[:2] == (4711).to_bytes(2, "big")
    with pytest.raises(dns.exception.DNSException):
        dns.message.from_wire(packet)


@pytest.mark.parametrize("section", ["answer", "authority", "additional"])
def test_spoof_adds_to_a_section(net: Internet, section: str):
    net.spoof(SERVER, "bank.example. A 192.0.2.66", section)
    added = lines(getattr(ask(net, SERVER, QUESTION), section))
    assert "bank.example. A 192.0.2.66" in added


def test_forged_answers_come_first_with_wrong_ids(net: Internet):
    net.forge(SERVER, "www.example.com. A 192.0.2.66", guesses=3)
    responses = [dns.message.from_wire(p) for p in exchange(net, SERVER, QUESTION)]
    assert [r.id == 4711 for r in responses] == [False, False, False, True]
    assert lines(responses[0].answer) == ["www.example.com. A 192.0.2.66"]
    assert lines(responses[3].answer) == ["www.example.com. A 192.0.2.7"]


@pytest.mark.parametrize("how", ["FORMERR", "NOTIMP"])
def test_no_edns_is_an_error_without_opt(net: Internet, how: str):
    net.no_edns(SERVER, how)
    response = ask(net, SERVER, QUESTION)
    assert (response.rcode(), response.edns) == (dns.rcode.from_text(how), -1)
    assert ask(net, SERVER, QUESTION, edns=None).answer


def test_no_edns_may_be_a_bare_header(net: Internet):
    net.no_edns(SERVER, "header_only")
    [packet] = exchange(net, SERVER, QUESTION)
    assert len(packet) == 12
    assert packet[3] & 0xF == dns.rcode.FORMERR


def test_no_edns_may_be_silence(net: Internet):
    net.no_edns(SERVER, "silence")
    assert exchange(net, SERVER, QUESTION) == []
    assert exchange(net, SERVER, QUESTION, edns=None)


def test_no_edns_may_be_ignorance(net: Internet):
    net.no_edns(SERVER, "ignore")
    response = ask(net, SERVER, QUESTION)
    assert (bool(response.answer), response.edns) == (True, -1)


def test_badvers(net: Internet):
    net.badvers(SERVER)
    assert ask(net, SERVER, QUESTION).rcode() == dns.rcode.BADVERS
    assert ask(net, SERVER, QUESTION, edns=None).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("how", "first", "second"),
    [
        ("send", "NOERROR", "NOERROR"),
        ("demand", "BADCOOKIE", "NOERROR"),
        ("refuse", "BADCOOKIE", "BADCOOKIE"),
        ("FORMERR", "FORMERR", "FORMERR"),
    ],
)
def test_cookies(net: Internet, how, first: str, second: str):
    net.cookies(SERVER, how)
    query = dns.message.make_query("www.example.com.", "A", use_edns=0)
    assert dns.message.from_wire(net_reply(net, query)).rcode() == dns.rcode.NOERROR
    query.use_edns(0, options=[dns.edns.CookieOption(b"8 octets", b"")])
    response = dns.message.from_wire(net_reply(net, query))
    assert response.rcode() == dns.rcode.from_text(first)
    cookies = [o for o in response.options if o.otype == dns.edns.OptionType.COOKIE]
    assert [o.client for o in cookies] == [b"8 octets"] * (how != "FORMERR")
    query.use_edns(0, options=[*cookies] or [dns.edns.CookieOption(b"8 octets", b"")])
    assert dns.message.from_wire(net_reply(net, query)).rcode() == dns.rcode.from_text(second)


def net_reply(net: Internet, query: dns.message.Message) -> bytes:
    (sent,) = net.exchange(SERVER, query.to_wire(), stream=False, at=0.0)
    return sent.packet


def test_lose_case(net: Internet):
    net.lose_case(SERVER)
    response = ask(net, SERVER, "wWw.example.com. A")
    assert response.question[0].name.to_text() == "www.example.com."


def test_unreachable(net: Internet):
    net.unreachable(SERVER)
    assert (net.is_reachable(SERVER), net.is_reachable(OTHER)) == (False, True)


def test_any_callable_is_a_fault(net: Internet):
    def only_twice(query: Query, response: Response) -> Response | None:
        return response if query.count <= 2 and query.question == QUESTION else None

    net.fault(SERVER, only_twice)
    assert [len(exchange(net, SERVER, QUESTION)) for _ in range(3)] == [1, 1, 0]


def test_a_fault_may_multiply(net: Internet):
    net.fault(SERVER, lambda query, response: [response, response])
    assert len(exchange(net, SERVER, QUESTION)) == 2


@pytest.mark.parametrize(
    ("when", "reason"), [({"share": 1.5}, "between 0 and 1"), ({"rrtype": "B"}, "no record type")]
)
def test_conditions_are_checked(net: Internet, when: dict, reason: str):
    with pytest.raises(ValueError, match=reason):
        net.lose(SERVER, **when)
