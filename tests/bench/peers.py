"""The servers that are compared, each with one worker and the same zones.

As recursive servers they are told to ask one authoritative server for every zone, and nothing else;
validation and minimisation are off in all of them, because there is nothing to validate and one
server knows every name. Access control, counters, EDNS and what else a server does by default is
on. `FLOOR` is no server: it echoes datagrams.

Knows: configuration files. Does not know: what is asked (workloads.py), how it is measured.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import IPV4, IPV6

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ROOT / "build" / "compiled"
CACHE_MIB = 512


@dataclass(frozen=True, slots=True)
class Place:
    """Where and for what a server is set up. `zones` has a file named by each zone; `upstream` is
    the port of the server that a recursive one asks."""

    folder: Path
    port: int
    zones: Path
    upstream: int
    ipv6: bool

    def names(self) -> list[str]:
        """All zones."""
        return sorted(path.name for path in self.zones.iterdir())

    def write(self, name: str, lines: Sequence[str]) -> str:
        """A configuration file; its path."""
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n")
        return str(path)


Command = Callable[[Place], list[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be set up. `binary` None for our own."""

    name: str
    binary: str | None
    command: Command
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_installed(self) -> bool:
        """Whether it can be run here."""
        return self.binary is None or shutil.which(self.binary) is not None


@dataclass(frozen=True, slots=True)
class More:
    """Lines for our configuration: of [server], and of tables of their own."""

    server: Sequence[str] = ()
    tables: Sequence[str] = ()


def _ours(place: Place, more: More, *, recursive: bool) -> list[str]:
    addresses = [f'"{IPV4}:{place.port}"'] + [f'"[{IPV6}]:{place.port}"'] * place.ipv6
    lines = [
        f"[server]\nlisten = [{', '.join(addresses)}]\nworkers = 1",
        f'state_dir = "{place.folder}/state-{place.port}"',
        *more.server,
        '[access]\nquery = ["any"]\nrecursion = ["any"]\ncache = ["any"]',
        f"[recursion]\nenabled = {str(recursive).lower()}\npriming = false\nprefetch = false",
        'qname_minimisation = "off"\ndo_not_query = []\nspecial_names = false',
        f'[cache]\nsize = "{CACHE_MIB}MiB"\nsnapshot = false\n[control]\nsocket = ""',
    ]
    for name in place.names():
        lines += (
            ["[[stub]]", f'name = "{name}"', f'to = ["{IPV4}:{place.upstream}"]']
            if recursive
            else ["[[zone]]", f'name = "{name}"', f'file = "{place.zones / name}"']
        )
    lines += more.tables
    config = place.write(f"rootward.{place.port}.toml", lines)
    return [sys.executable, "-m", "resolver", "run", "--config", config]


def _unbound(place: Place) -> list[str]:
    lines = [
        f"server:\n interface: {IPV4}@{place.port}",
        *[f" interface: {IPV6}@{place.port}"] * place.ipv6,
        ' username: ""\n chroot: ""\n use-syslog: no\n num-threads: 1\n verbosity: 0',
        f" directory: {place.folder}\n pidfile: {place.folder}/unbound.pid",
        " access-control: 127.0.0.0/8 allow\n access-control: ::1 allow",
        f" msg-cache-size: {CACHE_MIB // 2}m\n rrset-cache-size: {CACHE_MIB}m",
        " module-config: iterator\n do-not-query-localhost: no\n outgoing-range: 4096",
        " num-queries-per-thread: 2048\n qname-minimisation: no\n minimal-responses: yes",
        " local-zone: test. nodefault\n incoming-num-tcp: 1000",
        "remote-control:\n control-enable: no",
    ]
    stub = f"stub-addr: {IPV4}@{place.upstream}"
    lines += [f"stub-zone:\n name: {name}\n {stub}" for name in place.names()]
    return ["unbound", "-d", "-c", place.write(f"unbound.{place.port}.conf", lines)]


def _named(place: Place, *, recursive: bool) -> list[str]:
    listen6 = f"port {place.port} {{ {IPV6}; }}" if place.ipv6 else "{ none; }"
    lines = [
        f'options {{ directory "{place.folder}"; pid-file none;',
        f'session-keyfile "{place.folder}/session.{place.port}.key";',
        f"listen-on port {place.port} {{ {IPV4}; }}; listen-on-v6 {listen6};",
        "allow-query { any; }; dnssec-validation no; minimal-responses yes; empty-zones-enable no;",
        f"recursion {'yes' if recursive else 'no'};",
        *["allow-recursion { any; }; qname-minimization off; max-cache-size 1g;"] * recursive,
        "};\ncontrols { };",
    ]
    kind = f"type forward; forward only; forwarders {{ {IPV4} port {place.upstream}; }};"
    for name in place.names():
        is_file = f'type primary; file "{place.zones / name}";'
        lines.append(f'zone "{name}" {{ {kind if recursive else is_file} }};')
    config = place.write(f"named.{place.port}.conf", lines)
    log = f"{place.folder}/named.{place.port}.lines"
    return ["named", "-n", "1", "-f", "-c", config, "-L", log]


def _knot_resolver(place: Place) -> list[str]:
    folder = place.folder / f"kresd.{place.port}"
    folder.mkdir()
    lines = [
        f"net.listen('{address}', {place.port}, {{kind='dns'}})"
        for address in [IPV4] + [IPV6] * place.ipv6
    ]
    lines += [f"cache.open({CACHE_MIB}*MB, 'lmdb://{folder}')", "trust_anchors.remove('.')"]
    for name in place.names():
        suffix = f"{{todname('{name}')}}"
        to = f"policy.STUB('{IPV4}@{place.upstream}')"
        lines.append(f"policy.add(policy.suffix(policy.FLAGS({{'NO_MINIMIZE'}}), {suffix}))")
        lines.append(f"policy.add(policy.suffix({to}, {suffix}))")
    return ["kresd", "-n", "-c", place.write(f"kresd.{place.port}.conf", lines), str(folder)]


def _recursor(place: Place) -> list[str]:
    folder = place.folder / f"recursor.{place.port}"
    folder.mkdir()
    addresses = [IPV4] + [IPV6] * place.ipv6
    zones = ",".join(f"{name}={IPV4}:{place.upstream}" for name in place.names())
    lines = [
        f"local-address={','.join(addresses)}\nlocal-port={place.port}\nforward-zones={zones}",
        "threads=1\npdns-distributes-queries=no\ndnssec=off\ndaemon=no\ndont-query=",
        f"socket-dir={folder}\nqname-minimization=no\nmax-cache-entries=2000000",
        "loglevel=3\nquiet=yes",
    ]
    (folder / "recursor.conf").write_text("\n".join(lines) + "\n")
    return ["pdns_recursor", f"--config-dir={folder}"]


def _dnsmasq(place: Place) -> list[str]:
    lines = [
        f"port={place.port}\nlisten-address={IPV4}",
        *[f"listen-address={IPV6}"] * place.ipv6,
        "bind-interfaces\nno-resolv\nno-hosts\ncache-size=150000\ndns-forward-max=4000\nuser=root",
    ]
    lines += [f"server=/{name}/{IPV4}#{place.upstream}" for name in place.names()]
    return ["dnsmasq", "-k", "-C", place.write(f"dnsmasq.{place.port}.conf", lines)]


def _nsd(place: Place) -> list[str]:
    own = f"{place.folder}/nsd.{place.port}"
    lines = [
        f"server:\n ip-address: {IPV4}@{place.port}",
        *[f" ip-address: {IPV6}@{place.port}"] * place.ipv6,
        f' server-count: 1\n username: ""\n zonesdir: {place.zones}\n database: ""',
        f" pidfile: {own}.pid\n zonelistfile: {own}.list\n xfrdfile: {own}.xfrd",
        f" xfrdir: {place.folder}\n rrl-ratelimit: 0\n rrl-whitelist-ratelimit: 0",
        "remote-control:\n control-enable: no",
    ]
    lines += [f"zone:\n name: {name}\n zonefile: {name}" for name in place.names()]
    return ["nsd", "-d", "-c", place.write(f"nsd.{place.port}.conf", lines)]


def _knot(place: Place) -> list[str]:
    folder = place.folder / f"knot.{place.port}"
    folder.mkdir()
    addresses = [f"{IPV4}@{place.port}"] + [f"{IPV6}@{place.port}"] * place.ipv6
    lines = [
        f"server:\n    rundir: {folder}\n    listen: [{', '.join(addresses)}]",
        "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1",
        f"database:\n    storage: {folder}\ntemplate:\n  - id: default\n    storage: {place.zones}",
        '    file: "%s"\n    zonefile-sync: -1\n    journal-content: none\nzone:',
    ]
    lines += [f"  - domain: {name}\n    file: {name}" for name in place.names()]
    return ["knotd", "-c", place.write(f"knot.{place.port}.conf", lines)]


_ECHO = r"""
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


def _floor(place: Place) -> list[str]:
    program = place.folder / "echo"
    if not program.exists():
        source = program.with_suffix(".c")
        source.write_text(_ECHO)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
    return [str(program), str(place.port)]


def ours(*, compiled: bool, more: More = More()) -> tuple[Peer, Peer]:
    """Our server, recursive and authoritative."""
    name = "rootward, compiled" if compiled else "rootward"
    paths = {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{COMPILED}:{ROOT}"}
    environment = paths if compiled else {"PYTHONPATH": str(ROOT)}
    return (
        Peer(name, None, lambda place: _ours(place, more, recursive=True), environment),
        Peer(name, None, lambda place: _ours(place, more, recursive=False), environment),
    )


RECURSIVE = (
    Peer("unbound", "unbound", _unbound),
    Peer("bind", "named", lambda place: _named(place, recursive=True)),
    Peer("knot resolver", "kresd", _knot_resolver),
    Peer("powerdns recursor", "pdns_recursor", _recursor),
    Peer("dnsmasq", "dnsmasq", _dnsmasq),
)
AUTHORITATIVE = (
    Peer("nsd", "nsd", _nsd),
    Peer("knot", "knotd", _knot),
    Peer("bind", "named", lambda place: _named(place, recursive=False)),
)
FLOOR = Peer("floor", "cc", _floor)
