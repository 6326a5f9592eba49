"""A large zone loaded from its file, transferred out and transferred in, beside other servers.

    python -m tests.bench zones        (or, with choices: python -m tests.bench.zones --help)

Everything is CPU time, user and system, of the whole process tree with what of it has ended, so it
holds the copy on the disk, and work that goes on after the first answer: a server counts as done
when it answers for the zone and has then been idle for a moment. What it takes to start with a zone
of three records is told apart, and taken off. Memory is what is in RAM (PSS) when it is done, and
the largest that was seen on the way. Transfers go out to a client that only reads, and to dig; they
come in from NSD (from BIND where that is missing).

Knows: the zones, what is measured. Does not know: configurations (zone_servers.py).
"""

import argparse
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from resolver import names
from resolver.codes import RRType
from resolver.model import Question
from resolver.wire.build import build_query
from tests.bench.peers import ROOT
from tests.bench.processes import IPV4, Process, answers, free_port, running
from tests.bench.versions import ORIGIN, hosts, registry, write_zone
from tests.bench.zone_servers import (
    BIND,
    COMPILED_COPY,
    INTERPRETED,
    NSD,
    OTHERS,
    Large,
    ZoneServer,
)

RECORDS = 1_000_000
# Signing takes half a minute for every hundred thousand names; each makes four records.
SIGNED_SHARE = 5
KEPT = ROOT / "build" / "zones"
SERIAL = 1
SOA_NUMBERS_OCTETS = 20
READ_OCTETS = 1 << 20
IDLE_S = 1.0
IDLE_CPU_S = 0.02
STEP_S = 0.1
WAIT_S = 180.0
_MIB = 1 << 20
# Under the same names they are in figures.json and in the page's table.
COLUMNS = (
    "start_s",
    "load_s",
    "load_mib",
    "load_peak_mib",
    "out_s",
    "dig_s",
    "in_s",
    "in_mib",
    "in_peak_mib",
)

Row = dict[str, float]


def _signed(path: Path, count: int) -> None:
    """Hosts, each with an NSEC and two signatures, as dnssec-signzone writes them."""
    with tempfile.TemporaryDirectory(dir=KEPT) as name:
        folder = Path(name)
        write_zone(folder / "plain", hosts(count))
        generate = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", ORIGIN]
        subprocess.run(generate, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        sign = ["dnssec-signzone", "-S", "-z", "-P", "-e", "+31536000", "-o", ORIGIN, "plain"]
        subprocess.run(sign, cwd=folder, check=True, capture_output=True)
        (folder / "plain.signed").rename(path)


KINDS: dict[str, Callable[[Path, int], None]] = {
    "registry": lambda path, count: write_zone(path, registry(count)),
    "hosts": lambda path, count: write_zone(path, hosts(count)),
    "signed": lambda path, count: _signed(path, count // SIGNED_SHARE),
}


def zone_file(kind: str, records: int) -> Path:
    """The zone of this kind, made once and kept."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / f"{kind}-{records}"
    if not path.exists():
        new = path.with_name(f".{path.name}.new")
        KINDS[kind](new, records)
        new.rename(path)
    return path


def _query(rrtype: int) -> bytes:
    question = Question(names.read(ORIGIN), rrtype)
    return build_query(1, question, edns=None, recursion_desired=False)


_is_there = answers(_query(RRType.SOA), lambda reply: SERIAL.to_bytes(4, "big") in reply[-100:])


class _Watched:
    """A server's costs from its start on."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.peak = 0

    def settle(self) -> Row:
        """Wait until the zone is there and nothing more happens. Raises TimeoutError."""
        until = time.monotonic() + WAIT_S
        while not _is_there(self.process):
            self._look(until)
        used, since = self.process.cpu().both, time.monotonic()
        while time.monotonic() - since < IDLE_S:
            self._look(until)
            now = self.process.cpu().both
            if now - used > IDLE_CPU_S:
                used, since = now, time.monotonic()
        now = self.process.resident_octets()
        return {"s": used, "mib": now / _MIB, "peak_mib": max(now, self.peak) / _MIB}

    def _look(self, until: float) -> None:
        self.peak = max(self.peak, self.process.resident_octets())
        if time.monotonic() > until or self.process.child.poll() is not None:
            raise TimeoutError(self.process.log.read_text()[-2000:])
        time.sleep(STEP_S)


@contextmanager
def _server(
    server: ZoneServer, *, file: Path | None = None, primary: int = 0
) -> Iterator[_Watched]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # some servers give up their privileges
        large = Large(ORIGIN, free_port(), folder, file, primary)
        command = server.command(large)
        with running(
            server.binary or "rootward",
            command,
            large.port,
            folder,
            ready=lambda _: True,
            environment=server.environment,
        ) as process:
            yield _Watched(process)


def _read_all(port: int) -> int:
    """Take a whole transfer; how many octets it had. Raises EOFError when it breaks off."""
    packet = _query(RRType.AXFR)
    octets = 0
    soa_end = b""
    with socket.create_connection((IPV4, port)) as sock, sock.makefile("rb", READ_OCTETS) as stream:
        sock.sendall(len(packet).to_bytes(2, "big") + packet)
        while True:
            size = int.from_bytes(stream.read(2), "big")
            message = stream.read(size)
            if not size or len(message) < size:
                raise EOFError(f"broken off after {octets} octets: {message[:12]!r}")
            octets += size
            if not soa_end:
                numbers_at = message.index(_soa_numbers())
                soa_end = message[numbers_at : numbers_at + SOA_NUMBERS_OCTETS]
                message = message[numbers_at + SOA_NUMBERS_OCTETS :]
            if message.endswith(soa_end):
                return octets


def _soa_numbers() -> bytes:
    """How the numbers of the zone's SOA begin: serial and REFRESH."""
    return SERIAL.to_bytes(4, "big") + (3600).to_bytes(4, "big")


def _dig(port: int) -> None:
    command = ["dig", f"@{IPV4}", "-p", str(port), "+noall", "+stats", "+time=60", "AXFR", ORIGIN]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "XFR size" not in told:
        raise EOFError(told)


def _cost(process: Process, work: Callable[[int], object]) -> float:
    before = process.cpu()
    work(process.port)
    return (process.cpu() - before).both


def compare(servers: Sequence[ZoneServer], file: Path, runs: int) -> Iterator[tuple[str, Row]]:
    """The costs of each server for one zone: the least of some runs."""
    feeder = NSD if NSD.is_installed else BIND
    small = zone_file("hosts", 0)
    with _server(feeder, file=file) as primary:
        primary.settle()
        for server in servers:
            rows = []
            for _ in range(runs):
                with _server(server, file=small) as watched:
                    row: Row = {"start_s": watched.settle()["s"]}
                with _server(server, file=file) as watched:
                    row |= {f"load_{what}": value for what, value in watched.settle().items()}
                    row["out_s"] = _cost(watched.process, _read_all)
                    if shutil.which("dig"):
                        row["dig_s"] = _cost(watched.process, _dig)
                with _server(server, primary=primary.process.port) as watched:
                    row |= {f"in_{what}": value for what, value in watched.settle().items()}
                row["load_s"] -= row["start_s"]
                row["in_s"] -= row["start_s"]
                rows.append(row)
            yield server.name, {what: min(row[what] for row in rows) for what in rows[0]}


def measure(
    *, compiled: bool, records: int = RECORDS, kinds: Sequence[str] = tuple(KINDS), runs: int = 2
) -> dict[str, dict[str, Row]]:
    """The figures by zone and server; printed, too."""
    servers = [*[COMPILED_COPY] * compiled, INTERPRETED]
    servers += [server for server in OTHERS if server.is_installed]
    found: dict[str, dict[str, Row]] = {}
    for kind in kinds:
        if kind == "signed" and shutil.which("dnssec-signzone") is None:
            print("signed: left out, it needs dnssec-signzone", file=sys.stderr)
            continue
        print(f"\n{kind:20}" + "".join(f"{what:>13}" for what in COLUMNS), flush=True)
        found[kind] = {}
        for name, row in compare(servers, zone_file(kind, records), runs):
            found[kind][name] = row
            told = "".join(f"{row.get(what, 0):13.2f}" for what in COLUMNS)
            print(f"  {name:18}{told}", flush=True)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="What a large zone costs, beside others.")
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=[*KINDS], default=[*KINDS])
    parser.add_argument("--compiled", action="store_true", help="build/compiled is up to date")
    measure(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
