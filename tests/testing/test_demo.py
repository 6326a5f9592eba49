"""The demo, as a user starts it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.loopback, pytest.mark.slow]


@pytest.mark.parametrize(
    "path", [os.environ.get("PATH", ""), "/nonexistent"], ids=["dig", "no-dig"]
)
def test_the_demo_ends_well(path: str):
    done = subprocess.run(
        [sys.executable, "-m", "resolver.testing.demo"],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All five answers are as expected." in done.stdout


def test_a_wrong_answer_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    from resolver.testing import demo

    asked = demo.STEPS[0]
    wrong = demo.Step(asked.title, asked.words, asked.explanation, ("192.0.2.99",))
    monkeypatch.setattr(demo, "STEPS", (wrong,))
    monkeypatch.chdir(Path(__file__).parents[2])
    assert demo.main() == 1
    assert "Not as expected: A plain name" in capsys.readouterr().out
