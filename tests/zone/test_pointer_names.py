"""Names of addresses, and very many pointers in parts."""

import dns.reversename
import pytest
from stages import pauses

from resolver import names
from resolver.slices import finish
from resolver.zone.file import read_zone_text
from resolver.zone.pointers import (
    MAX_MOVES,
    Moves,
    Pointer,
    beside,
    ends,
    is_reverse,
    owner_of,
    parts,
    pointer_of,
)


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


def test_a_pointer_has_two_ends() -> None:
    longest = names.read(".".join(["x" * 49] * 5 + ["yyy"]))
    assert len(longest) == names.MAX_NAME_OCTETS
    for owner, target in ((longest, names.ROOT), (b"\1a\1b\0", longest), (b"\1a\0", b"\1b\0")):
        assert ends(pointer_of(owner, target)) == (owner, target)
    assert pointer_of(b"\1a\0", b"\1b\0") != pointer_of(b"\1a\1b\0", b"\0")


def test_very_many_come_in_parts_and_those_that_go_first() -> None:
    gone: dict[Pointer, int] = {pointer_of(b"%d" % n, b""): 0 for n in range(MAX_MOVES + 1)}
    came: dict[Pointer, int] = {pointer_of(b"%d" % n, b"x"): n for n in range(MAX_MOVES)}
    found = list(parts(Moves(dict(gone), dict(came))))
    assert [(len(part.gone), len(part.came)) for part in found] == [
        (MAX_MOVES, 0),
        (1, 0),
        (0, MAX_MOVES),
    ]
    assert {pointer for part in found for pointer in part.gone} == gone.keys()
    assert found[2].came == came


def test_few_are_one_part() -> None:
    few = Moves({pointer_of(b"a", b""): 1}, {pointer_of(b"b", b""): 1})
    assert list(parts(few)) == [few]
    assert list(parts(Moves())) == []


def test_thousands_beside_a_file_are_put_in_and_let_go_of_in_slices() -> None:
    head = "$TTL 60\n@ SOA ns.test. host.test. 1 2 3 4 5\n@ NS ns.test.\n"
    names_of = [(f"{i >> 8}.{i & 255}", f"h{i}.test.") for i in range(3_000)]
    origin = names.read("10.in-addr.arpa.")
    file = read_zone_text(head, origin).zone
    lines = "".join(f"{owner} PTR {target}\n" for owner, target in names_of)
    served = read_zone_text(head + lines, origin).zone
    assert file is not None
    assert served is not None
    ours = {pointer_of(names.read(owner, origin), names.read(target)) for owner, target in names_of}
    stages = pauses(beside(file, served, ours))
    assert stages["repoint"] >= 30
    assert stages["_drop"] >= 5
    zone, written = finish(beside(file, served, ours))
    assert (zone.records, written) == (served.records, set())
