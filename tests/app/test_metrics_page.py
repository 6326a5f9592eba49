"""docs/metrics.md is in step with the table of metrics."""

from pathlib import Path

import pytest

from resolver.app.monitor.families import FAMILIES, PREFIX
from resolver.app.monitor.page import PAGE, main, render_page

ROOT = Path(__file__).parents[2]


def test_page_is_current() -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    assert page == render_page(page), "run `python -m resolver.app.monitor.page`"


def test_every_metric_stands_on_it(tmp_path: Path) -> None:
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(page, encoding="utf-8")
    assert main(tmp_path) == 0
    written = (tmp_path / PAGE).read_text(encoding="utf-8")
    for family in FAMILIES.values():
        assert f"`{PREFIX}{family.name}" in written
        assert family.help in written


def test_page_without_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="marks"):
        render_page("# Metrics\n")
