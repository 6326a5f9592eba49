"""Keys whose work is not built yet say so, once and only when asked for."""

from pathlib import Path

import pytest

from resolver.config.load import load, unbuilt
from resolver.config.reasons import section_of
from resolver.config.schema import Config
from resolver.config.unbuilt import NOT_BUILT

ROOT = Path(__file__).parents[2]


def test_defaults_promise_nothing_that_is_not_built() -> None:
    assert unbuilt(Config()) == []


def test_shipped_file_is_as_quiet_as_no_file() -> None:
    assert len(unbuilt(load(ROOT / "config.toml"))) <= 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[server]\nworkers = 4",
            "server.workers is not built yet: one process serves",
        ),
        (
            '[dnssec]\nvalidation = "on"',
            "dnssec.validation is not built yet: nothing is validated",
        ),
    ],
)
def test_key_that_is_set_to_something_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    told = unbuilt(load(file))
    assert [line for line in told if not line.startswith("Not built yet")] == [sentence]


@pytest.mark.parametrize(
    "text",
    [
        "[server]\nworkers = 1\nuser = ''",
        '[dnssec]\nvalidation = "off"\ntrust_anchors = []',
        '[access]\ntransfer = ["none"]',
        '[control]\nsocket = ""\n[metrics]\nlisten = ""',
    ],
)
def test_key_that_is_switched_off_is_not_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert len(unbuilt(load(file))) <= 1


def test_table_names_only_keys_that_exist() -> None:
    for path in NOT_BUILT:
        section, _, key = path.partition(".")
        fields = section_of(Config.model_fields[section].annotation)
        assert fields is not None
        assert not key or key in fields.model_fields
