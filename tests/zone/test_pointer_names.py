"""Names of addresses, and very many pointers in parts."""

import dns.reversename
import pytest

from resolver import names
from resolver.zone.pointers import MAX_MOVES, Moves, Pointer, is_reverse, owner_of, parts


@pytest.mark.parametrize("address", ["0.0.0.0", "192.0.2.255", "::", "2001:db8::fe:1"])
def test_name_of_an_address(address: str) -> None:
    name = dns.reversename.from_address(address).to_text()
    packed = bytes.fromhex(
        "".join(reversed(name.removesuffix(".ip6.arpa.").split(".")))
        if ":" in address
        else "".join(f"{int(part):02x}" for part in address.split("."))
    )
    owner = owner_of(packed)
    assert names.show(owner) == name
    assert is_reverse(owner)


def test_only_the_two_trees_are_reverse() -> None:
    assert not is_reverse(names.read("example.test."))
    assert not is_reverse(names.read("notin-addr.arpa."))


def test_very_many_come_in_parts_and_those_that_go_first() -> None:
    gone: dict[Pointer, int] = {(b"%d" % n, b""): 0 for n in range(MAX_MOVES + 1)}
    came: dict[Pointer, int] = {(b"%d" % n, b"x"): n for n in range(MAX_MOVES)}
    found = list(parts(Moves(dict(gone), dict(came))))
    assert [(len(part.gone), len(part.came)) for part in found] == [
        (MAX_MOVES, 0),
        (1, 0),
        (0, MAX_MOVES),
    ]
    assert {pointer for part in found for pointer in part.gone} == gone.keys()
    assert found[2].came == came


def test_few_are_one_part() -> None:
    few = Moves({(b"a", b""): 1}, {(b"b", b""): 1})
    assert list(parts(few)) == [few]
    assert list(parts(Moves())) == []
