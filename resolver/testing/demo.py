"""`python -m resolver.testing.demo`: a resolver meets a fake Internet, and dig watches.

Starts a root, two TLDs and several zones on loopback addresses, then a real server process whose
hints point at that root, asks it five questions and explains the answers. Ends by itself; exit code
0 only when every answer was as expected. Needs no network and no privileges. Without dig on the
PATH, `rootward query` asks.

Knows: how a user would do this by hand. Does not know: how servers answer.
"""

import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from resolver.testing import Internet, Loopback, zone

START_S = 20.0
ASK_S = 15.0
STOP_S = 5.0
AGE_S = 2.1  # between the two questions whose TTLs are compared

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]

[access]
recursion = ["localhost"]

[recursion]
root_hints = "root.hints"
do_not_query = []         # the fake servers are on loopback addresses
special_names = false     # documentation addresses have reverse names here

[outgoing]
port = {port}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One question: what it shows, and what must be in the answer (patterns)."""

    title: str
    words: tuple[str, ...]
    explanation: str
    expected: tuple[str, ...]


STEPS = (
    Step(
        "A plain name",
        ("www.example.org", "A"),
        "The resolver knew only the root's address. It walked down: root, org., example.org.",
        (r"status: NOERROR", r"www\.example\.org\.\s+\d+\s+IN\s+A\s+192\.0\.2\.80"),
    ),
    Step(
        "A CNAME across zones",
        ("shop.example.org", "A"),
        "org. and example.org. were known by now; the alias led to example.com., another walk.",
        (
            r"shop\.example\.org\.\s+\d+\s+IN\s+CNAME\s+edge\.example\.com\.",
            r"edge\.example\.com\.\s+\d+\s+IN\s+A\s+192\.0\.2\.90",
        ),
    ),
    Step(
        "A reverse name",
        ("-x", "192.0.2.80"),
        "An address's name is an ordinary name: in-addr.arpa. delegates 2.0.192.in-addr.arpa.",
        (r"80\.2\.0\.192\.in-addr\.arpa\.\s+\d+\s+IN\s+PTR\s+www\.example\.org\.",),
    ),
    Step(
        "A name that does not exist",
        ("nothing.example.com", "A"),
        "NXDOMAIN, with the SOA that says for how long this may be remembered.",
        (r"status: NXDOMAIN", r"example\.com\.\s+\d+\s+IN\s+SOA\s"),
    ),
    Step(
        "The plain name again",
        ("www.example.org", "A"),
        "From the cache: nobody was asked, and the TTL has counted down.",
        (r"www\.example\.org\.\s+\d+\s+IN\s+A\s+192\.0\.2\.80",),
    ),
)


def demo_internet() -> Internet:
    """The tree of the demo."""
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("org.", "198.51.100.3")
    net.host("in-addr.arpa.", "198.51.100.4")
    net.host("example.com.", "198.51.100.5", zone("example.com.", "edge A 192.0.2.90"))
    net.host(
        "example.org.",
        "198.51.100.6",
        zone("example.org.", "www A 192.0.2.80\nshop CNAME edge.example.com."),
    )
    net.host(
        "2.0.192.in-addr.arpa.",
        "198.51.100.7",
        zone("2.0.192.in-addr.arpa.", "80 PTR www.example.org."),
    )
    return net


def main() -> int:
    """Run the demo; the exit code."""
    net = demo_internet()
    with tempfile.TemporaryDirectory(prefix="rootward-demo-") as folder, Loopback(net) as up:
        _show_tree(net, up)
        up.write_hints(Path(folder) / "root.hints")
        config = Path(folder) / "config.toml"
        config.write_text(CONFIG.format(port=up.port), encoding="utf-8")
        with _server(config) as address:
            if address is None:
                return 1
            host, port = address
            print(f"\nRootward listens on {host} port {port}. All it knows are the root hints.")
            failed = _take_steps(net, host, port)
    if failed:
        print(f"\nNot as expected: {', '.join(failed)}")
        return 1
    print("\nAll five answers are as expected.")
    return 0


def _show_tree(net: Internet, up: Loopback) -> None:
    print(f"A fake Internet on loopback addresses, port {up.port}:")
    for server, zones in net.held.items():
        print(f"  {up.address(server):<14} {' '.join(str(z) for z in zones)}")


def _take_steps(net: Internet, host: str, port: int) -> list[str]:
    """Ask every question; the titles of those with other answers than expected."""
    failed = []
    ttls: dict[tuple[str, ...], int] = {}
    for number, step in enumerate(STEPS, 1):
        again = step.words in ttls
        if again:
            time.sleep(AGE_S)
        before = len(net.log)
        text, command = _ask(step.words, host, port)
        asked = Counter(_who(net, seen.server) for seen in list(net.log)[before:])
        ttl = _ttl(text)
        ok = all(re.search(pattern, text, re.IGNORECASE) for pattern in step.expected)
        if again:
            ok = ok and not asked and ttl < ttls[step.words]
        ttls.setdefault(step.words, ttl)
        if not ok:
            failed.append(step.title)
        print(f"\n{number}. {step.title}\n\n   $ {command}")
        print("\n".join(f"   {line}".rstrip() for line in text.strip().splitlines()))
        servers = ", ".join(f"{who} {count}" for who, count in asked.items())
        print(f"\n   {step.explanation}\n   Queries to servers: {servers or 'none'}.")
    return failed


def _who(net: Internet, server: str) -> str:
    name = str(net.held[server][0])
    return "the root" if name == "." else name


def _ttl(text: str) -> int:
    """The TTL of the first record shown; -1 when there is none."""
    found = re.search(r"^[^;\s]\S*\s+(\d+)\s+IN\s", text, re.MULTILINE)
    return int(found[1]) if found else -1


def _ask(words: tuple[str, ...], host: str, port: int) -> tuple[str, str]:
    """What dig prints, and the command line that made it so."""
    if dig := shutil.which("dig"):
        command = [dig, "+nocmd", f"@{host}", "-p", str(port), *words]
        shown = " ".join(["dig", *command[1:]])
    else:
        command = [sys.executable, "-m", "resolver", "query", *words, f"@{host}:{port}"]
        shown = " ".join(["rootward", *command[3:]])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)
    except subprocess.TimeoutExpired:
        return f"; no answer within {ASK_S:.0f} seconds", shown
    return done.stdout + done.stderr, shown


@contextmanager
def _server(config: Path) -> Iterator[tuple[str, int] | None]:
    """The resolver as a process of its own; where it listens, None if it did not start."""
    command = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    assert process.stderr is not None
    try:
        yield _wait_until_ready(process.stderr)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _wait_until_ready(stderr: IO[bytes]) -> tuple[str, int] | None:
    """Read up to the line `ready: ADDRESS#PORT`."""
    said = ""
    deadline = time.monotonic() + START_S
    with selectors.DefaultSelector() as selector:
        selector.register(stderr, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            # Not readline: what it buffers is hidden from the selector.
            octets = os.read(stderr.fileno(), 65_536)
            said += octets.decode(errors="replace")
            if ready := re.search(r"^ready: (\S+)#(\d+)", said, re.MULTILINE):
                return ready[1], int(ready[2])
            if not octets:
                break
    print(f"The resolver did not start:\n{said}", file=sys.stderr)
    return None


if __name__ == "__main__":
    sys.exit(main())
