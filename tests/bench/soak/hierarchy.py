"""The fake Internet of the soak, as a process of its own.

    python -m tests.bench.soak.hierarchy FOLDER

Writes FOLDER/root.hints and FOLDER/port, and serves until standard input ends. A line on that is
the moment on the monotonic clock that truth.py counts from; until it comes, nothing changes.
"""

import sys
import time
from collections.abc import Callable
from itertools import count
from math import inf
from pathlib import Path

import dnslib

from resolver.codes import RRType
from resolver.testing import Internet, Loopback, Query, Response, zone
from tests.bench.soak import truth

LOSS = 0.2
DELAY_S = 0.15


class Hierarchy:
    """The tree, and the faults that come and go."""

    def __init__(self) -> None:
        self.net = Internet(seed=11)
        self.epoch = inf
        self._numbers = count(257)
        self.roots = [self.server(), self.server()]
        self.com = [self.server(), self.server()]
        self.tlds = [self.server(), self.server(), self.server()]
        self.net.root(".", *self.roots)
        for origin in ("net.", "arpa."):
            self.net.host(origin, *self.tlds)
        self.net.lose(self.tlds[0], share=LOSS)
        self.net.dead(self.tlds[1])
        self._host_zones()
        self._host_nomads()
        self._host_broken()

    def server(self) -> str:
        """The next free address."""
        number = next(self._numbers)
        return f"198.18.{number >> 8}.{number & 255}"

    def elapsed_s(self) -> float:
        """The time that truth.py counts in."""
        return max(0.0, time.monotonic() - self.epoch)

    def _host_zones(self) -> None:
        host, server = self.net.host, self.server
        ttl = truth.LONG_TTL_S
        for k in range(truth.STEADY):
            text = _hosts(truth.HOSTS, ttl, lambda i, k=k: truth.steady(k, i))
            host(f"steady{k}.com.", server(), server(), zone(f"steady{k}.com.", text))
        for k in range(truth.SHORT):
            good, lame, dead = server(), server(), server()
            text = _hosts(truth.FEW, truth.SHORT_TTL_S, lambda i, k=k: truth.steady(100 + k, i))
            host(f"short{k}.net.", good, lame, dead, zone(f"short{k}.net.", text))
            self.net.lose(good, share=LOSS)
            self.net.lame(lame)
            self.net.dead(dead)
        for k in range(truth.MOVING):
            swift, slow = server(), server()
            text = _hosts(truth.FEW, truth.MOVING_TTL_S, lambda i, k=k: truth.moving(k, i, 0))
            host(f"moving{k}.com.", swift, slow, zone(f"moving{k}.com.", text))
            for address in (swift, slow):
                self.net.fault(address, self._moving(k), rrtype="A", name=f"moving{k}.com.")
            self.net.delay(slow, DELAY_S)
            aliases = "\n".join(
                f"w{i} {truth.ALIAS_TTL_S} CNAME h{i}.moving{k}.com." for i in range(truth.FEW)
            )
            host(f"alias{k}.net.", server(), zone(f"alias{k}.net.", aliases))
        for k in range(truth.MORTAL):
            address, other = server(), server()
            text = _hosts(truth.FEW, truth.MORTAL_TTL_S, lambda i, k=k: truth.mortal(k, i, 0))
            host(f"mortal{k}.net.", address, other, zone(f"mortal{k}.net.", text))
            for each in (address, other):
                self.net.fault(each, self._mortal(k))
        for k in range(truth.WILD):
            text = f"* {truth.WILD_TTL_S} A {_show(truth.steady(200, k))}"
            host(f"wild{k}.com.", server(), server(), zone(f"wild{k}.com.", text))
            host(f"empty{k}.net.", server(), zone(f"empty{k}.net."))
        big = "\n".join(
            f'b {ttl} TXT "{i:03}{"x" * (truth.BIG_OCTETS - 3)}"' for i in range(truth.BIG_RECORDS)
        )
        host("big.com.", server(), zone("big.com.", big))
        reverse = "18.198.in-addr.arpa."
        names = "\n".join(
            f"{i}.{k} {ttl} PTR h{i}.steady{k}.com." for k in range(4) for i in range(50)
        )
        host(reverse, server(), zone(reverse, names))

    def _host_nomads(self) -> None:
        """Their delegations are made by hand, and changed on the way out."""
        text = []
        for k in range(truth.NOMADS):
            servers = [self.server() for _ in range(truth.NOMAD_SERVERS)]
            origin = f"nomad{k}.com."
            ttl = truth.NOMAD_TTL_S
            glue = f"ns1 {ttl} A {servers[0]}"
            text.append(f"nomad{k} {ttl} NS ns1.nomad{k}\nns1.nomad{k} {ttl} A {servers[0]}")
            hosts = _hosts(truth.FEW, truth.SHORT_TTL_S, lambda i, k=k: truth.steady(150 + k, i))
            self.net.host(origin, *servers, zone(origin, f"@ {ttl} NS ns1\n{glue}\n{hosts}"))
            for address in self.com:
                self.net.fault(address, self._redirected(k, servers), name=origin)
            for j, address in enumerate(servers):
                self.net.fault(address, self._redirected(k, servers))
                self.net.fault(address, self._left(k, j))
        self.net.host("com.", *self.com, zone("com.", "\n".join(text)))

    def _host_broken(self) -> None:
        for k in range(truth.LAME):
            address = self.server()
            self.net.host(f"lame{k}.net.", address)
            self.net.lame(address, "refused" if k else "upward")
        self.net.host("loop.net.", self.server(), zone("loop.net.", "a CNAME b\nb CNAME a"))

    def _moving(self, k: int) -> Callable[[Query, Response], Response]:
        def fault(query: Query, response: Response) -> Response:
            version = truth.moving_version(k, self.elapsed_s())
            return _readdress(response, lambda i: truth.moving(k, i, version))

        return fault

    def _mortal(self, k: int) -> Callable[[Query, Response], Response | None]:
        def fault(query: Query, response: Response) -> Response | None:
            elapsed_s = self.elapsed_s()
            if truth.mortal_is_dead(k, elapsed_s):
                return None
            deaths = truth.mortal_deaths(k, elapsed_s)
            return _readdress(response, lambda i: truth.mortal(k, i, deaths))

        return fault

    def _redirected(self, k: int, servers: list[str]) -> Callable[[Query, Response], Response]:
        """Whoever names the server of the zone names the one it has now."""

        def fault(query: Query, response: Response) -> Response:
            home = servers[truth.nomad_home(k, self.elapsed_s())]
            record = response.record
            for section in (record.rr, record.ar):
                for i, rr in enumerate(section):
                    if rr.rtype == RRType.A and str(rr.rname).startswith("ns1."):
                        section[i] = dnslib.RR(rr.rname, RRType.A, ttl=rr.ttl, rdata=dnslib.A(home))
            return response

        return fault

    def _left(self, k: int, server: int) -> Callable[[Query, Response], Response | None]:
        def fault(query: Query, response: Response) -> Response | None:
            return response if truth.nomad_answers(k, server, self.elapsed_s()) else None

        return fault


def _hosts(number: int, ttl: int, value: Callable[[int], bytes]) -> str:
    return "\n".join(f"h{i} {ttl} A {_show(value(i))}" for i in range(number))


def _show(address: bytes) -> str:
    return ".".join(str(octet) for octet in address)


def _readdress(response: Response, value: Callable[[int], bytes]) -> Response:
    """Answers for h0, h1 … with the address of this moment."""
    record = response.record
    for i, rr in enumerate(record.rr):
        first = rr.rname.label[0].lower()
        if rr.rtype == RRType.A and first[:1] == b"h":
            address = dnslib.A(_show(value(int(first[1:]))))
            record.rr[i] = dnslib.RR(rr.rname, RRType.A, ttl=rr.ttl, rdata=address)
    return response


def main() -> None:
    folder = Path(sys.argv[1])
    hierarchy = Hierarchy()
    with Loopback(hierarchy.net) as up:
        up.write_hints(folder / "root.hints")
        (folder / "port.new").write_text(str(up.port))
        (folder / "port.new").rename(folder / "port")
        hierarchy.epoch = float(sys.stdin.readline() or inf)
        sys.stdin.read()


if __name__ == "__main__":
    main()
