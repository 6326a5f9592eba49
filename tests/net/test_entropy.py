"""Ids, ports and case: their range, and that nothing is drawn twice from one block."""

import itertools

from resolver.net.entropy import BLOCK_OCTETS, Entropy


def test_ports_leave_out_the_low_and_the_reserved_ones():
    reserved = frozenset(range(1024, 65000))
    drawn = {Entropy(reserved).port() for _ in range(10)} | {
        port for entropy in [Entropy(reserved)] for port in (entropy.port() for _ in range(3000))
    }
    assert min(drawn) >= 65000
    assert len(drawn) > 400


def test_ids_cover_sixteen_bits():
    entropy = Entropy()
    drawn = [entropy.number() for _ in range(20_000)]
    assert max(drawn) <= 0xFFFF
    # 20,000 uniform draws of 65,536 give 17,246 distinct ones; 16,900 is five deviations below.
    assert len(set(drawn)) > 16_900


def test_only_letters_change_their_case():
    entropy = Entropy()
    name = b"\x05a-Z09\x04\x40\x5b\x60\x7b\x3f" + b"x" * 63 + b"\x00"
    seen = {entropy.mix_case(name) for _ in range(200)}
    assert len(seen) == 200
    for drawn in seen:
        assert drawn.lower() == name.lower()
        assert drawn[6:11] == name[6:11]


def test_octets_that_are_no_ascii_stay_as_they_are():
    entropy = Entropy()
    name = b"\x07\xe9aZ\xc1\xdf\x80\xff\x01b\x00"
    drawn = {entropy.mix_case(name) for _ in range(200)}
    letters = ((b"a", b"A"), (b"z", b"Z"), (b"b", b"B"))
    assert drawn == {
        b"\x07\xe9" + a + z + b"\xc1\xdf\x80\xff\x01" + b + b"\x00"
        for a, z, b in itertools.product(*letters)
    }


def test_case_of_every_letter_goes_both_ways():
    entropy = Entropy()
    drawn = [entropy.mix_case(b"\x03wWw\x00") for _ in range(200)]
    for position in (1, 2, 3):
        assert {name[position] for name in drawn} == {0x57, 0x77}


def test_blocks_are_renewed():
    entropy = Entropy()
    name = b"\x3f" + b"a" * 63 + b"\x00"
    drawn = [entropy.mix_case(name) for _ in range(BLOCK_OCTETS // len(name) * 3)]
    assert len(set(drawn)) == len(drawn)


def test_names_together_are_drawn_like_each_alone():
    entropy = Entropy()
    names = [b"\x03wWw\x00", b"\x00", b"\x20" + b"a" * 32 + b"\x00", b"\x02b1\x00"]
    seen = [entropy.mix_cases(names) for _ in range(200)]
    for drawn in seen:
        assert [name.lower() for name in drawn] == [name.lower() for name in names]
    assert len({drawn[2] for drawn in seen}) == 200
    assert {drawn[3] for drawn in seen} == {b"\x02b1\x00", b"\x02B1\x00"}
    assert entropy.mix_cases([]) == []


def test_names_together_may_be_longer_than_a_block_or_no_ascii():
    entropy = Entropy()
    long = [b"\x3f" + b"a" * 63 + b"\x00"] * (BLOCK_OCTETS // 65 + 1)
    drawn = entropy.mix_cases(long)
    assert [name.lower() for name in drawn] == long
    assert len(set(drawn)) == len(drawn)
    mixed = {tuple(entropy.mix_cases([b"\x02\xe1b\x00", b"\x01a\x00"])) for _ in range(200)}
    assert mixed == set(
        itertools.product((b"\x02\xe1b\x00", b"\x02\xe1B\x00"), (b"\x01a\x00", b"\x01A\x00"))
    )
