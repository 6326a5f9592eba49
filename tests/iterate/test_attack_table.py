"""Every attack of resolver.testing.attacks on our engine, on a virtual clock: packets and time.

Each packet is counted, the walk from the root and retries included. The bounds are those of BIND,
Unbound and others for the same zones, or below; `python -m tests.bench.attacks` measures them.
"""

import pytest

from resolver.testing import World
from resolver.testing.attacks import ATTACKS, Attack
from resolver.testing.watch import Result


def play(attack: Attack) -> tuple[int, list[Result]]:
    """Packets that the servers of the tree got, and what the clients were told."""
    net = attack.tree()
    world = World(net, priming=False)
    if attack.at_once:
        results = [answer for answer, _ in world.ask_all(attack.questions)]
    else:
        results = [world.ask(attack.questions[0])[0]]
        if attack.change is not None:
            attack.change(net)
        world.clock.advance(attack.wait_s)
        results += [world.ask(question)[0] for question in attack.questions[1:]]
    return net.count(), results


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_costs_no_more_than_it_may(attack: Attack) -> None:
    packets, results = play(attack)
    assert 2 <= packets <= attack.most
    assert max(result.took_s for result in results) <= attack.most_s
    assert attack.status in ("", results[-1].status)
