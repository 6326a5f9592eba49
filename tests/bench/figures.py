"""What was measured, when, on what: kept as JSON, from which docs/performance.md is written.

Each section (table, parts, growth, ...) is measured apart and replaces what was kept of it, so that
a page can be refreshed piece by piece. Knows: the file. Does not know: what the figures mean.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.peers import ROOT

KEPT = ROOT / "docs" / "performance" / "figures.json"


def machine() -> str:
    """In a line: processor, how many, memory, kernel, Python."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"{cpu}, {os.cpu_count()} processors, {gib:.0f} GiB, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )


def commit() -> str:
    """What was measured, as short as git says it; empty where there is no repository."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
    return told.strip()


def read(path: Path) -> dict[str, Any]:
    """All sections by name; none where there is no file yet."""
    return json.loads(path.read_text()) if path.exists() else {}


def keep(path: Path, section: str, figures: Any, how: str) -> None:
    """Put a section in the place of the former one. `how` is the command that measured it."""
    kept = read(path)
    kept[section] = {
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "how": how,
        "load": round(os.getloadavg()[1], 1),
        "machine": machine(),
        "figures": _rounded(figures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


def _rounded(value: Any) -> Any:
    """Six significant digits are more than anybody measures."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value
