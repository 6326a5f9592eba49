"""A large dictionary in many pieces, so that nobody waits while it grows.

A dictionary that is full is made anew in one piece, larger: with 700,000 keys that takes 40 ms, in
which no query is answered. One of 64 pieces takes half a millisecond, and they do not all grow in
the same moment.

The piece of a key is `shards[hash(key) >> SHARD_SHIFT]`, written out where it is needed because a
call costs as much as the look-up, and in two lines where it is needed often, since a compiled copy
shifts an i64 and not a number of any size. The uppermost bits of the hash choose it, since the
dictionary itself begins with the lowest ones, and count from -32 to 31: each is an index. (Where
hashes have 32 bits only two pieces are used.) Python draws a secret for the hashes of octets in
every process, so nobody can choose keys of one piece.

Knows: nothing of DNS.
"""

from typing import Final, TypeVar

V = TypeVar("V")

SHARDS: Final = 64
SHARD_SHIFT: Final = 58


def empty_shards() -> list[dict[bytes, V]]:
    """The pieces of a dictionary that has nothing in it."""
    return [{} for _ in range(SHARDS)]
