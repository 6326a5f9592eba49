"""The units under a systemd that is process 1 of a machine of its own, installed as docs/install.md
says (O14, T11, S06)."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.own_machine import SYSTEMD, Machine, machine, why_not

REASON = why_not("dig", "systemctl", SYSTEMD)
pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(bool(REASON), reason=REASON),
]
CONFIG = "/etc/rootward/config.toml"
RECORDS = """
[recursion]
priming = false
[[local]]
records = ["printer.home.arpa. 300 A 192.168.1.9"]
[[stub]]
name = "slow.test"
to = ["127.0.0.1:5300"]
"""
ERRORS = ("journalctl", "--unit=rootward", "--priority=err", "--output=cat")
DROP_IN = "/run/systemd/system/rootward.service.d/watched.conf"
FAULT = "\n[serve]\n"
DIG = ("dig", "@127.0.0.1", "+short", "+tries=1", "+time=10")
ASK = (*DIG, "printer.home.arpa")
PYTHON = "LD_LIBRARY_PATH=/opt/python/lib exec /opt/python/bin/python3 -S -E /opt/tests/"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("machine")) as made:
        made.do("rootward", "init", "cache", "--system")
        made.do("rootward", "units", "/etc/systemd/system")
        made.do("tee", "--append", CONFIG, typed=RECORDS)
        made.do("systemctl", "daemon-reload")
        made.do("systemctl", "enable", "rootward.service")
        yield made


@pytest.fixture
def host(installed: Machine) -> Machine:
    """The service runs."""
    installed.do("systemctl", "start", "rootward.service")
    return installed


@contextlib.contextmanager
def another(host: Machine, path: str, text: str) -> Iterator[None]:
    """A file is another one for a while."""
    code, before = host.run("cat", path)
    host.write(path, text)
    try:
        yield
    finally:
        host.write(path, "" if code else before + "\n")


def shown(host: Machine, *names: str) -> list[str]:
    """Properties of the service, in this order."""
    found = host.do("systemctl", "show", "rootward.service", f"--property={','.join(names)}")
    facts = dict(line.split("=", 1) for line in found.splitlines())
    return [facts[name] for name in names]


def test_start_returns_when_queries_are_answered(host: Machine) -> None:
    """Asked in the same moment, and only once."""
    host.do("systemctl", "stop", "rootward.service")
    start = f"systemctl start rootward.service && {' '.join(ASK)}"
    assert host.do("sh", "-c", start) == "192.168.1.9"
    state, status = shown(host, "ActiveState", "StatusText")
    assert (state, status[:30]) == ("active", "0 zones and recursion on 127.0")
    assert host.do("systemctl", "is-system-running") == "running"


def test_it_runs_as_nobody_else_and_keeps_its_state(host: Machine) -> None:
    """DynamicUser=: a user for as long as it runs, with a state folder that outlives him."""
    (process,) = shown(host, "MainPID")
    status = dict(
        line.split(":\t", 1)
        for line in host.do("cat", f"/proc/{process}/status").splitlines()
        if ":\t" in line
    )
    assert int(status["Uid"].split()[0]) >= 61184  # of those for dynamic users
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 1 << 10
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    host.do("rootward", "ctl", "--config", CONFIG, "status")
    host.do("systemctl", "restart", "rootward.service")
    user = host.do("stat", "--format=%U %a", "/var/lib/private/rootward")
    assert user == "rootward 750"
    assert "cache.snapshot" in host.do("ls", "/var/lib/rootward/")
    assert host.do(*ASK) == "192.168.1.9"


def test_reload_is_all_or_nothing_and_told(host: Machine) -> None:
    changed = host.do("cat", CONFIG).replace("192.168.1.9", "192.168.1.10")
    with another(host, CONFIG, changed):
        host.do("systemctl", "reload", "rootward.service")
        assert host.do(*ASK) == "192.168.1.10"
        host.write(CONFIG, changed.replace("192.168.1.10", "192.168.1.11") + FAULT)
        assert host.run("systemctl", "reload", "rootward.service")[0] != 0
        assert host.do(*ASK) == "192.168.1.10"
        assert shown(host, "ActiveState", "NRestarts") == ["active", "0"]
        told = host.do(*ERRORS)
        assert re.search(r"config\.toml:\d+: serve: unknown section", told)
        assert "info" not in told
    host.do("systemctl", "reload", "rootward.service")
    assert host.do(*ASK) == "192.168.1.9"


def test_faulty_configuration_ends_it_for_good(host: Machine) -> None:
    """78, with the reason in the journal, and no further attempt."""
    with another(host, CONFIG, host.do("cat", CONFIG) + FAULT):
        assert host.run("systemctl", "restart", "rootward.service")[0] != 0
        facts = shown(host, "ActiveState", "SubState", "ExecMainStatus", "NRestarts")
        assert facts == ["failed", "failed", "78", "0"]
        assert any("unknown section" in line for line in host.do(*ERRORS).splitlines()[-3:])
    host.do("systemctl", "start", "rootward.service")
    assert host.do(*ASK) == "192.168.1.9"


def test_server_that_hangs_is_started_again(host: Machine) -> None:
    with another(host, DROP_IN, "[Service]\nWatchdogSec=2s\n"):  # less patient than the unit
        host.do("systemctl", "daemon-reload")
        host.do("systemctl", "restart", "rootward.service")
        host.do("kill", "-STOP", *shown(host, "MainPID"))
        host.wait_for("journalctl --unit=rootward --output=cat", "Watchdog timeout")
        host.wait_for("systemctl show rootward.service --property=NRestarts", "=1")
        host.wait_for("systemctl show rootward.service --property=ActiveState", "=active")
        assert host.do(*ASK) == "192.168.1.9"
    host.do("systemctl", "daemon-reload")


def test_restart_behind_the_socket_unit_loses_no_datagram(host: Machine) -> None:
    host.do("systemctl", "stop", "rootward.service")
    host.do("systemctl", "start", "rootward.socket")
    assert shown(host, "ActiveState") == ["inactive"]
    assert host.do(*ASK) == "192.168.1.9"  # this starts it
    assert shown(host, "ActiveState") == ["active"]
    restart = "asking_while.py printer.home.arpa systemctl restart rootward.service"
    facts = json.loads(host.do("sh", "-c", PYTHON + restart))
    assert facts["code"] == facts["refused"] == 0
    assert facts["answered"] == facts["sent"] > 400
    assert host.do(*DIG, "+tcp", "printer.home.arpa") == "192.168.1.9"
    host.do("systemctl", "stop", "rootward.socket", "rootward.service")


def test_new_version_takes_over_within_the_unit(host: Machine) -> None:
    """No query is lost or waits for the start, and systemd watches over the new one."""
    (before,) = shown(host, "MainPID")
    told = "systemctl kill --kill-whom=main --signal=USR1 rootward.service"
    gone = f"while test -e /proc/{before}; do sleep 0.1; done"
    renew = f"asking_while.py printer.home.arpa sh -c '{told}; {gone}'"
    facts = json.loads(host.do("sh", "-c", PYTHON + renew))
    assert facts["code"] == facts["refused"] == 0
    assert facts["answered"] == facts["sent"] > 400
    process, *state = shown(host, "MainPID", "ActiveState", "NRestarts")
    assert process != before
    assert state == ["active", "0"]
    host.do("rootward", "ctl", "--config", CONFIG, "status")
    host.do("kill", "-KILL", process)
    host.wait_for("systemctl show rootward.service --property=NRestarts", "=1")
    host.wait_for("systemctl show rootward.service --property=ActiveState", "=active")


def test_stop_lets_what_is_under_way_be_answered(host: Machine) -> None:
    """It is stopped when it asks, and the answer comes when it has let go of its control socket."""
    stop = "/run/rootward/control.sock systemctl stop --no-block rootward.service"
    upstream = f"{PYTHON}answer_after.py {stop}"
    with host.start("sh", "-c", upstream) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "serving\n"
        assert host.do(*DIG, "a.slow.test") == "192.0.2.7"
    host.wait_for("systemctl show rootward.service --property=ActiveState", "=inactive")
    assert shown(host, "Result", "ExecMainStatus") == ["success", "0"]


def test_it_is_found_tight_as_it_runs(host: Machine) -> None:
    judged = host.do("systemd-analyze", "--no-pager", "security", "rootward.service")
    (level,) = re.findall(r"exposure level for rootward.service: ([0-9.]+)", judged)
    assert float(level) < 2


def test_nothing_of_this_machine_is_reached(installed: Machine, tmp_path: Path) -> None:
    """Else a systemd that starts would be a danger to whoever runs the tests."""
    assert installed.run("test", "-e", str(tmp_path))[0] == 1
    names = ("/usr/new", *(f"/opt/{x}/new" for x in ("source", "tests", "python", "packages")))
    for name in (*names, "/sys/power/state", "/proc/sys/kernel/hostname"):
        code, said = installed.run("sh", "-c", f"echo x > {name}")
        assert (code, "Read-only" in said) == (2, True), said
    assert installed.do("ls", "/sys/class/net") == "lo"
    processes = installed.do("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null").split()
    assert len(processes) < 30
    assert processes[0] == "systemd"
