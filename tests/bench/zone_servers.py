"""Servers with one large zone each, as its primary or as its secondary, one thread or worker each.

All may be transferred from. What a secondary keeps of a transfer on the disk is what it keeps by
default. Knows: configuration files. Does not know: the zone, how anything is measured.
"""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.peers import COMPILED, ROOT
from tests.bench.processes import IPV4


@dataclass(frozen=True, slots=True)
class Large:
    """What a server is set up with: the zone, from its file, or from the primary at a port."""

    zone: str
    port: int
    folder: Path
    file: Path | None = None
    primary: int = 0

    def write(self, name: str, text: str) -> str:
        """A configuration file; its path."""
        path = self.folder / name
        path.write_text(text)
        return str(path)


@dataclass(frozen=True, slots=True)
class ZoneServer:
    """A server that can be set up. `binary` None for our own."""

    name: str
    binary: str | None
    command: Callable[[Large], list[str]]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_installed(self) -> bool:
        """Whether it can be run here."""
        return self.binary is None or shutil.which(self.binary) is not None


def _rootward(large: Large) -> list[str]:
    source = (
        f'file = "{large.file}"'
        if large.file
        else f'role = "secondary"\nprimaries = ["{IPV4}:{large.primary}"]'
    )
    text = (
        f'[server]\nlisten = ["{IPV4}:{large.port}"]\nworkers = 1\n'
        f'state_dir = "{large.folder}/state"\n[access]\ntransfer = ["localhost"]\n'
        f'[recursion]\nenabled = false\n[control]\nsocket = ""\n'
        f'[[zone]]\nname = "{large.zone}"\n{source}\n'
    )
    return [
        sys.executable,
        "-m",
        "resolver",
        "run",
        "--config",
        large.write("rootward.toml", text),
    ]


def _named(large: Large) -> list[str]:
    source = (
        f'type primary; file "{large.file}";'
        if large.file
        else f'type secondary; file "copy"; primaries {{ {IPV4} port {large.primary}; }};'
    )
    text = (
        f'options {{ directory "{large.folder}"; pid-file none; recursion no;\n'
        f'session-keyfile "{large.folder}/session.key"; listen-on-v6 {{ none; }};\n'
        f"listen-on port {large.port} {{ {IPV4}; }}; dnssec-validation no; notify no;\n"
        "allow-transfer { any; }; empty-zones-enable no; };\ncontrols { };\n"
        f'zone "{large.zone}" {{ {source} }};\n'
    )
    return ["named", "-g", "-n", "1", "-c", large.write("named.conf", text)]


def _nsd(large: Large) -> list[str]:
    source = (
        f"zonefile: {large.file}"
        if large.file
        else f"zonefile: copy\n request-xfr: AXFR {IPV4}@{large.primary} NOKEY"
    )
    own = f"{large.folder}/nsd"
    text = (
        f"server:\n ip-address: {IPV4}@{large.port}\n server-count: 1\n"
        f' username: ""\n zonesdir: {large.folder}\n database: ""\n pidfile: {own}.pid\n'
        f" zonelistfile: {own}.list\n xfrdfile: {own}.xfrd\n xfrdir: {large.folder}\n"
        " rrl-ratelimit: 0\n tcp-timeout: 600\nremote-control:\n control-enable: no\n"
        f"zone:\n name: {large.zone}\n provide-xfr: {IPV4} NOKEY\n {source}\n"
    )
    return ["nsd", "-d", "-c", large.write("nsd.conf", text)]


def _knot(large: Large) -> list[str]:
    source = f"file: {large.file}" if large.file else "file: copy\n    master: primary"
    remote = f"remote:\n  - id: primary\n    address: {IPV4}@{large.primary}\n"
    text = (
        f"server:\n    rundir: {large.folder}\n    listen: {IPV4}@{large.port}\n"
        "    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {large.folder}\n{'' if large.file else remote}"
        f"acl:\n  - id: open\n    address: {IPV4}\n    action: transfer\n"
        f"zone:\n  - domain: {large.zone}\n    storage: {large.folder}\n    acl: open\n"
        f"    {source}\n"
    )
    return ["knotd", "-c", large.write("knot.conf", text)]


INTERPRETED = ZoneServer("rootward", None, _rootward, {"PYTHONPATH": str(ROOT)})
COMPILED_COPY = ZoneServer(
    "rootward, compiled",
    None,
    _rootward,
    {"PYTHONSAFEPATH": "1", "PYTHONPATH": f"{COMPILED}:{ROOT}"},
)
NSD = ZoneServer("nsd", "nsd", _nsd)
BIND = ZoneServer("bind", "named", _named)
OTHERS = (BIND, NSD, ZoneServer("knot", "knotd", _knot))
