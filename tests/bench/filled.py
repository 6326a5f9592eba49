"""Memory of a million cached A RRsets, ours beside Unbound's.

Every name is asked for once through the server, so all that a resolver keeps of an answer counts.
Then its upstream is stopped, and a sample is asked for again: what is answered was really cached.

Knows: what is asked. Does not know: the servers' set-up (peers.py).
"""

import signal
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from tests.bench.peers import RECURSIVE, Peer, ours
from tests.bench.processes import Process
from tests.bench.table import SERVER_CORE, Comparison
from tests.bench.workloads import TRANSPORTS, play

NAMES = 1_000_000
WARM_UP = 2_000
SAMPLE = 20_000
_MIB = 1 << 20


def _write(file: Path, numbers: range | list[int]) -> None:
    with file.open("w") as lines:
        lines.writelines(f"m{i}.u.example.com A\n" for i in numbers)


def _fill(comparison: Comparison, peer: Peer, upstream: Process, count: int) -> dict[str, Any]:
    options = [*TRANSPORTS["udp"], "-c", "8", "-q", "100", "-n", "1"]
    names = {what: comparison.folder / what for what in ("warm", "all", "sample")}
    _write(names["warm"], range(count, count + WARM_UP))
    _write(names["all"], range(count))
    _write(names["sample"], Random(7).sample(range(count), min(SAMPLE, count)))
    with comparison.server(peer) as process:
        process.pin(SERVER_CORE)
        play(process, names["warm"], options)
        before = process.resident_octets()
        filled = play(process, names["all"], options)
        after = process.resident_octets()
        upstream.child.send_signal(signal.SIGSTOP)
        try:
            again = play(process, names["sample"], [*options, "-t", "1"])
        finally:
            upstream.child.send_signal(signal.SIGCONT)
    return {
        "octets_each": (after - before) / count,
        "resident_mib": after / _MIB,
        "us": filled.us,
        "right": filled.right,
        "still_there": again.right,
    }


def measure(*, compiled: bool, count: int = NAMES) -> dict[str, dict[str, Any]]:
    """The figures by server; printed, too."""
    found: dict[str, dict[str, Any]] = {}
    peers = [ours(compiled=compiled)[0]]
    peers += [peer for peer in RECURSIVE if peer.name == "unbound" and peer.is_installed]
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        comparison = Comparison(Path(name), wanted=(), compiled=compiled)
        with comparison.upstream() as upstream:
            for peer in peers:
                row = found[peer.name] = _fill(comparison, peer, upstream, count)
                told = ", ".join(f"{what} {value:,.2f}" for what, value in row.items())
                print(f"  {peer.name:18} {told}", flush=True)
    return found
