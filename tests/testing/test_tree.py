"""What a tree gets that nobody wrote: SOA, NS, glue, delegations."""

import pytest
from fake_client import ask, lines

from resolver.testing import Internet, zone

ROOT, COM, EXAMPLE, SECOND = "198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"


def test_hosted_zones_are_delegated_with_glue():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    response = ask(net, ROOT, "www.example.com. A")
    assert lines(response.authority) == ["com. NS ns1.com."]
    assert lines(response.additional) == [f"ns1.com. A {COM}"]


def test_children_may_be_hosted_before_their_parents():
    net = Internet()
    net.host("example.com.", EXAMPLE)
    net.host("com.", COM)
    net.root(".", ROOT)
    assert lines(ask(net, COM, "www.example.com. A").authority) == [
        "example.com. NS ns1.example.com."
    ]


def test_several_servers_of_both_families_get_a_name_each():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, "2001:db8::2")
    response = ask(net, ROOT, "com. NS")
    assert lines(response.authority) == ["com. NS ns1.com.", "com. NS ns2.com."]
    assert lines(response.additional) == [f"ns1.com. A {COM}", "ns2.com. AAAA 2001:db8::2"]


def test_one_server_may_hold_parent_and_child():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", COM, zone("example.com.", "www A 192.0.2.1"))
    assert lines(ask(net, COM, "www.example.com. A").answer) == ["www.example.com. A 192.0.2.1"]


def test_ns_of_the_zone_text_are_used_in_the_parent():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "@ NS a.gtld"))
    response = ask(net, ROOT, "com. NS")
    assert lines(response.authority) == ["com. NS a.gtld.com."]
    assert lines(response.additional) == [f"a.gtld.com. A {COM}"]


def test_a_delegation_by_hand_is_left_alone():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns1.example"))
    net.host("example.com.", EXAMPLE)
    response = ask(net, COM, "www.example.com. A")
    assert lines(response.authority) == ["example.com. NS ns1.example.com."]
    assert lines(response.additional) == []


def test_the_child_repeats_the_delegation_by_hand():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "example NS ns.other.net."))
    net.host("example.com.", EXAMPLE)
    assert lines(ask(net, EXAMPLE, "example.com. NS").answer) == ["example.com. NS ns.other.net."]


def test_glue_by_hand_to_a_server_makes_it_serve_that_name():
    net = Internet()
    net.root(".", ROOT)
    net.host("net.", COM, zone("net.", f"other NS ns.other\nns.other A {EXAMPLE}"))
    net.host("example.com.", EXAMPLE)
    response = ask(net, EXAMPLE, "ns.other.net. A")
    assert lines(response.answer) == [f"ns.other.net. A {EXAMPLE}"]
    assert ask(net, EXAMPLE, "x.other.net. A").rcode() == 3


def test_glue_by_hand_to_nowhere_makes_nothing():
    net = Internet()
    net.root(".", ROOT)
    net.host("net.", COM, zone("net.", "other NS ns.other\nns.other A 203.0.113.9"))
    assert "203.0.113.9" not in net.held


def test_the_same_zone_may_differ_between_servers():
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM, zone("com.", "www A 192.0.2.1"))
    net.host("com.", SECOND, zone("com.", "www A 192.0.2.2"))
    assert lines(ask(net, ROOT, "com. NS").authority) == ["com. NS ns1.com.", "com. NS ns2.com."]
    assert lines(ask(net, COM, "www.com. A").answer) == ["www.com. A 192.0.2.1"]
    assert lines(ask(net, SECOND, "www.com. A").answer) == ["www.com. A 192.0.2.2"]


def test_the_root_names_its_servers_with_addresses():
    net = Internet()
    net.root(".", ROOT, SECOND)
    response = ask(net, ROOT, ". NS")
    assert lines(response.answer) == [". NS a.root.", ". NS b.root."]
    assert lines(response.additional) == [f"a.root. A {ROOT}", f"b.root. A {SECOND}"]
    assert net.hints_text == (
        ". 3600000 NS a.root.\n. 3600000 NS b.root.\n"
        f"a.root. 3600000 A {ROOT}\nb.root. 3600000 A {SECOND}\n"
    )


def test_hints_need_a_root():
    with pytest.raises(ValueError, match="no root"):
        _ = Internet().hints


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((), "needs the address"),
        (("nonsense",), "nonsense"),
        ((COM, zone("net.")), "not the origin"),
        ((COM, zone("com."), zone("com.")), "one zone at most"),
    ],
)
def test_hosting_is_checked(parts: tuple, reason: str):
    with pytest.raises(ValueError, match=reason):
        Internet().host("com.", *parts)


def test_a_server_holds_a_zone_once():
    net = Internet()
    net.host("com.", COM)
    with pytest.raises(ValueError, match="already"):
        net.host("com.", SECOND, COM)
