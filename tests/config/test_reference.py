"""The generated pages are current, and say of every key what it is."""

import json
from pathlib import Path

import pytest

from resolver.config.reasons import section_of
from resolver.config.reference import PAGE, SCHEMA, main, render_page, render_schema
from resolver.config.schema import Config

ROOT = Path(__file__).parents[2]
STALE = "run `python -m resolver.config.reference`"


def test_page_is_current() -> None:
    assert (ROOT / PAGE).read_text() == render_page(), STALE


def test_schema_is_current() -> None:
    assert json.loads((ROOT / SCHEMA).read_text()) == json.loads(render_schema()), STALE


def test_both_are_written(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    assert main(tmp_path) == 0
    assert (tmp_path / PAGE).read_text() == render_page()
    assert (tmp_path / SCHEMA).read_text() == render_schema()


@pytest.mark.parametrize("name", Config.model_fields)
def test_every_key_has_help_and_stands_on_the_page(name: str) -> None:
    section = section_of(Config.model_fields[name].annotation)
    assert section is not None
    assert section.__doc__
    for key, field in section.model_fields.items():
        assert field.description, f"{name}.{key}"
        assert f"| `{key}` |" in render_page()
        assert field.description.replace("|", "\\|") in render_page()


def test_defaults_stand_as_they_are_written_in_a_file() -> None:
    page = render_page()
    assert '| `tcp_idle_timeout` | duration | `"10s"` |' in page
    assert '| `size` | size | `"64MiB"` |' in page
    assert "| `prefetch` | true or false | `true` |" in page
    assert "*Not built yet: nothing is validated.*" in page
