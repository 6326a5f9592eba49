"""Records laid over the public tree: what they answer, and what goes on as always (R28)."""

import pytest

from resolver.codes import Ede
from resolver.policy.blocklist import read_block_list
from resolver.policy.hosts import read_hosts
from resolver.policy.lines import Complaints
from resolver.policy.local import Blocking, Overlay, Records, read_local_records
from resolver.serve.home import Home
from resolver.slices import finish
from resolver.testing import Internet, World, zone

EXAMPLE_TEXT = """
@     MX     10 mail
www   A      192.0.2.7
www   AAAA   2001:db8::7
www   TXT    "public"
mail  A      192.0.2.8
alias CNAME  www
ads   A      192.0.2.66
shop  CNAME  x.ads
x.ads A      192.0.2.67
"""
ROOT, COM, EXAMPLE = "198.51.100.1", "198.51.100.2", "198.51.100.3"


def overlay(*texts: str, hosts: str = "", block: str = "", answer: str = "nxdomain") -> Overlay:
    rrsets, errors = read_local_records(texts, "local")
    assert errors == []
    records = Records(rrsets)
    assert records.faults("local") == []
    complaints = Complaints("")
    blocks = finish(read_block_list([block.encode()], "list", complaints))
    read = finish(read_hosts([hosts.encode()], complaints))
    assert complaints.told() == []
    return Overlay(records, [read], [Blocking(blocks, answer)])  # type: ignore[arg-type]


def world_with(*texts: str, **lists: str) -> World:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, zone("example.com.", EXAMPLE_TEXT))
    return World(net, local=Home(overlay(*texts, **lists)))


def test_a_record_here_overrides_the_public_one_and_asks_nobody():
    answer, watch = world_with("www.example.com. 300 A 192.0.2.99").ask("www.example.com. A")
    assert answer.records == ["www.example.com. 300 A 192.0.2.99"]
    assert watch.asked() == 0


def test_the_rest_of_the_zone_resolves_as_always():
    world = world_with("www.example.com. 300 A 192.0.2.99")
    assert world.ask("mail.example.com. A")[0].addresses == ["192.0.2.8"]
    assert world.ask("example.com. MX")[0].data("MX") == ["10 mail.example.com."]
    assert world.ask("x.www.example.com. A")[0].status == "NXDOMAIN", "as the zone says"


@pytest.mark.parametrize("rrtype", ["AAAA", "TXT", "MX"])
def test_a_type_that_is_not_here_is_no_data_and_not_the_public_record(rrtype: str):
    answer, watch = world_with("www.example.com. A 192.0.2.99").ask(f"www.example.com. {rrtype}")
    assert (answer.status, answer.records) == ("NOERROR", [])
    assert answer.authority[0].startswith("www.example.com. 60 SOA ")
    assert watch.asked() == 0


def test_a_cname_here_is_chased_on_the_internet():
    """R28: `www` overridden to a CNAME answers with the address behind it, `mail` as always."""
    world = world_with("www.example.com. 300 CNAME mail.example.com.")
    answer, _ = world.ask("www.example.com. A")
    assert answer.records == [
        "www.example.com. 300 CNAME mail.example.com.",
        "mail.example.com. 300 A 192.0.2.8",
    ]
    answer, watch = world.ask("www.example.com. CNAME")
    assert answer.records == ["www.example.com. 300 CNAME mail.example.com."]
    assert watch.asked() == 0


def test_a_cname_here_may_lead_to_a_record_here():
    world = world_with("a.corp. CNAME b.corp.", "b.corp. 60 A 192.0.2.1", "b.corp. 60 A 192.0.2.2")
    answer, watch = world.ask("a.corp. A")
    assert answer.addresses == ["192.0.2.1", "192.0.2.2"]
    assert watch.asked() == 0


def test_cnames_here_that_loop_end():
    world = world_with("a.corp. CNAME b.corp.", "b.corp. CNAME a.corp.")
    answer, _ = world.ask("a.corp. A")
    assert answer.status == "SERVFAIL"
    assert "loop" in answer.errors[0][1]


def test_a_public_alias_to_a_name_here_is_answered_from_here():
    world = world_with("www.example.com. 300 A 192.0.2.99")
    for _ in range(2):  # from the servers, which send the public address along, and from the cache
        answer, _ = world.ask("alias.example.com. A")
        assert answer.addresses == ["192.0.2.99"]
        assert answer.chain == ["alias.example.com."]
        assert not answer.answer.authoritative


def test_answers_from_here_are_authoritative_and_do_not_age():
    answer, _ = world_with("www.example.com. 300 A 192.0.2.99").ask("www.example.com. A")
    assert answer.answer.authoritative
    assert not answer.answer.ages


def test_a_wildcard_stands_for_names_below_that_have_nothing_nearer():
    world = world_with(
        "*.dev.corp. A 192.0.2.1", "*.x.dev.corp. A 192.0.2.2", "own.dev.corp. TXT y"
    )
    for name, address in (("a", "1"), ("a.b", "1"), ("a.x", "2"), ("x", "1")):
        answer, _ = world.ask(f"{name}.dev.corp. A")
        assert answer.records == [f"{name}.dev.corp. 3600 A 192.0.2.{address}"]
    assert world.ask("own.dev.corp. A")[0].records == []
    assert world.ask("dev.corp. A")[0].status == "NXDOMAIN", "the root's word"


def test_names_compare_without_case():
    answer, _ = world_with("WWW.Example.COM. A 192.0.2.99").ask("www.EXAMPLE.com. A")
    assert answer.addresses == ["192.0.2.99"]


def test_hosts_give_addresses_and_names():
    world = world_with(hosts="192.0.2.50 www.example.com nas\n2001:db8::50 nas\n")
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.50"]
    assert world.ask("www.example.com. AAAA")[0].records == []
    assert world.ask("nas. AAAA")[0].addresses == ["2001:db8::50"]
    answer, watch = world.ask("50.2.0.192.in-addr.arpa. PTR")
    assert answer.data("PTR") == ["www.example.com."]
    assert watch.asked() == 0


def test_records_and_hosts_of_one_name_complete_each_other():
    world = world_with("nas.corp. TXT hello", hosts="192.0.2.50 nas.corp")
    assert world.ask("nas.corp. A")[0].addresses == ["192.0.2.50"]
    assert world.ask("nas.corp. TXT")[0].data("TXT") == ['"hello"']


def test_a_blocked_name_is_not_asked_for():
    answer, watch = world_with(block="ads.example.com").ask("ads.example.com. A")
    assert answer.status == "NXDOMAIN"
    assert answer.errors == [(Ede.BLOCKED, "ads.example.com. is on the block list list")]
    assert watch.asked() == 0


def test_no_alias_leads_around_a_block_list():
    world = world_with(block="ads.example.com")
    for _ in range(2):
        answer, _ = world.ask("shop.example.com. A")
        assert (answer.status, answer.addresses) == ("NXDOMAIN", [])
        assert answer.chain == ["shop.example.com."]
        assert answer.errors[0][0] == Ede.BLOCKED


def test_a_record_here_goes_before_a_block_list():
    world = world_with("ads.example.com. A 192.0.2.99", block="example.com")
    assert world.ask("ads.example.com. A")[0].addresses == ["192.0.2.99"]
    assert world.ask("www.example.com. A")[0].status == "NXDOMAIN"


def test_a_blocked_name_server_still_serves_its_zones():
    """Lists are about what clients may see, not about whom we ask."""
    world = world_with(block="ns1.example.com\nother.net")
    world.net.host("net.", "198.51.100.4")
    world.net.host("other.net.", "198.51.100.5", zone("other.net.", "ns A 198.51.100.6"))
    text = "@ NS ns.other.net.\nwww A 192.0.2.10"
    world.net.host("third.com.", "198.51.100.6", zone("third.com.", text))
    assert world.ask("www.third.com. A")[0].addresses == ["192.0.2.10"]
    assert world.ask("www.example.com. A")[0].addresses == ["192.0.2.7"]
    assert world.ask("ns.other.net. A")[0].status == "NXDOMAIN"


def test_a_change_of_lists_is_in_force_at_the_next_question():
    world = world_with()
    assert world.ask("ads.example.com. A")[0].addresses == ["192.0.2.66"]
    home = world.recursion.local
    assert isinstance(home, Home)
    home.overlay.blocks[0].names = overlay(block="ads.example.com").blocks[0].names
    assert world.ask("ads.example.com. A")[0].status == "NXDOMAIN", "though it is in the cache"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["www.example.com. A 192.0.2.999"], "192.0.2.999"),
        (["www.example.com."], "type"),
        ([""], ""),
    ],
)
def test_records_that_cannot_be_read_are_told_with_their_place(texts: list[str], reason: str):
    _, errors = read_local_records(["ok.corp. A 192.0.2.1", *texts], "[[local]] 1: records")
    if not texts[0]:
        assert errors == []
        return
    (finding,) = errors
    assert (finding.file, finding.line) == ("[[local]] 1: records", 2)
    assert reason in finding.reason


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["a.corp. CNAME b.corp.", "a.corp. A 192.0.2.1"], "CNAME"),
        (["a.corp. CNAME b.corp.", "a.corp. CNAME c.corp."], "CNAME"),
        (["a.corp. DNAME b.corp."], "DNAME"),
    ],
)
def test_records_that_make_no_sense_here_are_told(texts: list[str], reason: str):
    rrsets, errors = read_local_records(texts, "local")
    faults = Records(rrsets).faults("local")
    assert reason in str(errors + faults)
