"""A large zone loaded beside BIND, and what our versions of it cost: difference, change, dump,
digest, journal.

    python -m tests.bench.versions [--records N]

Two zones: hosts with an address each, and the delegations of a registry with glue and DS. Times are
CPU seconds, so that they mean something on a busy machine. Of everything that is done in slices the
longest one is told as well, in milliseconds of CPU: so long a query may have to wait. Needs
named-checkzone, and 1 GiB for a million records.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from resolver import names
from resolver.slices import Slices, finish
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, apply, compute
from resolver.zone.dump import dump
from resolver.zone.file import ZoneReport, read_zone_slices, read_zone_text
from resolver.zone.journal import Journal
from resolver.zone.zonemd import Algorithm, digest

T = TypeVar("T")
ORIGIN = "big.test."
HEAD = f"$ORIGIN {ORIGIN}\n$TTL 3600\n@ SOA ns1 host {{}} 3600 600 864000 300\n@ NS ns1\n"
KIB_PER_MIB = 1024


class Cost(NamedTuple):
    cpu_s: float
    worst_slice_ms: float


def hosts(count: int) -> Iterator[str]:
    for i in range(count):
        yield f"h{i} 300 IN A 10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}\n"


def registry(count: int) -> Iterator[str]:
    """Delegations with glue of their own, with that of others, signed ones, and some hosts."""
    draw = random.Random(7)
    made = i = 0
    while made < count:
        address = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
        lines = (
            [f"NS ns1.d{i}", f"NS ns2.d{i}", f"\nns1.d{i} A {address}\nns2.d{i} AAAA 2001:db8::1"],
            [
                f"NS ns1.hoster{i % 5000}.net.",
                f"NS ns2.hoster{i % 5000}.net.",
                f"DS {i % 65536} 8 2 {draw.getrandbits(256):064X}",
            ],
            [
                f"A {address}",
                f"MX 10 mail.d{i}",
                'TXT "v=spf1 mx -all"',
                f"\nmail.d{i} A {address}",
            ],
            [f"NS ns1.d{i - 3}", f"NS ns2.d{i - 3}"],
        )[i % 4]
        yield "".join(line[1:] + "\n" if line[0] == "\n" else f"d{i} {line}\n" for line in lines)
        made += (4, 3, 4, 2)[i % 4]
        i += 1


def write_zone(path: Path, lines: Iterator[str]) -> None:
    with path.open("w") as file:
        file.write(HEAD.format(1) + "ns1 A 192.0.2.1\n")
        file.writelines(lines)


def measured(work: Slices[T]) -> tuple[T, Cost]:
    """The result of some work, and what it took."""
    began = before = time.process_time()
    worst_s = 0.0
    while True:
        try:
            next(work)
        except StopIteration as end:
            after = time.process_time()
            worst_s = max(worst_s, after - before)
            return end.value, Cost(after - began, worst_s * 1e3)
        after = time.process_time()
        worst_s = max(worst_s, after - before)
        before = after


def report(what: str, cost: Cost, more: str = "") -> None:
    print(f"  {what:34} {cost.cpu_s:6.2f} s  {cost.worst_slice_ms:5.1f} ms  {more}", flush=True)


def run_apart(command: list[str]) -> tuple[float, int]:
    """CPU seconds and largest memory in MiB of a program."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert not process.returncode, command
    return used.ru_utime + used.ru_stime, used.ru_maxrss // KIB_PER_MIB


def compare_loading(file: Path) -> None:
    ours = [sys.executable, "-m", "tests.bench.versions", "--load", str(file)]
    cpu_s, mib = run_apart(ours)
    print(
        f"  {'loaded by rootward, with start':34} {cpu_s:6.2f} s            {mib} MiB", flush=True
    )
    checkzone = shutil.which("named-checkzone")
    if checkzone is None:
        print("  named-checkzone is not installed: no comparison")
        return
    theirs_s, theirs_mib = run_apart([checkzone, "-i", "local", ORIGIN, str(file)])
    print(f"  {'loaded by named-checkzone':34} {theirs_s:6.2f} s            {theirs_mib} MiB")
    print(f"  {'ours to theirs':34} {cpu_s / theirs_s:6.2f}              {mib / theirs_mib:.2f}")


def load(file: Path) -> tuple[Zone, Cost]:
    found: tuple[ZoneReport, Cost] = measured(read_zone_slices(file, names.read(ORIGIN)))
    assert found[0].zone is not None, found[0].errors
    return found[0].zone, found[1]


def delegation(zone: Zone) -> Diff:
    """A new delegation with its glue, and the next serial."""
    before, after = (
        read_zone_text(HEAD.format(serial) + "ns1 A 192.0.2.1\n" + more, zone.origin).zone
        for serial, more in ((1, ""), (2, "new NS ns.new\nns.new A 192.0.2.7\n"))
    )
    assert before is not None
    assert after is not None
    return finish(compute(before, after))


def measure_versions(zone: Zone, other: Zone, folder: Path) -> None:
    """`other` is the same version, loaded again."""
    diff, cost = measured(compute(zone, other))
    assert diff.is_empty
    report("difference from an equal zone", cost)
    newer, cost = measured(apply(zone, delegation(zone)))
    report("first change (counts relations)", cost)
    back, cost = measured(compute(newer, zone))
    report("difference of 4 records", cost)
    _, cost = measured(apply(newer, back))
    report("change of 4 records", cost)
    octets = [0]
    _, cost = measured(dump(zone, lambda text: octets.append(len(text))))
    report("canonical dump", cost, f"{sum(octets) >> 20} MiB")
    _, cost = measured(digest(zone, Algorithm.SHA384))
    report("digest (SHA-384)", cost)
    journal = Journal(folder / "journal")
    _, cost = measured(journal.put_version(zone))
    report("version into the journal", cost)
    restored, cost = measured(journal.restore(zone.origin))
    assert restored is not None
    report("version from the journal", cost)
    journal.close()
    began = time.process_time()
    Journal(folder / "journal").close()
    report("journal opened and checked", Cost(time.process_time() - began, 0.0))


def main() -> None:
    arguments = argparse.ArgumentParser(description="What versions of a large zone cost.")
    arguments.add_argument("--records", type=int, default=1_000_000, metavar="N")
    arguments.add_argument("--load", type=Path, metavar="FILE", help="only load this zone")
    options = arguments.parse_args()
    if options.load:
        load(options.load)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        kinds = {"hosts": hosts, "registry": registry}
        for name, lines in kinds.items():
            (folder / name).mkdir()
            write_zone(folder / name / "zone", lines(options.records))
        # Before anything is in our own memory, which a new program begins with for a moment.
        for name in kinds:
            print(f"{name}, {options.records} records", flush=True)
            compare_loading(folder / name / "zone")
        for name in kinds:
            print(f"{name}, {options.records} records", flush=True)
            zone, cost = load(folder / name / "zone")
            report("loaded in slices", cost)
            measure_versions(zone, load(folder / name / "zone")[0], folder / name)


if __name__ == "__main__":
    main()
