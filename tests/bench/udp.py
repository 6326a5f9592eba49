"""CPU cost of a cache hit over UDP, beside Unbound and a bare echo, in one run.

    python -m tests.bench.udp [--rounds 3] [--seconds 4.0]

Our listener runs in a process of its own on core 0 with 10,000 finished packets and no service
behind them; dnsperf runs on core 1. Unbound has the same names in its cache, learned from another
process of ours before the clock starts. The figure is user and system CPU of the server per
answered query, in microseconds; only the ratios of one run mean anything. Needs dnsperf; Unbound
and cc are used when installed.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from resolver.cache.answers import Answers
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.listen_udp import UdpListener, open_udp_socket
from resolver.serve.fast import FastPath

NAMES = 10_000
QUERIES = 100_000
TTL_S = 86_400
FIRST_PORT = 5600
UPSTREAM_PORT = FIRST_PORT
TICK = os.sysconf("SC_CLK_TCK")

ECHO = r"""
#define _GNU_SOURCE
#include <sys/socket.h>
#include <netinet/in.h>
#include <stdlib.h>
#define N 64
int main(int c, char **v) {
  int s = socket(AF_INET, SOCK_DGRAM, 0), rb = 4 << 20;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(v[1])),
                          .sin_addr.s_addr = htonl(0x7f000001)};
  setsockopt(s, SOL_SOCKET, SO_RCVBUF, &rb, sizeof rb); bind(s, (void *)&a, sizeof a);
  static char b[N][4096]; static struct sockaddr_storage n[N];
  static struct iovec io[N]; static struct mmsghdr h[N];
  for (;;) {
    for (int i = 0; i < N; i++) {
      io[i].iov_base = b[i]; io[i].iov_len = 4096;
      h[i].msg_hdr = (struct msghdr){.msg_name = &n[i], .msg_namelen = sizeof n[i],
                                     .msg_iov = &io[i], .msg_iovlen = 1};
    }
    int k = recvmmsg(s, h, N, MSG_WAITFORONE, 0);
    for (int i = 0; i < k; i++) { io[i].iov_len = h[i].msg_len; b[i][2] |= 0x80; }
    sendmmsg(s, h, k, 0);
  }
}
"""

Command = Callable[[Path, int], list[str]]


def query(i: int) -> bytes:
    """The query for host i, as dnsperf sends it, with a zero id."""
    label = f"h{i}".encode()
    name = bytes((len(label),)) + label + b"\7example\3com\0"
    return b"\0\0\1\0\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"


def reply(i: int) -> bytes:
    """The reply to `query(i)`: one address."""
    question = query(i)[12:]
    rr = b"\xc0\x0c\0\1\0\1" + TTL_S.to_bytes(4, "big") + b"\0\4" + bytes((10, 0, i >> 8, i & 255))
    return b"\0\0\x81\x80\0\1\0\1\0\0\0\0" + question + rr


class Upstream:
    """Answers what is not in the table, for the servers that have to learn it from somewhere."""

    def respond(self, packet: bytes, peer: bytes, *, stream: bool) -> bytes:
        end = packet.index(0, 12) + 5
        host = int(packet[14 : 13 + packet[12]])
        return packet[:2] + reply(host)[2:12] + packet[12:end] + reply(host)[end:]

    def start(self, steps: object, done: object) -> None:
        raise AssertionError("nothing to start")


async def serve(port: int) -> None:
    """Our listener over a full table, until killed."""
    clock, answers = SystemClock(), Answers(64 << 20)
    for i in range(NAMES):
        answers.keep(
            query(i), reply(i), bits=7, stream=False, now=clock.now(), ttl_s=TTL_S, ages=True
        )
    listener = UdpListener(
        open_udp_socket(Address("127.0.0.1", port)),
        Upstream(),
        Upstream(),
        FastPath(answers, lambda _: 7),
        clock=clock,
        metrics=Metrics(),
    )
    listener.start()
    await asyncio.Event().wait()


def ours(_: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "tests.bench.udp", "--serve", str(port)]


def unbound(folder: Path, port: int) -> list[str]:
    config = folder / "unbound.conf"
    lines = [  # the settings of a plain cache, as a caching resolver without validation has them
        "server:",
        f"  interface: 127.0.0.1@{port}",
        '  username: ""',
        '  chroot: ""',
        f"  directory: {folder}",
        f"  pidfile: {folder}/unbound.pid",
        "  num-threads: 1",
        "  use-syslog: no",
        f"  logfile: {folder}/unbound.log",
        "  module-config: iterator",
        "  do-not-query-localhost: no",
        "  msg-cache-size: 128m",
        "  rrset-cache-size: 256m",
        "  minimal-responses: yes",
        "remote-control:",
        "  control-enable: no",
        "forward-zone:",
        "  name: .",
        f"  forward-addr: 127.0.0.1@{UPSTREAM_PORT}",
    ]
    config.write_text("\n".join(lines) + "\n")
    return ["unbound", "-d", "-c", str(config)]


def echo(folder: Path, port: int) -> list[str]:
    program = folder / "echo"
    if not program.exists():
        program.with_suffix(".c").write_text(ECHO)
        subprocess.run(["cc", "-O2", "-o", program, program.with_suffix(".c")], check=True)
    return [str(program), str(port)]


def cpu_s(pid: int) -> tuple[float, float]:
    """User and system seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICK, int(fields[12]) / TICK


@contextmanager
def running(argv: list[str], port: int, *, core: int = 0) -> Iterator[int]:
    """A server on one core that answers on `port`; its process id."""
    process = subprocess.Popen(["taskset", "-c", str(core), *argv], stderr=subprocess.DEVNULL)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.2)
            probe.connect(("127.0.0.1", port))
            for _ in range(100):
                try:
                    probe.send(query(1))
                    probe.recv(512)
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                raise RuntimeError(f"{argv[0]} did not answer")
        yield process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def ask(port: int, queries: Path, *options: str) -> str:
    """What dnsperf prints, run on core 1."""
    load = ["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(queries)]
    done = subprocess.run([*load, "-T", "1", *options], capture_output=True, text=True, check=True)
    return done.stdout


def play(pid: int, port: int, queries: Path, seconds: float) -> tuple[float, float, float]:
    """CPU microseconds per answered query, the user part of it, and queries a second."""
    ask(port, queries, "-n", "1", "-q", "100")
    before = cpu_s(pid)
    out = ask(port, queries, "-c", "8", "-q", "1000", "-l", str(seconds))
    after = cpu_s(pid)
    completed = re.search(r"Queries completed:\s+(\d+)", out)
    assert completed, out
    answered = int(completed[1])
    user, system = (a - b for a, b in zip(after, before, strict=True))
    return (user + system) / answered * 1e6, user / answered * 1e6, answered / seconds


def compare(rounds: int = 3, seconds: float = 4.0) -> None:
    """Play the same queries against each server in turn, and print the medians."""
    with tempfile.TemporaryDirectory() as name:
        _compare(rounds, seconds, Path(name))


def _compare(rounds: int, seconds: float, folder: Path) -> None:
    queries = folder / "queries"
    draw = Random(7)
    queries.write_text("".join(f"h{draw.randrange(NAMES)}.example.com A\n" for _ in range(QUERIES)))
    servers: dict[str, Command] = {"rootward": ours}
    if shutil.which("unbound"):
        servers["unbound"] = unbound
    if shutil.which("cc"):
        servers["echo"] = echo
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in servers}
    port = FIRST_PORT
    with running(ours(folder, UPSTREAM_PORT), UPSTREAM_PORT, core=1):
        for _ in range(rounds):
            for name, command in servers.items():
                port += 1
                with running(command(folder, port), port) as pid:
                    rows[name].append(play(pid, port, queries, seconds))
    medians = {
        name: [statistics.median(column) for column in zip(*row, strict=True)]
        for name, row in rows.items()
    }
    print(f"{'server':10} {'us/query':>9} {'user':>6} {'qps':>8}  ours/this")
    for name, (total, user, qps) in medians.items():
        ratio = medians["rootward"][0] / total
        print(f"{name:10} {total:9.2f} {user:6.2f} {qps:8.0f}  {ratio:.2f}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--seconds", type=float, default=4.0)
    arguments.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.serve:
        asyncio.run(serve(chosen.serve))
        return
    compare(chosen.rounds, chosen.seconds)


if __name__ == "__main__":
    main()
