"""Every python example of docs/testing.md runs as it stands."""

import re
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_guide_has_examples():
    assert len(EXAMPLES) >= 7
    assert all("assert" in example for example in EXAMPLES)


@pytest.mark.loopback
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number: int):
    exec(compile(EXAMPLES[number], f"docs/testing.md example {number + 1}", "exec"), {})
