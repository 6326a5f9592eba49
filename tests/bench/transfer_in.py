"""A large zone transferred from BIND into ours and into BIND, and how long queries wait.

    python -m tests.bench.transfer_in [--records N]

The time counts from the start of the secondary to its first answer from the zone, so ours holds the
writing of the copy to disk, too. Meanwhile one client asks ours for a name of another zone every
few milliseconds: the worst wait is told. Needs dig, named and 1.5 GiB for a million records.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.transfer_out import (
    LOOPBACK,
    ORIGIN,
    START_TIMEOUT_S,
    Waits,
    bind,
    cpu_s,
    is_loaded,
    resident_mib,
    write_zone,
)

SMALL = "$TTL 300\n@ SOA ns.elsewhere.test. host 1 7200 900 1209600 600\n@ NS ns.elsewhere.test.\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: list[str], log: Path) -> Iterator[int]:
    """Process id of a server that has just been started."""
    with log.open("w") as output:
        process = subprocess.Popen(command, stderr=output)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def rootward(directory: Path, port: int, primary: int) -> list[str]:
    """Ours, with a zone of its own beside the large one."""
    (directory / "small.zone").write_text(SMALL + "www7 AAAA 2001:db8::7\n")
    (directory / "secondary.toml").write_text(
        f'[server]\nlisten = ["{LOOPBACK}:{port}"]\n[recursion]\nenabled = false\n'
        f'[control]\nsocket = ""\n[[zone]]\nname = "small.test"\nfile = "small.zone"\n'
        f'[[zone]]\nname = "{ORIGIN}"\nrole = "secondary"\nprimaries = ["{LOOPBACK}:{primary}"]\n'
    )
    return [sys.executable, "-m", "resolver", "run", "--config", str(directory / "secondary.toml")]


def named(directory: Path, port: int, primary: int) -> list[str]:
    """BIND, with one thread as ours has."""
    (directory / "secondary.conf").write_text(
        f'options {{ directory "{directory}"; pid-file none; recursion no;\n'
        f'session-keyfile "{directory}/s2.key"; listen-on-v6 {{ none; }};\n'
        f"listen-on port {port} {{ {LOOPBACK}; }}; dnssec-validation no; notify no;\n"
        "empty-zones-enable no; };\ncontrols { };\n"
        f'zone "{ORIGIN}" {{ type secondary; file "copy";'
        f" primaries {{ {LOOPBACK} port {primary}; }}; }};\n"
    )
    return ["named", "-g", "-n", "1", "-c", str(directory / "secondary.conf")]


def measure(name: str, directory: Path, primary: int) -> str:
    """One line about a secondary."""
    port = free_port()
    command = {"rootward": rootward, "bind": named}[name](directory, port, primary)
    log = directory / f"{name}.in.log"
    with started(command, log) as pid:
        began = time.monotonic()
        waits = None
        if name == "rootward":
            while "\nready: " not in log.read_text():
                time.sleep(0.01)
            waits = Waits(port, "www7.small.test")
            waits.start()
        while not is_loaded(port):
            if time.monotonic() - began > START_TIMEOUT_S:
                raise RuntimeError(log.read_text()[-2000:])
            time.sleep(0.05)
        took_s = time.monotonic() - began
        line = f"{took_s:6.2f} s, processor {cpu_s(pid):6.2f} s, {resident_mib(pid)} MiB"
        if waits is not None:
            waits.ended.set()
            waits.join()
            ordered = sorted(waits.waits_s)
            line += (
                f"; {len(ordered)} queries waited {ordered[len(ordered) * 99 // 100] * 1e3:.1f} ms"
                f" at most in 99 of 100, {ordered[-1] * 1e3:.1f} ms at worst"
            )
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_zone(directory / "large.zone", options.records)
        with bind(directory) as (_, primary):
            for name in ("rootward", "bind"):
                print(f"{name:10} {measure(name, directory, primary)}", flush=True)


if __name__ == "__main__":
    main()
