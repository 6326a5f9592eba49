"""docs/resilience.md says what the code does: constants, settings and tests are there as named."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from resolver.config.schema import Config

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "resilience.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "`" in line.split("|")[2]
]
DAY_S = 86_400
MIB_OCTETS = 1 << 20


def value_of(path: str) -> Any:
    """What a setting `section.key` or a constant `module.NAME` stands for."""
    module, _, name = path.rpartition(".")
    if module in Config.model_fields:
        return getattr(getattr(Config(), module), name)
    owner, _, inner = module.rpartition(".")
    if inner[:1].isupper():
        return getattr(getattr(importlib.import_module(f"resolver.{owner}"), inner)(), name)
    return getattr(importlib.import_module(f"resolver.{module}"), name)


def first_number(text: str) -> float | None:
    """The value a cell begins with, in seconds, octets or a share."""
    found = re.match(r"([\d,.]+)(?: ?(s|MiB|day|%)(?!\w))?", text)
    if found is None:
        return None
    number = float(found[1].replace(",", ""))
    return number * {"MiB": MIB_OCTETS, "day": DAY_S, "%": 0.01}.get(found[2] or "", 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_value_is_that_of_the_code(row: list[str]) -> None:
    path = re.findall(r"`([^`]+)`", row[1])[0]
    actual = value_of(path)
    told = first_number(row[2])
    if told is not None:
        assert float(actual) == pytest.approx(told)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_test_is_there(row: list[str]) -> None:
    for name in re.findall(r"`([a-z_/0-9]+\.py)`", row[-1]):
        found = [ROOT / "tests" / name, ROOT / "tests" / "iterate" / name]
        assert any(path.exists() for path in found), name


def test_the_table_was_read() -> None:
    assert len(ROWS) > 35
