"""A machine of its own, while a test runs: bare, or with systemd as process 1.

It has the programs of this machine and nothing else of it (process_one.py). Killing whoever started
it, in whatever way, ends it and all that it has made but for an empty cgroup.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import resolver
from tests.system.process_one import NAMESPACES

TIMEOUT_S = 60.0
SYSTEMD = Path("/lib/systemd/systemd")
UNITS = SYSTEMD.parent / "system"
JOURNAL = "systemd-journald"  # all of systemd's own services that is started
TARGET = "[Unit]\nRequires=sysinit.target sockets.target\n"
PROGRAMS = ("mount", "nsenter", "pivot_root", "setpriv", "unshare")
PROGRAM = "/opt/rootward/bin/rootward"
PATH = "/opt/rootward/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What pip would write, but for where the modules are: in folders of this machine.
START = """#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib PYTHONPATH=/opt/source:/opt/packages
export PYTHONDONTWRITEBYTECODE=1
exec /opt/python/bin/{python} -P -c '
import sys
sys.argv[0] = "{program}"
from resolver.app.cli import main
sys.exit(main())
' "$@"
"""
ETC = {
    "group": "root:x:0:\nnogroup:x:65534:\n",
    "hostname": "own-machine\n",
    "hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "machine-id": "0123456789abcdef0123456789abcdef\n",
    "nsswitch.conf": "passwd: files systemd\ngroup: files systemd\nhosts: files\n",
    "passwd": "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n",
}


def groups() -> Path | None:
    """Where control groups can be made, if anywhere."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return next((Path(place) for _, place, kind, *_ in mounts if kind == "cgroup2"), None)


def why_not(*programs: str | Path) -> str:
    """Why no machine with these programs can be made here; empty when it can."""
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    wanted = map(str, (*PROGRAMS, *programs))
    if missing := [name for name in wanted if shutil.which(name, path=path) is None]:
        return f"{' and '.join(missing)} is not installed"
    if os.geteuid() != 0:
        return "only root can make a machine of its own"
    try:
        with group():
            probe = ["unshare", "--mount", "--propagation=private", *NAMESPACES, "--fork"]
            mounts = "mount -t tmpfs tmpfs /mnt && mount -t cgroup2 cgroup2 /mnt"
            tried = subprocess.run([*probe, "sh", "-c", mounts], capture_output=True, text=True)
    except OSError as error:
        return f"no control group can be made: {error}"
    return f"namespaces are not permitted here: {tried.stderr}" if tried.returncode else ""


@contextlib.contextmanager
def group() -> Iterator[Path]:
    """A control group, removed with all that is below it."""
    top = groups()
    if top is None:
        raise FileNotFoundError("cgroup2 is not mounted")
    for left in top.glob("rootward-test-*"):  # by one who was killed
        if not Path("/proc", left.name.split("-")[2]).exists():
            with contextlib.suppress(OSError):
                remove_group(left, patience_s=0)
    place = Path(tempfile.mkdtemp(prefix=f"rootward-test-{os.getpid()}-", dir=top))
    try:
        yield place
    finally:
        remove_group(place, TIMEOUT_S)


def remove_group(place: Path, patience_s: float) -> None:
    """With all that is in it. Its processes may take a moment to be gone."""
    until = time.monotonic() + patience_s
    for folder, _, _ in os.walk(place, topdown=False):
        while Path(folder).exists():
            try:
                Path(folder).rmdir()
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)


@contextlib.contextmanager
def ended_with_us(
    command: list[str], place: Path, folder: Path, kept: str
) -> Iterator["subprocess.Popen[str]"]:
    """A machine whose process 1 is this command, and what is shown to it."""
    shown = (
        f"/opt/python={sys.base_prefix}",
        f"/opt/packages={sysconfig.get_paths()['purelib']}",
        f"/opt/source={Path(resolver.__file__).parents[1]}",
        f"/opt/tests={Path(__file__).parent}",
    )
    script = str(Path(__file__).parent / "process_one.py")
    python = [sys.executable, "-S", "-E", script]
    start = [*python, kept, str(place), str(folder), *shown, "--", *command]
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig=KILL", *start],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


class Machine:
    """A machine that runs: `run` has it do something."""

    def __init__(self, process_one: int) -> None:
        self._enter = ["nsenter", f"--target={process_one}", "--all", "--root", "--wd", "--"]

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """A command that runs there."""
        return subprocess.Popen(
            [*self._enter, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": PATH, "LC_ALL": "C", "SYSTEMD_PAGER": ""},
        )

    def run(self, *command: str, typed: str = "") -> tuple[int, str]:
        """The exit code of a command there, and what it said."""
        with self.start(*command) as process:
            try:
                said = process.communicate(typed, TIMEOUT_S)[0]
            finally:
                process.kill()
        return process.returncode, said.strip()

    def do(self, *command: str, typed: str = "") -> str:
        """What a command said that has to go well."""
        code, said = self.run(*command, typed=typed)
        if code:
            told = self.run("journalctl", "--no-pager", "--lines=30", "--output=cat")[1]
            raise AssertionError(f"{' '.join(command)}: {code}: {said}\n{told}")
        return said

    def write(self, path: str, text: str) -> None:
        self.do("mkdir", "-p", str(Path(path).parent))
        self.do("tee", path, typed=text)

    def wait_for(self, command: str, wanted: str) -> None:
        """Until the command says this."""
        until = time.monotonic() + TIMEOUT_S
        while wanted not in (said := self.run("sh", "-c", command)[1]):
            assert time.monotonic() < until, f"{command}: {said}"
            time.sleep(0.1)


@contextlib.contextmanager
def machine(folder: Path) -> Iterator[Machine]:
    """One on which systemd has started; `folder` is for what its root is made of."""
    write_root(folder)
    write_units(folder)
    command = [str(SYSTEMD), "--unit=tested.target", "--log-target=journal-or-kmsg"]
    with running(command, folder) as made:
        made.wait_for("systemctl is-system-running", "running")
        yield made


@contextlib.contextmanager
def running(command: list[str], folder: Path, *, kept: str = "") -> Iterator[Machine]:
    """A machine whose root is made of a folder, with a command as its process 1."""
    with group() as place, ended_with_us(command, place, folder, kept) as process:
        made = Machine(process_one_of(process, Path(command[0]).name))
        # Nobody but this one has it: never is another machine told to do anything.
        assert made.do("cat", "/etc/hostname") == "own-machine"
        yield made


def process_one_of(process: "subprocess.Popen[str]", name: str) -> int:
    """As whom we know its process 1, once that is this program."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + TIMEOUT_S
    while time.monotonic() < until and process.poll() is None:
        for child in children.read_text().split():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{child}/comm").read_text().strip() == name:
                    return int(child)
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"{name} has not started: {process.communicate()[0]}")


def write_root(folder: Path) -> None:
    """With rootward installed."""
    for name, text in ETC.items():
        path = folder / "etc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy("/etc/ld.so.cache", folder / "etc/ld.so.cache")
    (folder / "var/tmp").mkdir(parents=True)
    (folder / "var/run").symlink_to("/run")
    program = folder / PROGRAM.lstrip("/")
    program.parent.mkdir(parents=True)
    python = Path(sys._base_executable).resolve().name  # type: ignore[attr-defined]
    program.write_text(START.format(python=python, program=PROGRAM))
    program.chmod(0o755)


def write_units(folder: Path) -> None:
    """No unit but those that a service needs: nothing of what is installed here is started."""
    units = folder / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "tested.target").write_text(TARGET)
    for unit in (*UNITS.glob("systemd-*"), *UNITS.glob("dbus.*")):
        if not unit.name.startswith(JOURNAL):
            (units / unit.name).symlink_to("/dev/null")
