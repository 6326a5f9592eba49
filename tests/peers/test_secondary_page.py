"""docs/secondary.md works as it stands: its files are written, its commands run, in one shell.

Only the ports are changed, to ones that are free.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import peer_servers
import pytest

pytestmark = [pytest.mark.peer, pytest.mark.loopback]

PAGE = (Path(__file__).parents[2] / "docs" / "secondary.md").read_text(encoding="utf-8")
# A path alone on a line belongs to the block behind it, which is that file.
BLOCKS = re.findall(r"(?:^`([^`\n]+)`\n\n)?^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
TIMEOUT_S = 120


def test_every_kind_of_block_is_there() -> None:
    kinds = [kind for _, kind, _ in BLOCKS]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "sh": 8,
        "text": 4,
        "zone": 1,
        "toml": 3,
        "conf": 1,
    }


def script() -> tuple[str, list[str]]:
    """One shell script of all blocks, and what each command block must print."""
    lines = ["set -eu", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"]
    expected: list[str] = []
    for file, kind, text in BLOCKS:
        if file:
            lines.append(f"cat > {file} <<'END OF FILE'\n{text}END OF FILE")
        elif kind == "sh":
            lines.append(f"{{\n{text}}} > out.{len(expected)}")
            expected.append("")
        else:
            expected[-1] = text
    return "\n".join(lines), expected


def test_page_works(tmp_path: Path) -> None:
    for needed in ("named", "tsig-keygen", "dig", "bash"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed")
    text, expected = script()
    for port in sorted(set(re.findall(r"\b53\d\d\b", text))):
        free = str(peer_servers.free_port())
        text = text.replace(port, free)
        expected = [block.replace(port, free) for block in expected]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", text],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    logs = "".join(f"\n{log.name}:\n{log.read_text()}" for log in tmp_path.glob("*.log"))
    assert ran.returncode == 0, ran.stderr + logs
    for number, wanted in enumerate(expected):
        printed = (tmp_path / f"out.{number}").read_text()
        if wanted:
            assert printed == wanted, logs
    assert "Traceback" not in logs
