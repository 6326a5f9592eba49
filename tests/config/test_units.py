"""Durations, sizes, addresses, names, prefixes and paths as operators write them."""

import re
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config import units
from resolver.config.access import AccessKey, AccessWord, read_item, show_item
from resolver.model import Address


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (0, 0),
        (30, 30),
        (1.5, 1.5),
        ("30", 30),
        ("30s", 30),
        ("1h30m", 5400),
        ("1d", 86400),
        ("2w", 1209600),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("1m30s500ms", 90.5),
        (" 10s ", 10),
    ],
)
def test_duration_is_read_as_seconds(written: object, seconds: float) -> None:
    assert units.read_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        *("", "s", "1x", "1 h", "-1s", "1D", "1h30", "1e3", "٣s", "100000w", "9" * 100 + "s"),
        *(True, -1, float("nan"), float("inf"), 2**31, [], None),
    ],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"duration|between 0 and"):
        units.read_duration(written)


@given(st.integers(0, 10**9))
def test_duration_is_shown_as_it_is_read(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.read_duration(units.show_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, 0), (10, "10s"), (86400, "1d"), (5400, "1h30m"), (0.25, "250ms")]
)
def test_duration_is_shown_in_its_largest_units(seconds: float, shown: object) -> None:
    assert units.show_duration(seconds) == shown


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        (0, 0),
        (4096, 4096),
        ("4096", 4096),
        ("64MiB", 64 * 2**20),
        ("1GiB", 2**30),
        ("10MB", 10**7),
        ("1kB", 1000),
        ("8 KiB", 8192),
        ("5B", 5),
    ],
)
def test_size_is_read_as_octets(written: object, octets: int) -> None:
    assert units.read_size(written) == octets


@pytest.mark.parametrize("written", ["", "MiB", "1.5MiB", "64Mib", "64kiB", -1, 1.5, True, None])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"size|negative"):
        units.read_size(written)


@given(st.integers(0, 2**40))
def test_size_is_shown_as_it_is_read(octets: int) -> None:
    assert units.read_size(units.show_size(octets)) == octets


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("192.0.2.1", Address("192.0.2.1", 53)),
        ("192.0.2.1:1053", Address("192.0.2.1", 1053)),
        ("192.0.2.1:0", Address("192.0.2.1", 0)),
        ("::1", Address("::1", 53)),
        ("::", Address("::", 53)),
        ("[::1]", Address("::1", 53)),
        ("[2001:DB8:0::1]:1053", Address("2001:db8::1", 1053)),
        ("fe80::1%eth0", Address("fe80::1%eth0", 53)),
        ("[fe80::1%eth0]:1053", Address("fe80::1%eth0", 1053)),
    ],
)
def test_address_is_read_with_its_port(written: str, address: Address) -> None:
    assert units.read_address(written) == address
    assert units.read_address(units.show_address(address)) == address


@pytest.mark.parametrize(
    "written",
    [
        *("", "localhost", "192.0.2", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:65536", "192.0.2.01"),
        *("[::1", "::1]:53", "[::1]53", "[::1]:", "[192.0.2.1]:53", "[::1]:-1", "1.2.3.4:٣"),
        *(53, None),
    ],
)
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"address|port must"):
        units.read_address(written)


@pytest.mark.parametrize("written", ["192.0.2.1:0", "0.0.0.0", "[::]:53"])
def test_server_to_ask_needs_a_real_address_and_port(written: str) -> None:
    with pytest.raises(ValueError, match="cannot be asked"):
        units.read_server(written)


@pytest.mark.parametrize("written", ["example.test", "example.test.", "EXAMPLE.Test"])
def test_name_is_lower_case_and_absolute(written: str) -> None:
    assert units.read_name(written) == b"\x07example\x04test\0"
    assert units.show_name(units.read_name(written)) == "example.test"


@pytest.mark.parametrize("written", ["", "a..b", "bücher.test", "x" * 64, 5])
def test_what_is_no_name_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"name|label|ASCII"):
        units.read_name(written)


def test_bare_address_is_a_prefix_of_its_own() -> None:
    assert units.read_prefix("192.0.2.1") == ip_network("192.0.2.1/32")
    assert units.read_prefix("2001:db8::/32") == ip_network("2001:db8::/32")


def test_host_bits_are_told_with_the_network_that_was_meant() -> None:
    with pytest.raises(ValueError, match=re.escape("did you mean '10.0.0.0/8'?")):
        units.read_prefix("10.0.0.1/8")


@pytest.mark.parametrize("written", ["any", "key:k.example", "192.0.2.0/24", "::1/128", "none"])
def test_access_entry_is_shown_as_it_is_written(written: str) -> None:
    assert show_item(read_item(written)) == written


def test_access_entries_are_words_keys_or_prefixes() -> None:
    assert read_item("localnets") is AccessWord.LOCALNETS
    assert read_item("key:Backup") == AccessKey(b"\x06backup\0")
    with pytest.raises(ValueError, match='"localhosts" is not a prefix, "any", "none"'):
        read_item("localhosts")


def test_values_that_are_already_typed_pass() -> None:
    assert units.read_address(Address("::1", 1)) == Address("::1", 1)
    assert units.read_name(b"\x01a\0") == b"\x01a\0"
    network = ip_network("192.0.2.0/24")
    assert units.read_prefix(network) is network
    assert read_item(network) is network
    assert units.optional(units.read_address)("") is None
