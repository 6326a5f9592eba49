"""Hosts files: addresses for names, names for addresses, and nothing else there (R24)."""

from ipaddress import IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver import names
from resolver.codes import RRType
from resolver.policy.hosts import Hosts, read_hosts, reversed_address
from resolver.policy.lines import FEW_LINES, AddressReader, Complaints
from resolver.slices import finish

TEXT = """\
# a comment
127.0.0.1   localhost
192.0.2.1   www.example.net www  # two names
192.0.2.2   www.example.net
2001:db8::1 www.example.net
2001:db8::2 six.example.net
2001:db8::1 again.example.net
0.0.0.0     nowhere.example.net
192.0.2.1   later.example.net
"""


def read(text: str = TEXT) -> tuple[Hosts, Complaints]:
    complaints = Complaints("hosts")
    return finish(read_hosts([text.encode()], complaints)), complaints


def lookup(name: str, rrtype: RRType, hosts: Hosts | None = None) -> list[bytes] | None:
    return (hosts or read()[0]).lookup(names.read(name).lower(), rrtype)


def test_a_name_has_the_addresses_of_all_its_lines():
    assert lookup("www.example.net.", RRType.A) == [bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))]
    (six,) = lookup("WWW.example.net.", RRType.AAAA) or []
    assert six.hex() == "20010db8" + "0" * 23 + "1"
    assert lookup("again.example.net.", RRType.AAAA) == [six]
    assert lookup("www.", RRType.A) == [bytes((192, 0, 2, 1))]


def test_a_type_it_does_not_have_is_no_data_and_a_name_it_does_not_have_is_nothing():
    assert lookup("six.example.net.", RRType.A) == []
    assert lookup("www.example.net.", RRType.MX) == []
    assert lookup("example.net.", RRType.A) is None
    assert lookup("x.www.example.net.", RRType.A) is None


def test_an_address_has_the_first_name_of_its_first_line():
    assert lookup("1.2.0.192.in-addr.arpa.", RRType.PTR) == [names.read("www.example.net.")]
    six = "1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.ip6.arpa."
    assert lookup(six, RRType.PTR) == [names.read("www.example.net.")]
    assert lookup("1.2.0.192.in-addr.arpa.", RRType.A) == []
    assert lookup("9.2.0.192.in-addr.arpa.", RRType.PTR) is None
    assert lookup("0.0.0.0.in-addr.arpa.", RRType.PTR) is None, "0.0.0.0 is nobody's address"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("www.example.net 192.0.2.1", "address"),
        ("192.0.2.1", "without a name"),
        ("192.0.2.300 www.example.net", "address"),
        ("fe80::1%lo0 localhost", "address"),
        ("192.0.2.1 a..b", "empty label"),
    ],
)
def test_a_line_that_cannot_be_used_is_told_and_left_out(line: str, reason: str):
    hosts, complaints = read(f"{line}\n192.0.2.7 good.example.net\n")
    (finding,) = complaints.told()
    assert finding.line == 1
    assert reason in finding.reason
    assert lookup("good.example.net.", RRType.A, hosts) == [bytes((192, 0, 2, 7))]
    assert lookup("www.example.net.", RRType.A, hosts) is None


@pytest.mark.parametrize(
    "name",
    [
        "in-addr.arpa.",
        "0.192.in-addr.arpa.",
        "256.2.0.192.in-addr.arpa.",
        "x.2.0.192.in-addr.arpa.",
        "0.1.2.0.192.in-addr.arpa.",
        "1.0.ip6.arpa.",
        "g" + ".0" * 31 + ".ip6.arpa.",
        "10" + ".0" * 31 + ".ip6.arpa.",
        "1" + ".00" * 2 + ".0" * 29 + ".ip6.arpa.",
    ],
)
def test_what_is_no_reverse_name_of_an_address(name: str):
    assert reversed_address(names.read(name)) is None


def test_many_addresses_take_few_octets_each():
    lines = [f"10.{i >> 8 & 255}.{i & 255}.1 host{i}.example" for i in range(20_000)]
    hosts, _ = read("\n".join(lines))
    assert lookup("host300.example.", RRType.A, hosts) == [bytes((10, 1, 44, 1))]
    assert lookup("1.44.1.10.in-addr.arpa.", RRType.PTR, hosts) == [names.read("host300.example.")]
    assert hosts.octets <= 20_000 * 50


ODD = {
    "# a comment": 0,
    "": 0,
    "10.9.9.9 odd.example alias.example": 0,
    "10.9.9.9\todd.example  # why": 0,
    "2001:db8::9 odd.example": 0,
    "10.9.9.9 a..b": 1,
    "10.9.9 odd.example": 1,
    "10.9.9.9 # odd.example": 1,
    "10.9.9.9": 1,
    "10.9.9.9 odd.example # # x": 0,
    "10.9.9.9 " + "x" * 64: 1,
    "10.9.9.9 " + "odd." * 64 + "example": 1,
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.{}", "2001:db8::{}"])
@pytest.mark.parametrize("at", [0, FEW_LINES, 199])
def test_a_line_that_is_different_changes_nothing_for_the_others(odd: str, address: str, at: int):
    lines = [f"{address.format(i)} host{i}.example" for i in range(200)]
    hosts, complaints = read("\n".join([*lines[:at], odd, *lines[at:]]) + "\n")
    assert [finding.line for finding in complaints.told()] == [at + 1] * ODD[odd]
    rrtype = RRType.AAAA if ":" in address else RRType.A
    for i in range(200):
        packed = ip_address(address.format(i)).packed
        assert lookup(f"host{i}.example.", rrtype, hosts) == [packed]
    found = lookup("odd.example.", RRType.AAAA if ":" in odd else RRType.A, hosts)
    assert (found is not None) == ("odd.example" in odd and not ODD[odd])


def test_an_address_has_the_first_of_very_many_names():
    hosts, _ = read("".join(f"192.0.2.1 host{i}.example\n" for i in range(2_000)))
    assert lookup("1.2.0.192.in-addr.arpa.", RRType.PTR, hosts) == [names.read("host0.example.")]


@given(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1))
def test_any_address_is_read_as_it_is_written(number: int, mask: int):
    for address in (IPv6Address(number), IPv6Address(number & mask), IPv6Address(number >> 96)):
        for text in (str(address), address.exploded):
            assert AddressReader().read(text.encode()) == address.packed


@given(st.text("0123456789af:.", min_size=1, max_size=24))
def test_nothing_else_is_an_address(text: str):
    try:
        expected = ip_address(text).packed
    except ValueError:
        expected = None
    assert AddressReader().read(text.encode()) == expected
    assert AddressReader().read_all([text.encode()]) == (None if expected is None else [expected])


@pytest.mark.parametrize(
    "text", ["::", "1::", "::1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "::ffff:192.0.2.1"]
)
def test_a_gap_is_of_one_group_or_more(text: str):
    assert AddressReader().read(text.encode()) == ip_address(text).packed


@pytest.mark.parametrize("text", ["1:2:3:4:5:6:7:8::", "1::2::3", ":1::", "::1:", "12345::", ":::"])
def test_what_is_no_address(text: str):
    assert AddressReader().read(text.encode()) is None
