"""How healthy servers of the fake Internet answer, seen by dnspython."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from fake_client import ask, exchange, lines

from resolver.testing import Internet, zone

SERVER, CHILD = "198.51.100.3", "198.51.100.4"
DIGEST = "00" * 32
TEXT = """
    @           A     192.0.2.1
    www         A     192.0.2.7
                AAAA  2001:db8::7
    alias       CNAME www
    away        CNAME www.example.net.
    loop        CNAME loop
    old         DNAME new
    x.new       A     192.0.2.8
    *.wild      TXT   "anything"
    a.b.c       A     192.0.2.9
    mail        MX    10 www
    sub         NS    ns.sub
    ns.sub      A     198.51.100.4
    sub         DS    1 8 2 {}
    big         TXT   "{}"
"""


@pytest.fixture(scope="module")
def net() -> Internet:
    made = Internet()
    big = '" "'.join("x" * 200 for _ in range(10))
    made.host("example.com.", SERVER, zone("example.com.", TEXT.format(DIGEST, big)))
    return made


def test_an_answer_is_authoritative(net: Internet):
    response = ask(net, SERVER, "www.example.com. A")
    assert lines(response.answer) == ["www.example.com. A 192.0.2.7"]
    assert response.flags & dns.flags.AA
    assert not response.flags & dns.flags.RA
    assert response.id == 4711


def test_nodata_has_the_soa(net: Internet):
    response = ask(net, SERVER, "www.example.com. MX")
    assert response.rcode() == dns.rcode.NOERROR
    assert [r.split()[1] for r in lines(response.authority)] == ["SOA"]


def test_nxdomain_has_the_soa(net: Internet):
    response = ask(net, SERVER, "nothing.example.com. A")
    assert response.rcode() == dns.rcode.NXDOMAIN
    assert [r.split()[1] for r in lines(response.authority)] == ["SOA"]


def test_an_empty_non_terminal_is_nodata(net: Internet):
    assert ask(net, SERVER, "b.c.example.com. A").rcode() == dns.rcode.NOERROR


def test_cname_is_followed_within_the_zone(net: Internet):
    assert lines(ask(net, SERVER, "alias.example.com. A").answer) == [
        "alias.example.com. CNAME www.example.com.",
        "www.example.com. A 192.0.2.7",
    ]


def test_cname_is_not_followed_out_of_the_zone(net: Internet):
    response = ask(net, SERVER, "away.example.com. A")
    assert lines(response.answer) == ["away.example.com. CNAME www.example.net."]
    assert response.rcode() == dns.rcode.NOERROR


def test_a_cname_loop_ends(net: Internet):
    assert len(lines(ask(net, SERVER, "loop.example.com. A").answer)) == 1


def test_dname_redirects_what_is_below_it(net: Internet):
    assert lines(ask(net, SERVER, "x.old.example.com. A").answer) == [
        "old.example.com. DNAME new.example.com.",
        "x.new.example.com. A 192.0.2.8",
        "x.old.example.com. CNAME x.new.example.com.",
    ]


def test_dname_does_not_redirect_itself(net: Internet):
    assert lines(ask(net, SERVER, "old.example.com. DNAME").answer) == [
        "old.example.com. DNAME new.example.com."
    ]


def test_dname_that_makes_a_name_too_long_is_yxdomain(net: Internet):
    made = Internet()
    target = ".".join(["y" * 60] * 3)
    made.host("example.com.", SERVER, zone("example.com.", f"old DNAME {target}"))
    response = ask(made, SERVER, f"{'x' * 60}.old.example.com. A")
    assert response.rcode() == dns.rcode.YXDOMAIN


def test_wildcards_take_the_name_asked(net: Internet):
    assert lines(ask(net, SERVER, "a.b.wild.example.com. TXT").answer) == [
        'a.b.wild.example.com. TXT "anything"'
    ]
    assert ask(net, SERVER, "a.wild.example.com. A").rcode() == dns.rcode.NOERROR


def test_referral_has_ns_ds_and_glue_and_no_aa(net: Internet):
    response = ask(net, SERVER, "www.sub.example.com. A")
    assert not response.flags & dns.flags.AA
    assert lines(response.authority) == [
        "sub.example.com. DS 1 8 2 " + DIGEST,
        "sub.example.com. NS ns.sub.example.com.",
    ]
    assert lines(response.additional) == ["ns.sub.example.com. A 198.51.100.4"]


def test_ds_at_a_cut_is_answered_by_the_parent(net: Internet):
    response = ask(net, SERVER, "sub.example.com. DS")
    assert lines(response.answer) == ["sub.example.com. DS 1 8 2 " + DIGEST]
    assert response.flags & dns.flags.AA


def test_ds_is_the_parents_even_where_the_child_is_here_too():
    net = Internet()
    net.host("com.", SERVER, zone("com.", "example NS ns.example\nexample DS 1 8 2 " + DIGEST))
    net.host("example.com.", SERVER)
    assert lines(ask(net, SERVER, "example.com. DS").answer) == ["example.com. DS 1 8 2 " + DIGEST]


def test_mx_brings_addresses(net: Internet):
    assert lines(ask(net, SERVER, "mail.example.com. MX").additional) == [
        "www.example.com. A 192.0.2.7",
        "www.example.com. AAAA 2001:db8::7",
    ]


def test_any_brings_all_types(net: Internet):
    assert len(lines(ask(net, SERVER, "www.example.com. ANY").answer)) == 2


def test_names_of_others_are_refused(net: Internet):
    assert ask(net, SERVER, "www.example.net. A").rcode() == dns.rcode.REFUSED


def test_the_case_of_the_question_comes_back(net: Internet):
    for _ in range(2):  # the second one is made from a finished packet
        response = ask(net, SERVER, "wWw.eXample.COM. A")
        assert response.question[0].name.to_text() == "wWw.eXample.COM."
        assert response.answer[0].name.to_text() == "wWw.eXample.COM."


def test_a_long_answer_is_truncated_to_what_the_client_takes(net: Internet):
    response = ask(net, SERVER, "big.example.com. TXT")
    assert response.flags & dns.flags.TC
    assert response.edns == 0
    assert not response.answer
    assert ask(net, SERVER, "big.example.com. TXT", stream=True).answer


def test_without_edns_512_octets_is_the_limit():
    net = Internet()
    text = "\n".join(f"m A 192.0.2.{i}" for i in range(40))
    net.host("example.com.", SERVER, zone("example.com.", text))
    assert not ask(net, SERVER, "m.example.com. A").flags & dns.flags.TC
    plain = ask(net, SERVER, "m.example.com. A", edns=None)
    assert plain.flags & dns.flags.TC
    assert plain.edns == -1


def test_a_future_edns_version_is_badvers(net: Internet):
    assert ask(net, SERVER, "www.example.com. A", edns_version=1).rcode() == dns.rcode.BADVERS


def test_other_opcodes_are_notimp(net: Internet):
    query = dns.message.make_query("example.com.", "SOA")
    query.set_opcode(4)
    [sent] = net.exchange(SERVER, query.to_wire(), stream=False, at=0.0)
    assert dns.message.from_wire(sent.packet).rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize("packet", [b"", b"x" * 11, b"\0\1\x80\0" + bytes(8), b"\xff" * 40])
def test_what_is_no_query_gets_silence(net: Internet, packet: bytes):
    assert net.exchange(SERVER, packet, stream=False, at=0.0) == []


def test_nobody_lives_at_other_addresses(net: Internet):
    assert exchange(net, "203.0.113.1", "www.example.com. A") == []


def test_the_log_knows_who_was_asked_what():
    net = Internet()
    net.host("example.com.", SERVER, zone("example.com.", "www A 192.0.2.7"))
    exchange(net, SERVER, "WWW.example.com. A", edns=1400)
    exchange(net, SERVER, "www.example.com. A", edns=None)
    exchange(net, SERVER, "example.com. MX", stream=True)
    assert [(s.question, s.edns_size, s.stream) for s in net.log] == [
        ("www.example.com. A", 1400, False),
        ("www.example.com. A", None, False),
        ("example.com. MX", 1232, True),
    ]
    assert net.count() == 3
    assert net.count(SERVER, "www.Example.com", "A") == 2
    assert net.count(stream=True) == 1
    assert net.count("198.51.100.9") == 0
    assert "example.com. MX" in str(net.log[-1])
