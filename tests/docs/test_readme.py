"""README.md: its commands work, its configurations are accepted, its example runs."""

import re
import shutil
from pathlib import Path

import pytest
from page_script import ROOT, SLOW, PageScript

from resolver.app.cli import _parser, main

PAGE = PageScript("README.md", ports=r"\b1053\b", needs=("dig",))
CONFIGURATIONS = [text for _, kind, text in PAGE.blocks if kind == "toml"]
EXAMPLES = [text for _, kind, text in PAGE.blocks if kind == "python"]
COMMANDS = re.findall(r"^    rootward (\S+(?: \S+)*)  ", PAGE.text, re.MULTILINE)
MAKES = re.findall(r"^    make (\w+)$", PAGE.text, re.MULTILINE)
START = "rootward run 2> server.log &\nuntil grep -q ^ready: server.log; do sleep 0.1; done"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the example zones are."""
    shutil.copytree(ROOT / "zones", tmp_path / "zones")
    return tmp_path


def test_every_kind_of_block_is_there() -> None:
    assert PAGE.kinds() == {"sh": 1, "text": 1, "toml": 3, "python": 1}
    assert len(COMMANDS) >= 10
    assert MAKES == ["run", "demo", "test"]


@pytest.mark.loopback
@SLOW
def test_what_make_run_serves_is_what_dig_finds(folder: Path) -> None:
    config = (ROOT / "config.toml").read_text()
    assert "rootward run" in re.search(r"^run:.*\n\t(.*)", (ROOT / "Makefile").read_text(), re.M)[1]
    # Not every machine has ::1.
    PAGE.run(folder, before=START, files={"config.toml": config.replace(', "[::1]:1053"', "")})


@pytest.mark.parametrize("number", range(len(CONFIGURATIONS)))
def test_configuration_is_accepted(
    number: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text(CONFIGURATIONS[number])
    assert main(["check", "--config", str(folder / "config.toml")]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_runs(number: int) -> None:
    names: dict[str, object] = {}
    exec(compile(EXAMPLES[number], f"README.md example {number + 1}", "exec"), names)
    tests = [found for name, found in names.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()  # type: ignore[operator]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_understood(command: str) -> None:
    _, rest = _parser(with_verbs=True).parse_known_args(command.split())
    assert not [word for word in rest if word.startswith("-")]


def test_every_make_target_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make (\w+)", PAGE.text)) <= {*targets, "makes"}
