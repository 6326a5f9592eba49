"""A zone with a known content at each serial, for tests of what a journal brings back.

Run as a program it writes that history until it is killed: see test_journal_crash.py.
"""

import sys
from pathlib import Path

from versions import nodes, version

from resolver.slices import finish
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, compute
from resolver.zone.journal import Journal


def content(serial: int) -> str:
    """Some records stay, some come and go, and one tells the serial."""
    hosts = "".join(f"h{i} A 192.0.2.{(serial * 7 + i) % 250}\n" for i in range(serial % 5))
    return f'www A 192.0.2.1\nserial TXT "{serial}"\n{hosts}sub NS ns.sub\nns.sub A 192.0.2.2\n'


def at(serial: int) -> Zone:
    return version(serial, content(serial))


def step(serial: int) -> Diff:
    """From the serial before to this one."""
    return finish(compute(at(serial - 1), at(serial)))


def is_whole(zone: Zone) -> bool:
    return nodes(zone) == nodes(at(zone.serial))


def write(path: Path, versions_every: int) -> None:
    """Go on with the history for ever; a line with the serial for each change that is durable."""
    journal = Journal(path)
    zone = finish(journal.restore(at(1).origin))
    if zone is None:
        zone = at(1)
        finish(journal.put_version(zone))
    serial = zone.serial
    while True:
        serial += 1
        journal.append(step(serial))
        print(serial, flush=True)
        if serial % versions_every == 0:
            finish(journal.put_version(at(serial)))


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
