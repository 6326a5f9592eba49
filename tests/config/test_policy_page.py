"""The examples of docs/policy.md are configurations that a server starts with."""

import re
from pathlib import Path

import pytest

from resolver.app.build import make_recursion
from resolver.app.material import read_material
from resolver.config.load import load, unbuilt
from resolver.net.clock import SystemClock

PAGE = (Path(__file__).parents[2] / "docs/policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^(?:<!-- files: (.*?) -->\n)?```toml\n(.*?)^```", PAGE, re.S | re.M)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```toml") >= 7


@pytest.mark.parametrize(("files", "text"), EXAMPLES)
def test_example(files: str, text: str, tmp_path: Path) -> None:
    for name in files.split():
        (tmp_path / name).write_text("192.0.2.1 nas.example\n")
    path = tmp_path / "config.toml"
    path.write_text(text)
    config = load(path)
    assert [line for line in unbuilt(config) if not line.startswith("Not built yet")] == []
    material = read_material(config)
    assert material.warnings == []
    make_recursion(config, material, SystemClock())
