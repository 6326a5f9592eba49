"""SipHash-2-4 against the vectors of its authors' reference implementation: the key is 00 01 .. 0f,
the message of length n is 00 01 .. n-1."""

import pytest

from resolver.wire.siphash import siphash24


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (0, "310e0edd47db6f72"),
        (1, "fd67dc93c539f874"),
        (7, "37d1018bf50002ab"),
        (8, "6224939a79f5f593"),
        (9, "b0e4a90bdf82009e"),
        (15, "e545be4961ca29a1"),
        (63, "724506eb4c328a95"),
    ],
)
def test_vector(octets: int, expected: str) -> None:
    assert siphash24(bytes(range(16)), bytes(range(octets))).hex() == expected
