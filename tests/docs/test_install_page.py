"""docs/install.md: what can be tried is run; what root does is understood, and done elsewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from page_script import PageScript

from resolver.app.cli import _parser

PAGE = PageScript("docs/install.md", ports=r"\b53[49]\d\b", needs=("dig",))
LINES = [
    line[2:]
    for _, kind, text in PAGE.blocks
    if kind == "console"
    for line in text.splitlines()
    if line.startswith(("# ", "$ "))
]
OURS = [line for line in LINES if re.match(r"(/opt/\S+/)?rootward ", line)]
# What writes files, and needs no root if they are written elsewhere.
WRITING = [line for line in OURS if line.split()[1] in ("init", "units", "man", "completion")]


@pytest.mark.loopback
def test_what_can_be_tried_works(tmp_path: Path) -> None:
    PAGE.run(tmp_path)


@pytest.mark.parametrize("command", OURS)
def test_command_is_understood(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[1:]
    _, rest = _parser(with_verbs=True).parse_known_args(words)
    assert not rest


def test_commands_of_root_write_what_they_should(tmp_path: Path) -> None:
    """With a folder in the place of the root of the file system."""
    assert len(WRITING) == 4
    (tmp_path / "etc/bash_completion.d").mkdir(parents=True)
    for line in WRITING:
        words, _, target = line.partition(" > ")
        given = re.sub(r" (/\S+)", rf" {tmp_path}\1", words.partition(" ")[2])
        if "init" in words:
            given += f" --directory {tmp_path}/etc/rootward"
        if "units" in words:
            given += f" --config {tmp_path}/etc/rootward/config.toml"
        ran = subprocess.run(
            [sys.executable, "-m", "resolver", *shlex.split(given)],
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        if target:
            (tmp_path / target.strip("/")).write_text(ran.stdout)
    for path in (
        "etc/rootward/config.toml",
        "etc/systemd/system/rootward.service",
        "etc/systemd/system/rootward.socket",
        "usr/local/share/man/man1/rootward.1",
        "usr/local/share/man/man5/rootward.toml.5",
    ):
        assert (tmp_path / path).stat().st_size > 0
    completion = (tmp_path / "etc/bash_completion.d/rootward").read_text()
    assert "complete" in completion
    assert "units" in completion
