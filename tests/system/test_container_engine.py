"""The container file in a container engine, in a machine of its own: the image has the file's last
stage, what the stage before makes is made here as test_container.py does, and the programs of the
base image are those of this machine (O14)."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.own_machine import START, Machine, running, why_not, write_root
from tests.system.test_container import ROOT, copy_sources, install, read_steps

REASON = why_not("dig", "ip", "podman", "crun", "conmon")
pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(bool(REASON), reason=REASON),
]
MADE = "COPY --from=build /opt/rootward /opt/rootward"
SETTINGS = {
    "policy.json": json.dumps({"default": [{"type": "insecureAcceptAnything"}]}),
    "containers.conf": """
[containers]
cgroups = "disabled"
default_sysctls = []
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "crun"
""",
    "storage.conf": '[storage]\ndriver = "vfs"\nrunroot = "/run/containers"\n'
    'graphroot = "/var/lib/containers"\n',
}
PROGRAMS = [f"--volume={x}:{x}:ro" for x in ("/usr", "/opt/python", "/opt/packages")]
BASE = """
cd /root/base
mkdir -p usr etc tmp var/lib
cp -P /bin /sbin /lib* .
cp /etc/passwd /etc/group /etc/nsswitch.conf etc
tar -c . | podman import - "$1"
"""
# A neighbour of the container, and somebody whose packets come through him.
NETWORK = """
ip link set lo up
ip netns add served
ip link add outside type veth peer name eth0 netns served
ip address add 10.88.0.1/24 dev outside
ip address add 203.0.113.9/32 dev lo
ip link set outside up
ip -n served link set lo up
ip -n served address add 10.88.0.2/24 dev eth0
ip -n served link set eth0 up
ip -n served route add default via 10.88.0.1
"""
DIG = ("dig", "@10.88.0.2", "-p", "1053", "+tries=1", "+time=10", "localhost", "A")


def write_sources(folder: Path, steps: list[str]) -> None:
    """What the image is built of."""
    folder.mkdir(parents=True)
    copy_sources(steps, folder / "src")
    install(folder / "src", folder / "rootward/lib")
    program = folder / "rootward/bin/rootward"
    program.parent.mkdir()
    lines = START.replace("/opt/source", "/opt/rootward/lib")
    program.write_text(lines.format(python="python3", program="/opt/rootward/bin/rootward"))
    program.chmod(0o755)
    config = folder / "docs/container/config.toml"
    config.parent.mkdir(parents=True)
    config.write_bytes((ROOT / "docs/container/config.toml").read_bytes())
    last = max(i for i, step in enumerate(steps) if step.startswith("FROM"))
    text = "\n".join(steps[last:])
    assert text.count(MADE) == 1
    (folder / "Containerfile").write_text(text.replace(MADE, "COPY rootward /opt/rootward"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    write_root(folder)
    (folder / "root/base").mkdir(parents=True)
    (folder / "etc/containers").mkdir()
    for name, text in SETTINGS.items():
        (folder / "etc/containers" / name).write_text(text)
    steps = read_steps()
    write_sources(folder / "root/image", steps)
    base = next(step.split()[1] for step in steps if step.startswith("FROM"))
    with running(["sleep", "infinity"], folder, kept="mknod") as made:
        made.do("sh", "-ec", BASE, "sh", base)
        made.do("sh", "-ec", NETWORK)
        build = ["podman", "build", "--format=docker", "--isolation=chroot", "--network=host"]
        made.do(*build, *PROGRAMS, "--tag=rootward", "/root/image")
        yield made


@pytest.fixture
def host(built: Machine) -> Iterator[Machine]:
    """A container runs, as docs/install.md has it but for its ports, which nobody publishes."""
    text = (ROOT / "docs/install.md").read_text()
    (command,) = re.findall(r"^\$ docker (run .*) rootward$", text, re.MULTILINE)
    words = [word for word in shlex.split(re.sub(r" -p \S+", "", command)) if word != "--replace"]
    assert "--read-only" in words
    built.do("podman", *words, *PROGRAMS, "--network=ns:/run/netns/served", "rootward")
    built.wait_for("podman logs rootward", "ready: ")
    try:
        yield built
    finally:
        built.do("podman", "rm", "--force", "--time=0", "rootward")


def test_without_a_configuration_it_serves_neighbours_and_nobody_else(host: Machine) -> None:
    for transport in ("+notcp", "+tcp"):
        assert host.do(*DIG, "+short", transport) == "127.0.0.1"
        stranger = host.do(*DIG, "-b", "203.0.113.9", transport)
        assert "status: REFUSED" in stranger
        assert "127.0.0.1" not in stranger


def test_it_is_nobody_and_writes_nothing_but_its_state(host: Machine) -> None:
    inside = ("podman", "exec", "rootward")
    lines = host.do(*inside, "cat", "/proc/1/status").splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert "0" not in status["Uid"].split()
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    for place in ("/", "/etc/rootward", "/opt/rootward"):
        code, said = host.run(*inside, "touch", f"{place}/new")
        assert (code, "Read-only" in said) == (1, True), said
    host.do(*inside, "touch", "/var/lib/rootward/new")
    state = host.do(*inside, "ls", "-A", "/var/lib/rootward").split()
    assert state == ["control.sock", "handover.sock", "new"]


def test_its_health_is_known(host: Machine) -> None:
    health = ("podman", "healthcheck", "run", "rootward")
    assert host.run(*health)[0] == 0
    host.do("podman", "exec", "rootward", "rm", "/var/lib/rootward/control.sock")
    assert host.run(*health)[0] == 1


def test_it_ends_when_told_and_goes_on_with_its_state(host: Machine) -> None:
    host.do("podman", "stop", "--time=60", "rootward")
    code = host.do("podman", "inspect", "--format={{.State.ExitCode}}", "rootward")
    assert code == "0"  # 137, were it killed
    host.do("podman", "start", "rootward")
    host.wait_for("podman logs rootward 2>&1 | grep -c ready:", "2")
    assert "cache.snapshot: 0 entries" in host.do("podman", "logs", "rootward")
    assert host.do(*DIG, "+short") == "127.0.0.1"
