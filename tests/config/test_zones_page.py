"""The examples of docs/zones.md are configurations that a server accepts, and obeys."""

import re
from pathlib import Path

import pytest

from resolver.config.load import load, unbuilt

PAGE = (Path(__file__).parents[2] / "docs/zones.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_is_accepted(tmp_path: Path, number: int) -> None:
    path = tmp_path / "config.toml"
    path.write_text(EXAMPLES[number], encoding="utf-8")
    told = unbuilt(load(path))
    assert not [sentence for sentence in told if "[[" in sentence]


def test_every_table_of_zones_has_an_example() -> None:
    text = "".join(EXAMPLES)
    for table in ("[[zone]]", "[[zone_directory]]", "[[catalog]]", "[[key]]"):
        assert table in text
    for role in ("secondary", "catalog"):
        assert f'role = "{role}"' in text
