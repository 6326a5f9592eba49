"""300 generated zones with seeded mistakes, resolved by us, by Unbound and by BIND through one fake
hierarchy: the same rcode and answer set, or a row of mistake_differences.py that tells why not."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import generated_tree
import mistake_differences
import pytest
from namespace import enter, need_namespace

PEERS = ("unbound", "named")
HERE = Path(__file__).parent
ZONES = 300
# In more zones than these somebody would be mostly wrong, and the comparison worth little.
MIN_SHARE_EQUAL = 0.75

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(600)]


def shape(said: list[Any]) -> str:
    """A reply in a word."""
    rcode, records, _ = said
    if rcode == "NOERROR":
        return "DATA" if records else "NODATA"
    return str(rcode)


def side_by_side(folder: Path, *words: str) -> dict[str, list[dict[str, Any]]]:
    """What everybody answers; see side_by_side.py."""
    need_namespace()
    for peer in PEERS:
        if shutil.which(peer) is None:
            pytest.skip(f"{peer} is not installed")
    command = enter(HERE / "side_by_side.py", words[0], str(folder), *words[1:])
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    answers: dict[str, list[dict[str, Any]]]
    answers = json.loads((folder / "answers.json").read_text())["answers"]
    return answers


def test_ours_unbound_and_bind_agree_or_it_is_told_why(tmp_path: Path) -> None:
    answers = side_by_side(tmp_path, "zones", str(ZONES))
    unexplained = []
    equal = asked = 0
    for title, questions in answers.items():
        mistakes = title.split()[1:]
        for entry in questions:
            mine = entry["rootward"]
            assert mine[0] != "SILENCE", f"{title}: no answer to {entry['question']}"
            for peer in PEERS:
                theirs = entry[peer]
                asked += 1
                if mine[:2] == theirs[:2]:
                    equal += 1
                    continue
                shapes = shape(mine), shape(theirs)
                if mistake_differences.reason(tuple(mistakes), peer, *shapes) is None:
                    unexplained.append(f"{title} {entry['question']}: {mine} {peer} {theirs}")
    assert not unexplained, "\n".join(unexplained)
    assert len(answers) == ZONES
    assert equal > asked * MIN_SHARE_EQUAL


def test_the_same_seed_makes_the_same_zones() -> None:
    one, other = (generated_tree.build(40, seed=3) for _ in range(2))
    assert one[1] == other[1]
    assert [str(a) for a in one[0].held] == [str(a) for a in other[0].held]


def test_every_mistake_is_made_alone_once() -> None:
    plan = generated_tree.plan(ZONES, 1)
    assert {(name,) for name in generated_tree.CATALOGUE} <= set(plan)
    assert len(generated_tree.CATALOGUE) >= 30
    assert len(plan) == ZONES


def test_rows_are_about_mistakes_that_exist() -> None:
    named = {row.mistake for row in mistake_differences.ROWS} - {"*"}
    assert named <= set(generated_tree.CATALOGUE)
