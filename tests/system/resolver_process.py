"""A resolver as a process of its own, on a free port of 127.0.0.1."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resolver.model import Address

START_S = 30.0
STOP_S = 10.0


@contextmanager
def resolver_process(directory: Path, config: str) -> Iterator[Address]:
    """`rootward run` with this configuration; where it listens. It must end well, and nothing may
    have gone wrong inside it."""
    file = directory / "config.toml"
    file.write_text(config, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "resolver", "run", "--config", str(file)], stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    said = b""
    try:
        said = _wait_until_ready(process)
        ready = next(line for line in said.decode().splitlines() if line.startswith("ready: "))
        yield Address("127.0.0.1", int(ready.rpartition("#")[2]))
        process.send_signal(signal.SIGTERM)
        said += process.communicate(timeout=STOP_S)[1]
        assert process.returncode == 0
        assert b"Traceback" not in said, said.decode()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def _wait_until_ready(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stderr is not None
    said = b""
    until = time.monotonic() + START_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stderr, selectors.EVENT_READ)
        while time.monotonic() < until and process.poll() is None:
            if selector.select(0.5):
                said += os.read(process.stderr.fileno(), 4096)
            if b"\nready: " in said and said.endswith(b"\n"):
                return said
    raise AssertionError(f"not ready: {said.decode()}")
