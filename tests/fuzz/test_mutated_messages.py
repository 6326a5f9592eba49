"""200,000 damaged messages: each is read or refused with WireError, and what is read is sound."""

import random

import pytest
from mutations import mutated
from wire_samples import folded, real_looking

from resolver.errors import WireError
from resolver.wire.build import build
from resolver.wire.parse import parse

MESSAGES = 200_000
SEED = 1035
# Writing what was read and reading it again costs more than reading, so it is done for one in four.
SAMPLE = 4


@pytest.mark.slow
def test_nothing_but_wire_errors() -> None:
    rng = random.Random(SEED)
    seeds = [build(message) for message in real_looking()]
    read = refused = 0
    for number in range(MESSAGES):
        packet = mutated(rng, seeds)
        try:
            message = parse(packet)
        except WireError as error:
            refused += 1
            if not (0 <= error.offset <= len(packet) and error.reason):
                pytest.fail(f"{packet.hex()}: {error}")
            continue
        except Exception as error:
            pytest.fail(f"{packet.hex()}: {error!r}")
        read += 1
        if number % SAMPLE == 0 and folded(parse(build(message))) != folded(message):
            pytest.fail(f"{packet.hex()}: read differently when written again")
    # Both ways must have been taken often, or the mutations are too weak or too strong.
    assert read > MESSAGES // 10
    assert refused > MESSAGES // 10
