"""docs/acceptance.md names tests that exist."""

import re

import pytest
from page_script import ROOT

PAGE = (ROOT / "docs" / "acceptance.md").read_text()
NAMED = sorted(set(re.findall(r"`(\w+/test_\w+\.py)(?:::(test_\w+))?`", PAGE)))


def test_the_page_names_many() -> None:
    assert len(NAMED) >= 90


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_it_exists(file: str, test: str) -> None:
    text = (ROOT / "tests" / file).read_text()
    assert f"def {test}(" in text if test else "def test_" in text


def test_every_command_exists() -> None:
    for module in re.findall(r"`python -m (tests\.[\w.]+)`", PAGE):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module


def test_no_promise_is_made_twice() -> None:
    ids = re.findall(r"^\| ([A-Z]\d\d) \|", PAGE, re.MULTILINE)
    assert len(ids) == len(set(ids)) >= 50
