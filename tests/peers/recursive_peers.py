"""Resolvers beside ours, with the roots of a fake Internet: BIND and Unbound, without DNSSEC.

Each runs with the defaults of its project; what differs from them is what a private network needs:
hints, no validation, no control channel. Knows: their configurations. Does not know: what they are
asked.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query

HOST = "127.0.0.1"
PORTS = {"rootward": 5301, "unbound": 5302, "named": 5303}
START_S = 30.0
STOP_S = 10.0


def rootward(folder: Path, port: int, hints: Path) -> list[str]:
    """Ours."""
    config = folder / "config.toml"
    config.write_text(
        f'[server]\nlisten = ["{HOST}:{port}"]\nstate_dir = "{folder}/state"\n'
        f'[recursion]\nroot_hints = "{hints}"\n'
        f'[cache]\nsnapshot = false\n[control]\nsocket = ""\n'
    )
    return [sys.executable, "-m", "resolver", "run", "--config", str(config)]


def unbound(folder: Path, port: int, hints: Path) -> list[str]:
    """Unbound, without validator, in one thread."""
    config = folder / "unbound.conf"
    config.write_text(
        f"server:\n  interface: {HOST}@{port}\n"
        f'  username: ""\n  chroot: ""\n  directory: "{folder}"\n  pidfile: "{folder}/pid"\n'
        f'  use-syslog: no\n  logfile: ""\n  num-threads: 1\n'
        f'  module-config: "iterator"\n  root-hints: "{hints}"\n'
        "remote-control:\n  control-enable: no\n"
    )
    return ["unbound", "-d", "-c", str(config)]


def named(folder: Path, port: int, hints: Path) -> list[str]:
    """BIND, without validation."""
    config = folder / "named.conf"
    config.write_text(
        f'options {{ directory "{folder}"; pid-file "{folder}/named.pid";\n'
        f'session-keyfile "{folder}/session.key"; dnssec-validation no;\n'
        f"listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};\n"
        "allow-query { any; }; allow-recursion { any; };\n"
        f'}};\ncontrols {{ }};\nzone "." {{ type hint; file "{hints}"; }};\n'
    )
    return ["named", "-g", "-n", "1", "-c", str(config)]


COMMANDS = {"rootward": rootward, "unbound": unbound, "named": named}


@contextmanager
def running(folder: Path, hints: Path) -> Iterator[dict[str, int]]:
    """All of them; their ports by name. Raises AssertionError when one is not up."""
    with ExitStack() as stack:
        for name, command in COMMANDS.items():
            home = folder / name
            home.mkdir()
            log = stack.enter_context((home / "log").open("w"))
            process = subprocess.Popen(
                command(home, PORTS[name], hints), stdout=log, stderr=subprocess.STDOUT
            )
            stack.callback(_stop, process)
        for name, port in PORTS.items():
            assert _is_up(port), f"{name} did not start: {(folder / name / 'log').read_text()}"
        yield PORTS


def _is_up(port: int) -> bool:
    """Whether it answers anything before the time is up."""
    until = time.monotonic() + START_S
    query = dns.message.make_query("localhost.", "A")
    while time.monotonic() < until:
        try:
            dns.query.udp(query, HOST, port=port, timeout=0.5)
        except (dns.exception.DNSException, OSError):
            time.sleep(0.05)
        else:
            return True
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
