"""What a copy does to find out what is done often: `python -m resolver.compile.training`.

Two servers on loopback addresses, as an operator would run them: one with zones of its own, and
one that copies the first of these by zone transfer and asks for the names of the second. They are
asked what clients ask: names that are cached, new, their own, aliases, none at all; with EDNS and
cookies and without, over UDP and TCP. What the modules note meanwhile they write when the servers
end (profile.py).

Exits with a sentence when a server does not start, or answers too little for its notes to mean
anything.

Knows: configuration, zone files, clients. Does not know: compilers.
"""

import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from resolver import names
from resolver.codes import EdnsOption, RRType
from resolver.model import Edns, EdnsOptionValue, Question
from resolver.wire.build import build_query
from resolver.wire.framing import frame

COPIED, ASKED = "copied.example", "asked.example"
OWNERS = 20_000
NEW_NAMES = 40_000
KNOWN_NAMES = 1_000
ROUNDS = 60  # in which each known name is asked for once
ON_STREAMS = 2_000
AT_ONCE = 50
ANSWER_S = 2.0
STOP_S = 60.0
ENOUGH = 0.9  # of the queries must have been answered

AUTHORITY = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "{folder}/authority"
[access]
transfer = ["localhost"]
[recursion]
enabled = false
[control]
socket = ""
[[zone]]
name = "{copied}"
file = "{folder}/{copied}"
[[zone]]
name = "{asked}"
file = "{folder}/{asked}"
"""
RESOLVER = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "{folder}/resolver"
[access]
recursion = ["localhost"]
[recursion]
priming = false
do_not_query = []
[control]
socket = ""
[[zone]]
name = "{copied}"
role = "secondary"
primaries = ["127.0.0.1:{port}"]
[[stub]]
name = "{asked}"
to = ["127.0.0.1:{port}"]
"""

Port = int
_COOKIE = EdnsOptionValue(EdnsOption.COOKIE, b"8 octets")
_CLIENTS = (None, Edns(), Edns(dnssec_ok=True), Edns(options=(_COOKIE,)))


def copied_zone() -> Iterator[str]:
    """Lines of a zone file with the common types."""
    yield "$TTL 3600\n@ IN SOA ns1 admin 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 127.0.0.1"
    for i in range(OWNERS):
        yield f"host{i} IN A 192.0.2.{i % 256}\nhost{i} IN AAAA 2001:db8::{i % 65536:x}"
        if not i % 4:
            yield f'host{i} IN MX 10 host{i + 1}\nhost{i} IN TXT "v=spf1 mx -all"'
        if not i % 8:
            yield f"alias{i} IN CNAME host{i}"
        if not i % 100:
            yield f"sub{i} IN NS ns1.sub{i}\nns1.sub{i} IN A 192.0.2.{i % 256}"


def asked_zone() -> Iterator[str]:
    """Lines of a zone file in which any name exists."""
    yield "$TTL 3600\n@ IN SOA ns1 admin 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 127.0.0.1"
    yield "*.new IN A 192.0.2.1\n*.new IN MX 10 mail\nmail IN A 192.0.2.2"
    for i in range(KNOWN_NAMES):
        yield f"host{i} IN A 192.0.2.{i % 256}\nalias{i} IN CNAME host{i}"


@contextmanager
def server(config: Path) -> Iterator[Port]:
    """A server process, from when it is ready to its orderly end."""
    command = [sys.executable, "-m", "resolver", "run", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if ready := re.match(r"ready: \S+#(\d+)", line):
                break
        else:
            sys.exit(f"rootward: the training's server did not start: {said}")
        try:
            yield int(ready[1])
        finally:
            process.terminate()
            process.communicate(timeout=STOP_S)


def queries(owners: Iterator[str], qtype: RRType) -> Iterator[bytes]:
    """A query for each, of clients of every kind in turn."""
    for i, owner in enumerate(owners):
        edns = _CLIENTS[i % len(_CLIENTS)]
        question = Question(names.read(owner), qtype)
        yield build_query(i % 65536, question, edns=edns, recursion_desired=True)


def everything(round_: int) -> Iterator[bytes]:
    """What is asked of the resolver in one round: what is known, and its share of the new names."""
    known = range(KNOWN_NAMES)
    yield from queries((f"host{i}.{ASKED}." for i in known), RRType.A)
    yield from queries((f"host{i}.{COPIED}." for i in known), RRType.AAAA)
    yield from queries((f"host{i}.{COPIED}." for i in known[::10]), RRType.MX)
    yield from queries((f"alias{i}.{ASKED}." for i in known[::10]), RRType.A)
    yield from queries((f"none{i}.{ASKED}." for i in known[::10]), RRType.A)
    yield from queries((f"none{round_}-{i}.{COPIED}." for i in known[::10]), RRType.A)
    each = NEW_NAMES // ROUNDS
    yield from queries((f"h{round_}-{i}.new.{ASKED}." for i in range(each)), RRType.A)


def ask(port: Port, packets: Iterator[bytes]) -> tuple[int, int]:
    """Send queries over UDP, AT_ONCE under way; how many were sent and how many answered."""
    sent = answered = under_way = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(ANSWER_S)
        for packet in chain(packets, repeat(b"", AT_ONCE)):
            if packet:
                client.send(packet)
                sent += 1
                under_way += 1
            if under_way >= AT_ONCE or (under_way and not packet):
                try:
                    client.recv(65535)
                    answered += 1
                    under_way -= 1
                except TimeoutError:
                    under_way = 0
    return sent, answered


def ask_on_streams(port: Port) -> None:
    """Some queries over TCP, a connection for every hundred."""
    packets = queries((f"host{i}.{COPIED}." for i in range(ON_STREAMS)), RRType.A)
    for _ in range(ON_STREAMS // 100):
        with socket.create_connection(("127.0.0.1", port), ANSWER_S) as client:
            for _ in range(100):
                client.sendall(frame(next(packets)))
                client.recv(65535)


def main() -> None:
    """Work, and see that it was done."""
    sent = answered = 0
    with tempfile.TemporaryDirectory(prefix="rootward-training-") as name:
        folder = Path(name)
        folder.joinpath(COPIED).write_text("\n".join(copied_zone()) + "\n")
        folder.joinpath(ASKED).write_text("\n".join(asked_zone()) + "\n")
        words = {"folder": folder, "copied": COPIED, "asked": ASKED}
        authority = folder / "authority.toml"
        authority.write_text(AUTHORITY.format(**words))
        with server(authority) as port:
            resolver = folder / "resolver.toml"
            resolver.write_text(RESOLVER.format(**words, port=port))
            with server(resolver) as place:
                for round_ in range(ROUNDS):
                    of_this, got = ask(place, everything(round_))
                    sent, answered = sent + of_this, answered + got
                ask_on_streams(place)
    print(f"training: {answered} of {sent} queries answered")
    if answered < sent * ENOUGH:
        sys.exit("rootward: the training's servers answered too little")


if __name__ == "__main__":
    main()
