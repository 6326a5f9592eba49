"""Make a root of its own from this machine's programs and become its process 1.

python process_one.py KEPT GROUP FOLDER SHOWN... -- COMMAND...

GROUP is a folder in a cgroup2 file system for it and its children. FOLDER has what is to be in its
root beside the programs, such as `etc`; a copy is made. Each of SHOWN is `PLACE=PATH`: what is at
PATH here can be read at PLACE there. COMMAND is run as process 1.

Nothing of this machine can be written there: it has mounts, processes, a network and cgroups of its
own, sees /usr and SHOWN read-only, and has no file system besides but in memory. COMMAND is not run
unless that is seen to be so. It has none of the capabilities with which devices are made, modules
loaded, or the clock is set, but for those of KEPT: names with commas, or nothing. With the one who
started it, all of its processes end.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# The root is mounted here, within a mount namespace that nobody else sees.
ROOT = Path("/mnt")
NAMESPACES = ("--pid", "--net", "--ipc", "--uts", "--cgroup")
FORBIDDEN = (
    *("audit_control", "audit_read", "audit_write", "block_suspend", "linux_immutable"),
    *("mac_admin", "mac_override", "mknod", "sys_boot", "sys_module", "sys_pacct", "sys_rawio"),
    *("sys_time", "sys_tty_config", "syslog", "wake_alarm"),
)
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
# What of /proc acts on the whole machine.
GLOBAL = ("bus", "fs", "irq", "sys", "sysrq-trigger")
IN_MEMORY = frozenset(("tmpfs", "proc", "devpts", "cgroup2"))
FOLDERS = ("dev", "etc", "mnt", "opt", "proc", "root", "run", "sys", "tmp", "usr", "var")


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def show(path: Path, place: Path) -> None:
    """Let what is at `path` be read at `place`."""
    if path.is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.touch()
    mount("--bind", path, place)
    mount("-o", "remount,bind,ro", place)


def show_programs(shown: list[str]) -> None:
    for path in (Path("/usr"), *Path("/").glob("lib*"), Path("/bin"), Path("/sbin")):
        if path.is_symlink():
            (ROOT / path.name).symlink_to(path.readlink())
        elif path.is_dir():
            show(path, ROOT / path.name)
    for one in shown:
        place, _, path = one.partition("=")
        show(Path(path), ROOT / place.lstrip("/"))


def make_root(folder: Path, shown: list[str]) -> None:
    mount("-t", "tmpfs", "-o", "mode=755,size=256M,nodev", "rootward-test", ROOT)
    for name in FOLDERS:
        (ROOT / name).mkdir()
    (ROOT / "tmp").chmod(0o1777)
    shutil.copytree(folder, ROOT, dirs_exist_ok=True, symlinks=True)
    ROOT.chmod(0o755)  # it has become that of the folder
    show_programs(shown)
    mount("-t", "proc", "-o", "nosuid,nodev,noexec", "proc", ROOT / "proc")
    for name in GLOBAL:
        if (path := ROOT / "proc" / name).exists():
            mount("--bind", path, path)
            mount("-o", "remount,bind,ro", path)
    mount("-t", "sysfs", "-o", "ro,nosuid,nodev,noexec", "sysfs", ROOT / "sys")
    mount("-t", "cgroup2", "-o", "nosuid,nodev,noexec", "cgroup2", ROOT / "sys/fs/cgroup")
    make_devices(ROOT / "dev")


def make_devices(folder: Path) -> None:
    for name in DEVICES:
        (folder / name).touch()
        mount("--bind", f"/dev/{name}", folder / name)
    for name in ("pts", "shm"):
        (folder / name).mkdir()
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620", "devpts", folder / "pts")
    mount("-t", "tmpfs", "-o", "nosuid,nodev,mode=1777,size=64M", "tmpfs", folder / "shm")
    (folder / "ptmx").symlink_to("pts/ptmx")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (folder / name).symlink_to(f"/proc/self/fd/{number}")
    (folder / "fd").symlink_to("/proc/self/fd")


def enter() -> None:
    """Have the new root as the only one: the old one is not even mounted any more."""
    (ROOT / "old").mkdir()
    subprocess.run(["pivot_root", str(ROOT), str(ROOT / "old")], check=True)
    os.chroot("/")
    os.chdir("/")
    subprocess.run(["umount", "--lazy", "/old"], check=True)
    Path("/old").rmdir()


def check() -> None:
    """End unless all that can be written is in memory, and nobody else's."""
    assert os.getpid() == 1
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options = line.split()[:4]
        is_writable = "rw" in options.split(",")
        is_node = place.startswith("/dev/") and place.removeprefix("/dev/") in DEVICES
        assert not is_writable or is_node or kind in IN_MEMORY, line
    assert not Path("/old").exists()


def main(words: list[str]) -> None:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    cut = words.index("--")
    (kept, group, folder, *shown), command = words[:cut], words[cut + 1 :]
    if os.getpid() != 1:
        # Belongs to the group before the namespace of groups is made, which makes it the top there.
        Path(group, "cgroup.procs").write_text("0")
        again = [sys.executable, "-S", "-E", __file__, *words]
        unshare = ["unshare", "--mount", "--propagation=private", *NAMESPACES]
        os.execvp("unshare", [*unshare, "--fork", "--kill-child", *again])
    make_root(Path(folder), shown)
    enter()
    check()
    dropped = ",".join(f"-{name}" for name in FORBIDDEN if name not in kept.split(","))
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "container": "rootward-test"}
    os.execvpe("setpriv", ["setpriv", f"--bounding-set={dropped}", *command], environment)


if __name__ == "__main__":
    main(sys.argv[1:])
