"""`rootward init` and `rootward units`: files to begin with, from the templates beside this file.

Nothing that exists is written over: neither is anything written when one of the files is there. A
configuration that was written is checked as `rootward check` does it.

Knows: templates, and where a system keeps the files of a service (FHS 3.0). Does not know: what the
keys of a configuration mean, but for what a unit of systemd has to agree with.
"""

import argparse
import base64
import json
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from resolver.app.control.doors import socket_path
from resolver.app.exits import FAILED, OK
from resolver.config.schema import Config
from resolver.model import Address

SYSTEM_FOLDER = Path("/etc/rootward")
STATE_FOLDER = Path("/var/lib/rootward")  # StateDirectory= of the unit
RUNTIME_FOLDER = Path("/run/rootward")  # RuntimeDirectory=
# Below these the service sees nothing: ProtectHome= and PrivateTmp=.
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")

# What a role has beside its configuration: the file, and its template.
SAMPLES: dict[str, dict[str, str]] = {
    "cache": {},
    "primary": {"zones/example.test.zone": "example.test.zone"},
    "secondary": {},
}
KEY_FILE = "transfer.key"  # of the roles that transfer zones; one that is there is used
_KEY_OCTETS = 32  # as long as the output of HMAC-SHA256 (RFC 8945 section 5.2.2.1)
_SECRET_MODE = 0o600
_OPEN_MODE = 0o666  # less the umask

Text = tuple[str, int]  # what is written to a file, and the mode of the file


def init(options: argparse.Namespace, check: Callable[[Path], int]) -> int:
    """Write a configuration for the role with all it needs, and have it checked; the exit code."""
    folder = options.directory or (SYSTEM_FOLDER if options.system else Path())
    config = folder / "config.toml"
    places = _places(options.role, system=options.system)
    texts: dict[Path, Text] = {config: (_fill(f"{options.role}.toml", places), _OPEN_MODE)}
    for name, template in SAMPLES[options.role].items():
        texts[folder / name] = (_fill(template, {}), _OPEN_MODE)
    if options.role != "cache" and not (folder / KEY_FILE).exists():
        secret = base64.b64encode(secrets.token_bytes(_KEY_OCTETS)).decode()
        texts[folder / KEY_FILE] = (f"{secret}\n", _SECRET_MODE)
    code = _write(texts) or check(config)
    if code == OK:
        print(f"start it: rootward run --config {shlex.quote(str(config))}")
    return code


def units(options: argparse.Namespace, config: Config, source: Path) -> int:
    """Write the units for systemd into a folder; the exit code."""
    command = [*own_command(), str(source.absolute())]
    *words, place = (_word(word) for word in command)
    sockets = "\n".join(_listen(address) for address in config.server.listen)
    folder: Path = options.directory
    service = _fill("rootward.service", {"command": " ".join(words), "config": place})
    code = _write(
        {
            folder / "rootward.service": (service, _OPEN_MODE),
            folder / "rootward.socket": (_fill("rootward.socket", {"listen": sockets}), _OPEN_MODE),
        }
    )
    if code == OK:
        for doubt in _doubts(config, command):
            print(f"warning: {doubt}")
    return code


def _doubts(config: Config, command: Iterable[str]) -> Iterator[str]:
    """Why the service will not work as it is."""
    for path in command:
        if path.startswith(_HIDDEN):
            yield f"{path}: the service cannot see it there; it can in /opt and /etc"
    if config.server.state_dir != STATE_FOLDER:
        yield f"server.state_dir: the service may write to {STATE_FOLDER} alone"
    control = socket_path(config)
    if control is None:
        yield "control.socket: without one `systemctl reload` fails; send SIGHUP instead"
    elif control.parent not in (STATE_FOLDER, RUNTIME_FOLDER):
        yield f"control.socket: the service may make it in {RUNTIME_FOLDER} alone"
    if config.server.user:
        yield "server.user: the service is not root, so it cannot become another user"


def _places(role: str, *, system: bool) -> Mapping[str, str]:
    """Where a service of the system has its files and listens, or one that is tried out here."""
    if system:
        state, control = str(STATE_FOLDER), str(RUNTIME_FOLDER / "control.sock")
        listen = ["127.0.0.1", "::1"] if role == "cache" else ["0.0.0.0", "::"]
    else:
        state, control = "var", "var/control.sock"
        listen = ["127.0.0.1:1053", "[::1]:1053"]
    if not _has_ipv6():
        del listen[1]
    return {"state": state, "control": control, "listen": json.dumps(listen)}


def _has_ipv6() -> bool:
    """Whether this machine can listen on an address of IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listen(address: Address) -> str:
    place = f"[{address.ip}]" if ":" in address.ip else address.ip
    return f"ListenDatagram={place}:{address.port}\nListenStream={place}:{address.port}"


def _word(text: str) -> str:
    """One word of a command line as systemd reads it (systemd.service(5))."""
    return shlex.quote(text.replace("%", "%%").replace("$", "$$"))


def own_command() -> list[str]:
    """How this command is started, in full."""
    found = Path(sys.argv[0]).absolute()
    if found.name == "rootward" and os.access(found, os.X_OK):
        return [str(found)]
    return [sys.executable, "-m", "resolver"]


def _fill(name: str, values: Mapping[str, str]) -> str:
    text = files("resolver.app").joinpath("templates", name).read_text(encoding="utf-8")
    return Template(text).substitute(values)


def _write(texts: Mapping[Path, Text]) -> int:
    """Write all of these files, or none; the exit code."""
    taken = [path for path in texts if path.exists() or path.is_symlink()]
    if taken:
        print(*(f"{path}: is there already; nothing was written" for path in taken), sep="\n")
        return FAILED
    written: list[Path] = []
    try:
        for path, (text, mode) in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        print(f"{error.filename or path}: {error.strerror}")
        return FAILED
    print(*texts, sep="\n")
    return OK
