"""The networks that this machine is attached to."""

import ctypes
import sys
from ipaddress import ip_network

import pytest

from resolver.net import interfaces
from resolver.net.interfaces import local_networks


def test_loopback_is_a_local_network() -> None:
    assert ip_network("127.0.0.0/8") in local_networks()


def test_networks_are_told_once_and_never_the_whole_internet() -> None:
    found = local_networks()
    assert len(set(found)) == len(found)
    assert all(network.prefixlen for network in found)


def test_system_without_getifaddrs_has_no_local_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **kwargs: object())
    assert local_networks() == ()


@pytest.mark.skipif(interfaces._HAS_LENGTH, reason="layout of Linux")
def test_interface_that_is_down_has_no_network() -> None:
    def sockaddr(octets: str) -> ctypes.Array[ctypes.c_char]:
        head = (2).to_bytes(2, sys.byteorder) + bytes(2)
        return ctypes.create_string_buffer(head + bytes.fromhex(octets))

    address, netmask = sockaddr("c0000201"), sockaddr("ffffff00")
    at = (ctypes.addressof(address), ctypes.addressof(netmask))
    down = interfaces._IfAddrs(None, b"a", 0, *at)
    up = interfaces._IfAddrs(ctypes.pointer(down), b"b", 1, *at)
    assert list(interfaces._walk(ctypes.pointer(up))) == [ip_network("192.0.2.0/24")]
    assert list(interfaces._walk(ctypes.pointer(down))) == []


@pytest.mark.parametrize(
    ("address", "netmask", "network"),
    [
        ((2, "c0000201"), "ffffff00", "192.0.2.0/24"),
        ((2, "c0000201"), "00000000", None),
        ((10, "20010db8" + "00" * 11 + "05"), "ffffffff" + "00" * 12, "2001:db8::/32"),
        ((17, "00" * 16), "00" * 16, None),
    ],
    ids=["IPv4", "no mask", "IPv6", "another family"],
)
@pytest.mark.skipif(interfaces._HAS_LENGTH, reason="layout of Linux")
def test_socket_addresses_are_read(address: tuple[int, str], netmask: str, network: str) -> None:
    family, octets = address
    gap = {2: 2, 10: 6}.get(family, 2)
    head = family.to_bytes(2, sys.byteorder) + bytes(gap)
    one = ctypes.create_string_buffer(head + bytes.fromhex(octets))
    other = ctypes.create_string_buffer(head + bytes.fromhex(netmask))
    found = interfaces._network(ctypes.addressof(one), ctypes.addressof(other))
    assert found == (None if network is None else ip_network(network))
