"""Become as confined as a unit of systemd says, then another program: for where no systemd runs.

    python confined.py UNIT STATE_FOLDER COMMAND...

Of the unit it takes NoNewPrivileges=, LimitNOFILE=, UMask=, SystemCallFilter=,
RestrictAddressFamilies= and MemoryDenyWriteExecute=, by the same means as systemd does: filters of
libseccomp. In the place of ProtectSystem=strict, which needs mounts, Landlock (landlock(7)) denies
writing anywhere but below the state folder, where the kernel has it.
"""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ALLOW = 0x7FFF0000
_DENY = 0x00050000  # SCMP_ACT_ERRNO, less the number
_EQUAL, _MASKED = 4, 7  # enum scmp_compare
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 38, 65
_PROT_WRITE, _PROT_EXEC = 2, 4
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
# All rights to change files that ABI 1 has: write, remove, and make of every kind.
_WRITING = 1 << 1 | sum(1 << bit for bit in range(4, 13))
_O_PATH = 0o10000000

libc = ctypes.CDLL(None, use_errno=True)


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp."""

    _fields_ = (
        ("arg", ctypes.c_uint),
        ("op", ctypes.c_int),
        ("a", ctypes.c_uint64),
        ("b", ctypes.c_uint64),
    )


class Beneath(ctypes.Structure):
    """struct landlock_path_beneath_attr."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


class Filter:
    """A filter of system calls with a default; the process is under it once it is loaded."""

    def __init__(self, default: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(default))

    def rule(self, action: int, name: str, *compares: Compare) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # no such call on this machine
        array = (Compare * len(compares))(*compares)
        failed = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(compares), array
        )
        assert failed == 0 or action == ALLOW, (name, failed)

    def load(self) -> None:
        assert self._library.seccomp_load(self._context) == 0


def settings(unit: Path, key: str) -> list[str]:
    return [x.partition("=")[2] for x in unit.read_text().splitlines() if x.startswith(f"{key}=")]


def members(group: str) -> set[str]:
    """The system calls of a set of systemd's."""
    if not group.startswith("@"):
        return {group}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    words = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return set().union(*(members(w) for w in words if w and not w.startswith("#")))


def allowed_calls(lines: Iterable[str]) -> set[str]:
    """By lines of SystemCallFilter=, which begin with a list of what is allowed."""
    calls = members("@default")
    for line in lines:
        named = set[str]().union(*(members(word) for word in line.removeprefix("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def filter_calls(calls: Iterable[str]) -> None:
    made = Filter(_DENY | errno.EPERM)
    for call in calls:
        made.rule(ALLOW, call)
    made.load()


def filter_memory() -> None:
    made = Filter(ALLOW)
    both = _PROT_WRITE | _PROT_EXEC
    made.rule(_DENY | errno.EPERM, "mmap", Compare(2, _MASKED, both, both))
    made.rule(_DENY | errno.EPERM, "mprotect", Compare(2, _MASKED, _PROT_EXEC, _PROT_EXEC))
    made.load()


def filter_families(names: str) -> None:
    allowed = {int(getattr(socket, name)) for name in names.split()}
    made = Filter(ALLOW)
    for family in set(range(46)) - allowed:
        made.rule(_DENY | errno.EAFNOSUPPORT, "socket", Compare(0, _EQUAL, family, 0))
    made.load()


def write_only_below(folder: str) -> None:
    handled = ctypes.c_uint64(_WRITING)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), 8, 0)
    if ruleset < 0:
        return
    for path in (folder, "/dev/null"):
        parent = os.open(path, _O_PATH)
        rights = _WRITING if os.path.isdir(path) else 1 << 1
        rule = Beneath(rights, parent)
        assert libc.syscall(_ADD_RULE, ruleset, 1, ctypes.byref(rule), 0) == 0
        os.close(parent)
    assert libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)


def main(unit: Path, folder: str, command: list[str]) -> None:
    calls = allowed_calls(settings(unit, "SystemCallFilter"))
    limit = int(settings(unit, "LimitNOFILE")[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    os.umask(int(settings(unit, "UMask")[0], 8))
    assert settings(unit, "NoNewPrivileges") == ["yes"]
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    write_only_below(folder)
    assert settings(unit, "MemoryDenyWriteExecute") == ["yes"]
    libc.prctl(_PR_SET_MDWE, 1, 0, 0, 0)  # where the kernel knows it; the filter says the same
    filter_memory()
    filter_families(settings(unit, "RestrictAddressFamilies")[0])
    filter_calls(calls)
    os.execv(command[0], command)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
