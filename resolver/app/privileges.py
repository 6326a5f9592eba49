"""Being somebody with fewer rights than who started us, once privileged ports are bound.

What is kept is the right to bind ports below 1024, so that a reload can listen on another address
(capabilities(7)); everything else that root may do is given up for good. What is in the state
folder must belong to the new user, or nothing could be kept: a folder that is missing is made for
him, and one that is not his is an error, for it may be somebody else's.

Knows: users, Linux capabilities. Does not know: what is bound or kept.
"""

import ctypes
import grp
import os
import pwd
import stat
import sys
from pathlib import Path

from resolver.errors import ConfigError, Finding

_PR_SET_KEEPCAPS = 8
_CAP_NET_BIND_SERVICE = 10
_CAPABILITY_VERSION_3 = 0x20080522
_FOLDER_MODE = 0o750


class _CapabilityHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _CapabilityData(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become(user: str, state_dir: Path) -> None:
    """Become this user, with his groups, for good. Raises ConfigError.

    Who is that user already stays so; somebody else who is not root cannot become anybody.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise _fault("server.user", f"there is no user {user!r}") from None
    if os.geteuid() != 0:
        if os.geteuid() == account.pw_uid:
            return
        raise _fault("server.user", f"only root can become {user}; start as root, or as {user}")
    _make_folder(state_dir, account)
    _check_owner(state_dir, account)
    _keep_capabilities()
    os.setgroups(os.getgrouplist(user, account.pw_gid))
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    if account.pw_uid:
        _bind_only()


def _make_folder(folder: Path, account: pwd.struct_passwd) -> None:
    if folder.exists():
        return
    try:
        folder.mkdir(parents=True, mode=_FOLDER_MODE)
        os.chown(folder, account.pw_uid, account.pw_gid)
    except OSError as error:
        raise _fault("server.state_dir", f"{folder}: {error.strerror}") from None


def _check_owner(folder: Path, account: pwd.struct_passwd) -> None:
    """That the user may write in the folder, and to what is in it. Raises ConfigError."""
    groups = set(os.getgrouplist(account.pw_name, account.pw_gid))
    foreign = [
        path
        for path in (folder, *(path for path in folder.iterdir() if path.is_file()))
        if not _may_write(path, account.pw_uid, groups)
    ]
    if foreign:
        raise ConfigError(
            [
                Finding("server.state_dir", 0, f"{path}: {_describe(path, account.pw_name)}")
                for path in foreign
            ]
        )


def _may_write(path: Path, uid: int, groups: set[int]) -> bool:
    found = path.stat()
    mode = found.st_mode
    needed = stat.S_IWOTH
    if found.st_uid == uid:
        needed = stat.S_IWUSR
    elif found.st_gid in groups:
        needed = stat.S_IWGRP
    return uid == 0 or bool(mode & needed)


def _describe(path: Path, user: str) -> str:
    found = path.stat()
    try:
        owner = pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        owner = str(found.st_uid)
    try:
        group = grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        group = str(found.st_gid)
    mode = stat.S_IMODE(found.st_mode)
    return f"{user} may not write to it (it is {owner}:{group}'s, mode {mode:03o}); chown {user}"


def _keep_capabilities() -> None:
    """Have them outlive the change of user, as far as there are such things."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)


def _bind_only() -> None:
    """Give up every capability but the one to bind low ports; without it we can still serve."""
    if sys.platform != "linux":
        return
    header = _CapabilityHeader(_CAPABILITY_VERSION_3, 0)
    data = (_CapabilityData * 2)()
    data[0].effective = data[0].permitted = 1 << _CAP_NET_BIND_SERVICE
    library = ctypes.CDLL(None, use_errno=True)
    if library.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        # The one to bind is not ours to keep: then keep none.
        data[0].effective = data[0].permitted = 0
        library.capset(ctypes.byref(header), ctypes.byref(data))


def _fault(where: str, reason: str) -> ConfigError:
    return ConfigError([Finding(where, 0, reason)])
