"""What is done to the server while it serves: updates, reloads, flushes, rotation of its query log.

Each is a thread that goes on until it is told to stop. Knows: how each is asked for, and what own
zones hold because of it (truth.Changing). Does not know: the load.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from math import inf
from pathlib import Path
from random import Random

import dns.query
import dns.rcode
import dns.update

from resolver import names
from resolver.model import Address
from tests.bench.soak.probes import ABSENT, COMING, OWN, OWN_HOSTS, RELOADED, Probes
from tests.bench.soak.truth import Changing

UPDATE_PAUSE_S = 0.4
UPDATE_WAIT_S = 60.0  # one that was given up and is done later all the same looks wrong
# A reload that was asked for is over after so long.
RELOAD_S = 15.0
CHURN_PAUSE_S = 7.0
COMMAND_S = 60.0

QUERY_LOG = "queries.json"
COMING_VALUE = bytes((10, 7, 0, 1))
OWN_TEXT = "$TTL 300\n@ SOA ns host 1 3600 900 1209600 300\n@ NS ns\nns A 192.0.2.1\n"
FLUSHES = (
    ("flush", "h0.mortal0.net."),
    ("flush", "moving1.com.", "--tree"),
    ("flush", "h1.steady1.com.", "--type", "A"),
    ("flush-all",),
)


def own_zone(own: Changing) -> str:
    """The zone that updates change."""
    lines = [OWN_TEXT]
    for i in range(OWN_HOSTS):
        lines.append(f"u{i} 1 A 10.9.{i}.0\na{i} 5 CNAME h{i}.steady0.com.\n")
        own.begin(names.read(f"u{i}.{OWN}"), bytes((10, 9, i, 0)), 0.0, sure=0.0)
    return "".join(lines)


def reloaded_zone(version: int) -> str:
    """The zone whose file changes."""
    text = OWN_TEXT.replace(" host 1 ", f" host {version + 1} ")
    return f"{text}v 1 A 10.8.{version >> 8 & 255}.{version & 255}\n"


def coming_zone() -> str:
    """The zone that comes and goes."""
    return f"{OWN_TEXT}v 1 A 10.7.0.1\n"


# What the configuration has more of when COMING is there.
COMING_ZONE = f"""
[[zone]]
name = "{COMING}"
file = "coming.test.zone"
"""


def reloaded_value(version: int) -> bytes:
    """What v.reloaded.test. is in that version."""
    return bytes((10, 8, version >> 8 & 255, version & 255))


class Change(threading.Thread):
    """Something done again and again; `done` counts, `failed` says what went wrong."""

    def __init__(self, pause_s: float, act: Callable[[int], str]) -> None:
        super().__init__(daemon=True)
        self._pause_s = pause_s
        self._act = act
        self._stopped = threading.Event()
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._stopped.wait(self._pause_s):
            number += 1
            try:
                self.done[self._act(number)] += 1
            except Exception as error:  # whatever it is, it is told, and the next one is tried
                self.failed.append(f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """End after what is under way."""
        self._stopped.set()
        self.join(UPDATE_WAIT_S + COMMAND_S)


class Updates:
    """Gives one of the own names another address each time."""

    def __init__(self, server: Address, own: Changing, epoch: float) -> None:
        self._server = server
        self._own = own
        self._epoch = epoch
        self._rng = Random(5)

    def __call__(self, number: int) -> str:
        host = self._rng.randrange(OWN_HOSTS)
        last = number % 250 + 1
        address = f"10.9.{host}.{last}"
        name = names.read(f"u{host}.{OWN}")
        update = dns.update.UpdateMessage(OWN)
        update.replace(f"u{host}", 1, "A", address)
        value = bytes((10, 9, host, last))
        self._own.begin(name, value, time.monotonic() - self._epoch)
        send = dns.query.tcp if number % 2 else dns.query.udp
        reply = send(update, self._server.ip, port=self._server.port, timeout=UPDATE_WAIT_S)
        if reply.rcode() != dns.rcode.NOERROR:
            raise RuntimeError(f"update: {dns.rcode.to_text(reply.rcode())}")
        self._own.settle(name, time.monotonic() - self._epoch)
        return "update"


class Churn:
    """Reloads, flushes, rotations, one after the other."""

    def __init__(
        self, folder: Path, process: int, probes: Probes, own: Changing, epoch: float
    ) -> None:
        self._folder = folder
        self._process = process
        self._probes = probes
        self._own = own
        self._epoch = epoch
        self._version = 0
        self._config = (folder / "config.toml").read_text()

    def __call__(self, number: int) -> str:
        act = (self._reload, self._flush, self._rotate)[number % 3]
        return act(number // 3)

    def _now(self) -> float:
        return time.monotonic() - self._epoch

    def _reload(self, number: int) -> str:
        """Change a zone file, add or remove a zone, and send SIGHUP."""
        self._version += 1
        is_there = self._version % 2
        at = self._now()
        value = reloaded_value(self._version)
        self._own.begin(names.read(f"v.{RELOADED}"), value, at, sure=at + RELOAD_S)
        value = COMING_VALUE if is_there else ABSENT
        self._own.begin(names.read(f"v.{COMING}"), value, at, sure=at + RELOAD_S)
        self._replace("reloaded.test.zone", reloaded_zone(self._version))
        self._replace("config.toml", self._config + (COMING_ZONE if is_there else ""))
        os.kill(self._process, signal.SIGHUP)
        return "reload"

    def _replace(self, file: str, text: str) -> None:
        """In one step: the server may read it at any moment."""
        made = self._folder / f"{file}.new"
        made.write_text(text)
        made.rename(self._folder / file)

    def _flush(self, number: int) -> str:
        """Flush through the control socket."""
        words = FLUSHES[number % len(FLUSHES)]
        config = self._folder / "config.toml"
        command = [sys.executable, "-m", "resolver", "ctl", "--config", str(config), *words]
        # Nothing has to be in the cache but what was asked for after this.
        self._probes.forgotten_at = inf
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=COMMAND_S, check=False
            )
        finally:
            self._probes.forgotten_at = self._now()
        if done.returncode:
            raise RuntimeError(f"ctl {' '.join(words)}: {done.stdout}{done.stderr}")
        return "flush"

    def _rotate(self, number: int) -> str:
        """As logrotate does: the query log is moved away, and a signal sent."""
        (self._folder / QUERY_LOG).rename(self._folder / f"{QUERY_LOG}.{number}")
        os.kill(self._process, signal.SIGUSR2)
        return "rotation"
