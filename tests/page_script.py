"""Pages whose commands are run: their files are written and their commands run, in one shell.

A page is a sequence of fenced blocks. One behind a path alone on a line is that file; `sh` is run;
a `text` block behind it is what it prints: there `…` stands for anything, alone on a line for any
lines, and measured quantities may differ. Indented blocks are only read. Ports are changed to ones
that are free.

Knows: the shape of a page. Does not know: what any page is about.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 560
_BLOCK = re.compile(r"(?:^`([^`\n]+)`\n\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MEASURED = re.compile(
    r"\d{4}-\d\d-\d\dT[0-9:.]+Z|\d+:\d\d:\d\d|\d+(\.\d+)? (µs|ms|s\b|KiB|MiB)|\d+(\.\d+)?(%|ms\b)"
)
# For tests that run a page: longer than what its commands may take.
SLOW = pytest.mark.timeout(TIMEOUT_S + 40)
# However a test ends, nothing that the page has started stays.
_FRAME = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"


class PageScript:
    """The blocks of a page, as a script and what it must print.

    `ports`: matches the ports of the page. `needs`: commands without which the test is skipped.
    """

    def __init__(self, page: str, *, ports: str, needs: tuple[str, ...] = ()) -> None:
        self.text = (ROOT / page).read_text(encoding="utf-8")
        self.blocks = _BLOCK.findall(self.text)
        self._ports = ports
        self._needs = ("bash", *needs)

    def kinds(self) -> dict[str, int]:
        """How many blocks of each kind there are."""
        return dict(Counter(kind for _, kind, _ in self.blocks))

    def run(
        self,
        folder: Path,
        *,
        before: str = "",
        files: Mapping[str, str] | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        """Do in `folder` what the page says, and compare what is printed.

        `files` are there, and `before` has been run, when the page begins. `also` is written behind
        files of the page, where the test's network is another than the reader's.
        """
        for needed in self._needs:
            if shutil.which(needed) is None:
                pytest.skip(f"{needed} is not installed")
        script, expected = self._script(also or {})
        written = "\n".join(_write(file, text) for file, text in (files or {}).items())
        script = "\n".join((_FRAME, written, before, script))
        ports = self._free_ports()
        ran = _run(re.sub(self._ports, lambda found: ports[found[0]], script), folder)
        logs = "".join(f"\n{log.name}:\n{log.read_text()}" for log in folder.glob("*.log"))
        assert ran.returncode == 0, ran.stderr + logs
        assert "Traceback" not in logs, logs
        for number, wanted in enumerate(expected):
            wanted = re.sub(self._ports, lambda found: ports[found[0]], wanted)
            printed = (folder / f"out.{number}").read_text()
            assert not wanted or same(printed, wanted), f"{printed}\nis not\n\n{wanted}{logs}"

    def _free_ports(self) -> dict[str, str]:
        """A port that is free for each of the page's."""
        wanted = set(re.findall(self._ports, self.text))
        free: set[str] = set()
        while len(free) < len(wanted):
            free.add(str(free_port()))
        return dict(zip(wanted, free, strict=True))

    def _script(self, also: Mapping[str, str]) -> tuple[str, list[str]]:
        lines: list[str] = []
        expected: list[str] = []
        for file, kind, text in self.blocks:
            if file:
                lines.append(_write(file, text + also.get(file, "")))
            elif kind == "sh":
                lines.append(f"{{\n{text}}} > out.{len(expected)}")
                expected.append("")
            elif kind == "text":
                expected[-1] = text
        return "\n".join(lines), expected


def _write(file: str, text: str) -> str:
    return f"mkdir -p $(dirname {file})\ncat > {file} <<'END OF FILE'\n{text}END OF FILE"


def _run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def same(printed: str, shown: str) -> bool:
    """Whether that was printed which a page shows."""
    pattern = ""
    for line in _unmeasured(shown).splitlines():
        pattern += "(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*?") + "\n"
    return re.fullmatch(pattern, _unmeasured(printed)) is not None


def _unmeasured(text: str) -> str:
    """Text without what differs from run to run, and without the spaces that make up for it."""
    return re.sub(r" +", " ", _MEASURED.sub("#", text)).replace(" \n", "\n")


def free_port() -> int:
    """A port that is free at this moment, for UDP and TCP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return int(tcp.getsockname()[1])
