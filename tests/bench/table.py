"""All servers beside each other: every workload over every transport, in rounds.

A server runs alone on processor 0 with one worker; dnsperf and the authoritative server behind the
recursive ones run on processor 1. The figure that counts is CPU microseconds per answered query,
user and system, because it does not depend on how fast the load generator is. In each round all
servers take their turn; medians of the rounds count, and of those only the ratios of one run.

Knows: rounds and medians. Does not know: configurations (peers.py), queries (workloads.py).
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path

from tests.bench.peers import AUTHORITATIVE, FLOOR, RECURSIVE, Peer, Place, ours
from tests.bench.processes import Process, free_port, has_ipv6, running
from tests.bench.workloads import (
    LOAD_CORE,
    TRANSPORTS,
    WORKLOADS,
    Played,
    Workload,
    echoes,
    knows_hosts,
    perform,
    play,
    write_queries,
    write_zones,
)

SERVER_CORE = 0
CLIENTS = ["-c", "8"]

Row = dict[str, float]
Block = dict[str, Row]  # by server


class Comparison:
    """Servers and what they are asked, in one folder."""

    def __init__(self, folder: Path, *, wanted: Sequence[str], compiled: bool) -> None:
        """`wanted` are the names of servers beside ours, all if there are none."""
        self.folder = folder
        self.zones = write_zones(folder)
        self.ipv6 = has_ipv6()
        self._upstream = 0
        self._wanted = wanted
        self._ours = [ours(compiled=False)] + [ours(compiled=True)] * compiled
        write_queries(folder)

    def peers(self, workload: Workload, transport: str) -> list[Peer]:
        """Who takes part, ours first."""
        theirs = list(RECURSIVE if workload.recursive else AUTHORITATIVE)
        if workload.warm and transport == "udp":
            theirs.append(FLOOR)
        own = [recursive if workload.recursive else auth for recursive, auth in self._ours]
        chosen = [peer for peer in theirs if not self._wanted or peer.name in self._wanted]
        return own + [peer for peer in chosen if peer.is_installed]

    @contextmanager
    def upstream(self) -> Iterator[Process]:
        """The authoritative server that recursive ones ask: the first that is installed, or
        ours."""
        own = ours(compiled=False)[1]
        peer = next((peer for peer in AUTHORITATIVE if peer.is_installed), own)
        with self.server(peer) as process:
            process.pin(LOAD_CORE)
            self._upstream = process.port
            yield process

    @contextmanager
    def server(self, peer: Peer) -> Iterator[Process]:
        """One server, from its first right answer on."""
        port = free_port()
        place = Place(self.folder, port, self.zones, self._upstream, self.ipv6)
        ready = echoes if peer is FLOOR else knows_hosts
        name = peer.name.replace(", ", "-").replace(" ", "-")
        with running(
            name, peer.command(place), port, self.folder, ready=ready, environment=peer.environment
        ) as process:
            yield process

    def turn(self, peer: Peer, workload: Workload, transport: str, seconds: float) -> Played:
        """One server, one round."""
        file = self.folder / workload.name
        options = TRANSPORTS[transport]
        with self.server(peer) as process:
            process.pin(SERVER_CORE)
            if workload.warm:
                perform(process.port, file, [*options, "-n", "1", "-q", "100"])
            load = [*CLIENTS, "-q", str(workload.in_flight), "-l", str(seconds)]
            return play(process, file, [*options, *load])


def compare(
    workloads: Sequence[str],
    transports: Sequence[str],
    *,
    rounds: int,
    seconds: float,
    wanted: Sequence[str],
    compiled: bool,
) -> Iterator[tuple[str, Block]]:
    """Each workload over each transport, printed as it is done, with its name."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)  # some servers give up their privileges
        comparison = Comparison(Path(name), wanted=wanted, compiled=compiled)
        with comparison.upstream():
            for transport in transports:
                if transport == "ipv6" and not comparison.ipv6:
                    continue
                for workload in workloads:
                    block = _rounds(comparison, WORKLOADS[workload], transport, rounds, seconds)
                    _print(f"{workload} {transport}", block)
                    yield f"{workload} {transport}", block


def _rounds(
    comparison: Comparison, workload: Workload, transport: str, rounds: int, seconds: float
) -> Block:
    played: dict[str, list[Played]] = {}
    for _ in range(rounds):
        for peer in comparison.peers(workload, transport):
            try:
                turn = comparison.turn(peer, workload, transport, seconds)
            except RuntimeError as error:
                print(f"left out: {error}", file=sys.stderr, flush=True)
                continue
            played.setdefault(peer.name, []).append(turn)
    return {name: _median(turns) for name, turns in played.items()}


def _median(turns: list[Played]) -> Row:
    rows = [asdict(turn) for turn in turns]
    row: Row = {
        field.name: statistics.median(row[field.name] for row in rows) for field in fields(Played)
    }
    row["lowest_us"] = min(turn.us for turn in turns)
    row["highest_us"] = max(turn.us for turn in turns)
    return row


def _print(what: str, rows: Block) -> None:
    base = rows.get("rootward, compiled") or rows["rootward"]
    # Processor time is counted in hundredths of a second: a very short round may take none.
    print(f"\n{what:20} {'us/query':>9} {'user':>6} {'qps':>9} {'right':>6} {'MiB':>6}  ours/this")
    for name, row in sorted(rows.items(), key=lambda item: item[1]["us"]):
        print(
            f"  {name:18} {row['us']:9.2f} {row['user_us']:6.2f} {row['qps']:9.0f}"
            f" {row['right']:6.1%} {row['resident_mib']:6.0f}"
            f"  {base['us'] / max(row['us'], 1e-6):.2f}",
            flush=True,
        )
