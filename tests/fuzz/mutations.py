"""Ways to damage a message: what noise does, and what an attacker would do."""

import random
import struct


def flip_bits(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    for _ in range(rng.randrange(1, 9)):
        packet[rng.randrange(len(packet))] ^= 1 << rng.randrange(8)


def set_octets(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    for _ in range(rng.randrange(1, 5)):
        packet[rng.randrange(len(packet))] = rng.choice((0, 1, 0x3F, 0x40, 0x7F, 0xC0, 0xFF))


def splice(rng: random.Random, packet: bytearray, other: bytes) -> None:
    at, start = rng.randrange(len(packet)), rng.randrange(len(other))
    packet[at : at + rng.randrange(40)] = other[start : start + rng.randrange(40)]


def cut(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    del packet[rng.randrange(len(packet)) :]


def lie_about_counts(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    if len(packet) >= 12:
        count = rng.choice((0, 1, 2, 255, 65535, rng.randrange(40)))
        struct.pack_into("!H", packet, rng.choice((4, 6, 8, 10)), count)


def lie_about_lengths(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    # Any two octets may be a length; those of a small number most likely are.
    places = [at for at in range(12, len(packet) - 1) if packet[at] == 0 < packet[at + 1]]
    if places:
        struct.pack_into("!H", packet, rng.choice(places), rng.choice((0, 1, 3, 17, 300, 65535)))


def plant_pointer(rng: random.Random, packet: bytearray, _other: bytes) -> None:
    if len(packet) >= 14:
        target = rng.choice((0, 12, rng.randrange(len(packet)), rng.randrange(0x4000)))
        struct.pack_into("!H", packet, rng.randrange(12, len(packet) - 1), 0xC000 | target)


MUTATIONS = (
    flip_bits,
    set_octets,
    splice,
    cut,
    lie_about_counts,
    lie_about_lengths,
    plant_pointer,
)


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    packet = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if packet:
            rng.choice(MUTATIONS)(rng, packet, rng.choice(seeds))
    return bytes(packet)
