"""`rootward man`: the pages tell every command, key and exit code, and are well-formed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from resolver.app import exits
from resolver.app.cli import main
from resolver.app.control.table import VERBS
from resolver.app.exits import FAILED, OK
from resolver.config.reasons import section_of
from resolver.config.schema import Config

REQUESTS = {".TH", ".SH", ".SS", ".TP", ".B", ".I", ".BR", ".PP"}


@pytest.fixture
def pages(tmp_path: Path) -> tuple[Path, Path]:
    for _ in range(2):  # an upgrade writes them again
        assert main(["man", str(tmp_path)]) == OK
    return tmp_path / "man1/rootward.1", tmp_path / "man5/rootward.toml.5"


def test_every_command_is_told(pages: tuple[Path, Path]) -> None:
    text = pages[0].read_text()
    ours = ("run", "check", "zone check", "query", "doctor", "top", "init", "units", "man")
    for words in (*ours, *(f"ctl {verb.name}" for verb in VERBS)):
        assert f".SS rootward {words}\n" in text
    assert ".B \\-\\-take\\-over\n" in text


def test_every_exit_code_is_told(pages: tuple[Path, Path]) -> None:
    for code in exits.MEANINGS:
        assert f".TP\n.B {code}\n" in pages[0].read_text()


def test_every_key_is_told(pages: tuple[Path, Path]) -> None:
    text = pages[1].read_text()
    for name, field in Config.model_fields.items():
        heading = f"[[{name}]]" if field.default == () else f"[{name}]"
        assert f".SH {heading}\n" in text
        section = section_of(field.annotation)
        assert section is not None
        part = text.partition(f".SH {heading}\n")[2].partition("\n.SH ")[0]
        assert re.findall(r"^\.TP\n\.B (\S+)$", part, re.M) == list(section.model_fields)


def test_text_is_not_taken_for_requests(pages: tuple[Path, Path]) -> None:
    for page in pages:
        found = {x.split()[0] for x in page.read_text().splitlines() if x.startswith((".", "'"))}
        assert found <= REQUESTS
        assert page.read_text().startswith(".TH ROOTWARD")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_formatter_has_nothing_against_them(pages: tuple[Path, Path]) -> None:
    for page in pages:
        shown = subprocess.run(
            ["groff", "-man", "-ww", "-Tutf8", str(page)], capture_output=True, text=True
        )
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "SEE ALSO" in re.sub(r"\x1b\[\d+m|.\x08", "", shown.stdout)


def test_folder_that_cannot_be_written_to_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "man1").write_text("a file")
    assert main(["man", str(tmp_path)]) == FAILED
    assert "man1" in capsys.readouterr().out
