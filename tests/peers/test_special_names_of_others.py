"""Special names (RFC 6303, 6761, 6762, 7686, 7793, 8375, 8880, 9462, 9476) beside Unbound and BIND:
the same rcode, or a row of special_differences.py that tells why not."""

from pathlib import Path

import pytest
import special_differences
from special_questions import QUESTIONS
from test_generated_zones import PEERS, side_by_side

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]


def test_the_same_rcode_or_it_is_told_why(tmp_path: Path) -> None:
    answers = side_by_side(tmp_path, "special")
    differing = set()
    for questions in answers.values():
        for entry in questions:
            name, rrtype = entry["question"].split()
            for peer in PEERS:
                if entry[peer][0] != entry["rootward"][0]:
                    differing.add((name.rstrip("."), rrtype, peer, entry[peer][0]))
    assert differing == set(special_differences.RCODES)
    assert set(answers) == set(QUESTIONS)
