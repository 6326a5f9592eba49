"""The files of the control sockets: who may open them, and what is left of a dead server.

A socket takes nobody in before its owner and mode are set. One that nobody listens on any more is
replaced; one that answers belongs to a server that runs.

Knows: paths, modes, groups. Does not know: what is said through a socket.
"""

import contextlib
import errno
import grp
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from resolver.config.schema import Config

SOCKET_FILE = "control.sock"  # in `server.state_dir` unless configured
_OWNER = 0o600
_GROUP = 0o660
_BACKLOG = 16
_MAX_PATH_OCTETS = 107  # sun_path of unix(7), without the zero at its end


class DoorError(OSError):
    """A socket that cannot be opened; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Door:
    """One socket: where, whose group beside the owner, and whether those who come in may change
    anything. `asked_for` says whether it is in the configuration."""

    path: Path
    group: str = ""
    changes: bool = True
    asked_for: bool = True


def doors_of(config: Config) -> list[Door]:
    """The sockets that are configured."""
    control = config.control
    found = []
    path = socket_path(config)
    if path is not None:
        asked_for = "socket" in control.model_fields_set
        found.append(Door(path, control.group, asked_for=asked_for))
    if control.read_only_socket is not None:
        found.append(Door(control.read_only_socket, control.read_only_group, changes=False))
    return found


def socket_path(config: Config) -> Path | None:
    """Where the socket for everything is; None without one."""
    control = config.control
    asked_for = "socket" in control.model_fields_set
    return control.socket if asked_for else config.server.state_dir / SOCKET_FILE


def open_door(door: Door) -> socket.socket:
    """A socket that listens. Raises DoorError."""
    try:
        group = grp.getgrnam(door.group).gr_gid if door.group else None
    except KeyError:
        raise DoorError(f"{door.path}: there is no group {door.group!r}") from None
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_folder(door.path.parent, open_to_others=group is not None)
        _clear(door.path)
        with reachable(door.path) as place:
            sock.bind(place)
        if group is not None:
            os.chown(door.path, -1, group)
        door.path.chmod(_OWNER if group is None else _GROUP)
        sock.listen(_BACKLOG)
    except DoorError:
        sock.close()
        raise
    except OSError as error:
        sock.close()
        raise DoorError(f"{door.path}: {error.strerror or error}") from error
    sock.setblocking(False)
    return sock


def identity_of(path: Path) -> tuple[int, int] | None:
    """What tells this file from another one that has taken its place."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def close_door(door: Door, sock: socket.socket, identity: tuple[int, int] | None) -> None:
    """Close a door, and take its file away if that is still the one that was opened."""
    sock.close()
    if identity is not None and identity_of(door.path) == identity:
        door.path.unlink(missing_ok=True)


@contextlib.contextmanager
def reachable(path: Path) -> Iterator[str]:
    """The path as the system takes it for a socket: a long one by way of its folder."""
    if len(os.fsencode(path)) <= _MAX_PATH_OCTETS:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _make_folder(folder: Path, *, open_to_others: bool) -> None:
    """A folder that is missing is the owner's; others may go through it to a socket of theirs."""
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o711 if open_to_others else 0o700)


def _clear(path: Path) -> None:
    """Take away what a dead server has left. Raises DoorError for anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise DoorError(f"{path}: there is a file of that name which is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        with reachable(path) as place:
            reason = probe.connect_ex(place)
    if reason in (errno.ECONNREFUSED, errno.ENOENT):
        path.unlink(missing_ok=True)
        return
    if reason in (0, errno.EAGAIN, errno.EINPROGRESS):
        raise DoorError(f"{path}: another server that runs listens there")
    raise DoorError(f"{path}: {os.strerror(reason)}")
