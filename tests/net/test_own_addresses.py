"""Which addresses lead back to ourselves."""

import pytest

from resolver.model import Address
from resolver.net.own_addresses import OwnAddresses

pytestmark = pytest.mark.loopback


def test_address_that_is_listened_on_is_own_and_others_are_not() -> None:
    own = OwnAddresses([Address("127.0.0.1", 53), Address("::1", 1053)])
    assert own.includes(Address("127.0.0.1", 53))
    assert own.includes(Address("0:0:0:0:0:0:0:1", 1053))
    assert not own.includes(Address("127.0.0.1", 1053))
    assert not own.includes(Address("127.0.0.2", 53))


def test_unspecified_address_stands_for_all_of_this_machine() -> None:
    own = OwnAddresses([Address("0.0.0.0", 53)])
    assert own.includes(Address("127.0.0.3", 53))
    assert not own.includes(Address("192.0.2.1", 53))
    assert not own.includes(Address("127.0.0.3", 54))
    assert not own.includes(Address("::1", 53))
