"""The small master-file reader of the fake Internet."""

import pytest

from resolver.testing import records, zone
from resolver.testing.zones import key_of, show_rdata


def shown(text: str, **options) -> list[str]:
    return [
        f"{rr.rname} {rr.ttl} {rr.rtype} {rr.rdata.toZone()}"
        for rr in records(text, origin="example.com.", **options)
    ]


def test_relative_names_get_the_origin():
    assert shown("www A 192.0.2.1") == ["www.example.com. 300 1 192.0.2.1"]


def test_absolute_names_stay():
    assert shown("x.net. NS ns.x.net.") == ["x.net. 300 2 ns.x.net."]


def test_at_is_the_origin():
    assert shown("@ MX 10 mail") == ["example.com. 300 15 10 mail.example.com."]


def test_blank_start_inherits_the_owner():
    text = """
        www A 192.0.2.1
            A 192.0.2.2
        """
    assert [line.split()[0] for line in shown(text)] == ["www.example.com."] * 2


@pytest.mark.parametrize("head", ["60 IN", "IN 60", "1m", "IN 1M"])
def test_ttl_and_class_come_in_either_order(head: str):
    assert shown(f"www {head} A 192.0.2.1") == ["www.example.com. 60 1 192.0.2.1"]


def test_ttl_directive_and_origin_directive():
    text = "$TTL 1h\n$ORIGIN sub.example.com.\nwww A 192.0.2.1"
    assert shown(text) == ["www.sub.example.com. 3600 1 192.0.2.1"]


def test_comments_and_parentheses():
    text = "@ SOA ns hostmaster ( 1 ; serial\n 2 3 4 5 ) ; end"
    assert shown(text) == ["example.com. 300 6 ns.example.com. hostmaster.example.com. 1 2 3 4 5"]


def test_quoted_strings_keep_blanks_and_semicolons():
    assert shown('t TXT "a; b" c') == ['t.example.com. 300 16 "a; b" "c"']


def test_srv_target_is_relative_to_the_origin():
    assert shown("_s._tcp SRV 1 2 3 www")[0].endswith("1 2 3 www.example.com.")


def test_unknown_type_in_generic_form():
    [rr] = records(r"x TYPE65280 \# 3 010203", origin="example.com.")
    assert (rr.rtype, bytes(rr.rdata.data)) == (65280, b"\1\2\3")


def test_dname_is_not_compressed():
    [rr] = records("old DNAME new", origin="example.com.")
    assert bytes(rr.rdata.data) == b"\3new\7example\3com\0"
    assert show_rdata(39, bytes(rr.rdata.data)) == "new.example.com."


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a A 192.0.2.1\nb BOGUS 1", 2, "BOGUS is no record type"),
        ("a A", 1, "A without data"),
        ("a 60 IN", 1, "no record type"),
        ("\n\na A 192.0.2.1\nb SOA ( 1", 2, "parenthesis not closed"),
        ("a NSEC3 1 2", 1, "only be given as"),
    ],
)
def test_faults_name_their_line(text: str, line: int, reason: str):
    with pytest.raises(ValueError, match=f"line {line}.*{reason}"):
        records(text, origin="example.com.")


def test_a_zone_takes_only_its_own_names():
    with pytest.raises(ValueError, match="not in the zone"):
        zone("example.com.", "www.example.net. A 192.0.2.1")


def test_empty_non_terminals_exist():
    made = zone("example.com.", "a.b.c A 192.0.2.1")
    assert made.has_name(key_of("b.c.example.com."))
    assert not made.has_name(key_of("x.c.example.com."))
