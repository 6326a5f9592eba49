"""What hostile zones cost us and others: packets, time and CPU, all in one run.

    python -m tests.bench.attacks [--only TEXT]... [--resolvers rootward,bind] [--json FILE]

Makes a network namespace of its own, binds each tree of resolver.testing.attacks to port 53 of its
own addresses there, and lets one resolver after the other, with an empty cache but a primed root,
answer the same questions. Needs `unshare` and `ip`, and no privileges where users may have
namespaces.
"""

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from resolver.codes import show_rcode
from resolver.testing import Internet, Loopback
from resolver.testing.attacks import ATTACKS, Attack
from resolver.testing.world import read_question
from resolver.wire.build import build_query
from tests.bench.resolvers import HOST, KINDS, Kind, Running, running

INSIDE = "ROOTWARD_BENCH_NAMESPACE"
NETWORKS = ("198.51.100.1/24", "203.0.113.1/24")
ANSWER_S = 15.0
BURST = 10
BURST_GAP_S = 0.002
QUIET_S = 0.4
MOST_QUIET_S = 4.0
_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Cost:
    """What one attack cost one resolver. `seconds` is the longest that a client waited; `status`
    what the last question got, or most of those in a burst;
    "silence" if nothing came."""

    attack: str
    resolver: str
    packets: int
    seconds: float
    cpu_ms: float
    status: str


def enter_namespace() -> None:
    """Run this program again in a network namespace of its own, unless it is in one."""
    if os.environ.get(INSIDE):
        for words in (
            ("link", "set", "lo", "up"),
            *(("addr", "add", n, "dev", "lo") for n in NETWORKS),
        ):
            subprocess.run(["ip", *words], check=True)
        return
    if not (shutil.which("unshare") and shutil.which("ip")):
        sys.exit("this needs unshare (util-linux) and ip (iproute2)")
    flags = "-n" if os.geteuid() == 0 else "-rn"
    os.environ[INSIDE] = "1"
    command = ["unshare", flags, sys.executable, "-m", "tests.bench.attacks", *sys.argv[1:]]
    os.execvp(command[0], command)


class Client:
    """Asks one resolver over UDP, from one socket."""

    def __init__(self, port: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._sock.connect((HOST, port))

    def close(self) -> None:
        """Ask no more."""
        self._sock.close()

    def ask(self, questions: tuple[str, ...]) -> tuple[float, str]:
        """Ask all in one burst; how long the slowest answer took, and what most of them were."""
        began = time.monotonic()
        for number, text in enumerate(questions):
            question = read_question(text)
            self._sock.send(build_query(number, question, edns=None, recursion_desired=True))
            if number % BURST == BURST - 1:
                time.sleep(BURST_GAP_S)
        found: dict[int, str] = dict.fromkeys(range(len(questions)), "silence")
        slowest = ANSWER_S
        while "silence" in found.values() and (left := began + ANSWER_S - time.monotonic()) > 0:
            self._sock.settimeout(left)
            try:
                packet = self._sock.recv(65535)
            except TimeoutError:
                break
            found[int.from_bytes(packet[:2], "big")] = show_rcode(packet[3] & 15)
        else:
            slowest = time.monotonic() - began
        ((status, _),) = Counter(found.values()).most_common(1)
        return slowest, status


def measure(attack: Attack, kind: Kind, folder: Path) -> Cost:
    """One attack on one resolver. Raises RuntimeError when the resolver does not start."""
    net = attack.tree()
    with Loopback(net, port=53, moved=False) as up:
        hints = up.write_hints(folder / "root.hints")
        with running(kind, folder / kind.name, hints) as it:
            _until_quiet(net)
            net.log.clear()
            cpu_s = it.cpu_s()
            seconds, status = _play(attack, net, it)
            _until_quiet(net)
            cpu_ms = (it.cpu_s() - cpu_s) * 1000
            return Cost(attack.name, kind.name, len(net.log), round(seconds, 2), cpu_ms, status)


def _play(attack: Attack, net: Internet, it: Running) -> tuple[float, str]:
    client = Client(it.port)
    try:
        if attack.at_once:
            return client.ask(attack.questions)
        first, *others = attack.questions
        slowest, status = client.ask((first,))
        if attack.change is not None:
            attack.change(net)
        time.sleep(attack.wait_s)
        for question in others:
            seconds, status = client.ask((question,))
            slowest = max(slowest, seconds)
        return slowest, status
    finally:
        client.close()


def _until_quiet(net: Internet) -> None:
    """Wait until nobody asks anything any more."""
    until = time.monotonic() + MOST_QUIET_S
    count, since = len(net.log), time.monotonic()
    while time.monotonic() < until and time.monotonic() - since < QUIET_S:
        time.sleep(_STEP_S)
        if len(net.log) != count:
            count, since = len(net.log), time.monotonic()


def costs(attacks: list[Attack], kinds: list[Kind]) -> Iterator[list[Cost]]:
    """Each attack on all resolvers, one after the other."""
    for attack in attacks:
        row = []
        for kind in kinds:
            with tempfile.TemporaryDirectory() as folder:
                row.append(measure(attack, kind, Path(folder)))
        yield row


def against_others(row: list[Cost]) -> float | None:
    """Our packets, as a multiple of those of the better of BIND and Unbound."""
    by_name = {cost.resolver: cost.packets for cost in row}
    others = [by_name[name] for name in ("bind", "unbound") if name in by_name]
    if "rootward" not in by_name or not others:
        return None
    return by_name["rootward"] / max(1, min(others))


def line(row: list[Cost]) -> str:
    """A row of the table."""
    ratio = against_others(row)
    cells = [
        row[0].attack,
        " / ".join(str(cost.packets) for cost in row),
        "" if ratio is None else f"{ratio:.2f}",
        " / ".join(f"{cost.seconds:.1f}" for cost in row),
        " / ".join(f"{cost.cpu_ms:.0f}" for cost in row),
        " / ".join(cost.status for cost in row),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="What hostile zones cost us and others.")
    parser.add_argument("--only", action="append", default=[], help="part of an attack's name")
    parser.add_argument("--resolvers", default=",".join(kind.name for kind in KINDS))
    parser.add_argument("--json", type=Path, help="write all figures here")
    arguments = parser.parse_args()
    enter_namespace()
    wanted = arguments.resolvers.split(",")
    kinds = [kind for kind in KINDS if kind.name in wanted and kind.is_installed]
    only = arguments.only
    attacks = [a for a in ATTACKS if not only or any(text in a.name for text in only)]
    title = " / ".join(kind.name for kind in kinds)
    print(f"| {title} | packets | ours : best | seconds | CPU ms | status |")
    print("|---|---|---|---|---|---|", flush=True)
    rows = []
    for row in costs(attacks, kinds):
        rows += [asdict(cost) for cost in row]
        print(line(row), flush=True)
    if arguments.json:
        machine = f"{platform.machine()}, {os.cpu_count()} processors"
        about = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine}
        arguments.json.write_text(json.dumps({**about, "costs": rows}, indent=1))


if __name__ == "__main__":
    main()
