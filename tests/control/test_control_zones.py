"""Zones by command: how they are, freezing, adding and removing (O02, X12, X14)."""

import json
from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.update
import pytest
from controlled import OWN, WAIT_S, Controlled, make_folder, until

from resolver.app.exits import FAILED, OK, USAGE
from resolver.codes import Rcode

pytestmark = pytest.mark.loopback

SECRET = "c2VjcmV0IGZvciB0ZXN0cyBhbG9uZSwgbG9uZyBlbm91Z2g="
KEY = '[[key]]\nname = "k"\nsecret_file = "k.secret"\n'
PRIMARY = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "var"
notify_name_servers = false
[recursion]
enabled = false
[[zone]]
name = "given.test"
file = "own.zone"
transfer = ["key:k"]
"""
SECONDARY = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "var"
notify_name_servers = false
[recursion]
enabled = false
[[zone]]
name = "own.test"
file = "own.zone"
update = ["localhost"]
"""


def folder_with_key(folder: Path) -> Path:
    make_folder(folder)
    (folder / "k.secret").write_text(SECRET)
    (folder / "k.secret").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    controlled = Controlled(folder_with_key(tmp_path_factory.mktemp("primary")), PRIMARY + KEY)
    yield controlled
    controlled.end()


@pytest.fixture(scope="module")
def secondary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    controlled = Controlled(folder_with_key(tmp_path_factory.mktemp("secondary")), SECONDARY + KEY)
    yield controlled
    controlled.end()


@pytest.fixture(autouse=True)
def as_before(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing that a test has added is there for the next."""
    yield
    if "secondary" in request.fixturenames:
        request.getfixturevalue("secondary").ctl("zone", "remove", "given.test")


def add(secondary: Controlled, primary: Controlled, *more: str) -> None:
    where = f"127.0.0.1:{primary.port}"
    done = secondary.ctl("zone", "add", "given.test", "--secondary", where, "--key", "k", *more)
    assert (done.code, done.err) == (OK, "")
    assert f"primary 127.0.0.1#{primary.port} key k.: serial 7 by AXFR" in done.out, done.out


def test_zone_that_is_added_is_served_and_outlives_a_restart(
    primary: Controlled, secondary: Controlled
) -> None:
    add(secondary, primary)
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 80))]
    facts = secondary.ctl("zone", "status", "given.test", "--json").json
    assert (facts["serial"], facts["source"], facts["state"]) == (7, "command", "serving")
    (known,) = facts["primaries"]
    assert known["serial"] == 7
    assert facts["expires_in_s"] > 0
    assert facts["next_check_in_s"] > 0

    secondary.end()
    secondary.start()
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 80))]
    assert secondary.ctl("reload").code == OK
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 80))]

    again = secondary.ctl("zone", "add", "given.test", "--secondary", "127.0.0.1")
    assert (again.code, again.err) == (FAILED, "given.test. is served already\n")

    removed = secondary.ctl("zone", "remove", "given.test", "--json").json
    assert removed == {"zone": "given.test.", "removed": True, "served": False}
    assert secondary.ask("www.given.test").rcode == Rcode.REFUSED
    assert json.loads((secondary.folder / "var" / "zones.json").read_text())["zones"] == []
    gone = secondary.ctl("zone", "status", "given.test")
    assert (gone.code, gone.err) == (FAILED, "there is no zone given.test. here\n")


def test_zone_of_both_is_the_configurations(primary: Controlled, secondary: Controlled) -> None:
    add(secondary, primary)
    (secondary.folder / "given.zone").write_text(OWN.replace("192.0.2.80", "192.0.2.99"))
    secondary.end()
    before = secondary.config.read_text()
    secondary.config.write_text(before + '[[zone]]\nname = "given.test"\nfile = "given.zone"\n')
    secondary.start()
    assert "added by command and configured, too" in secondary.log.read_text()
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 99))]
    removed = secondary.ctl("zone", "remove", "given.test", "--json").json
    assert removed["served"]
    kept = secondary.ctl("zone", "remove", "given.test")
    assert kept.err == "given.test. was not added by command: remove it where it is from\n"
    secondary.config.write_text(before)
    assert secondary.ctl("reload").code == OK
    assert secondary.ask("www.given.test").rcode == Rcode.REFUSED


def test_refresh_and_retransfer_tell_what_came_of_them(
    primary: Controlled, secondary: Controlled
) -> None:
    add(secondary, primary)
    for verb, note in (("refresh", "serial 7"), ("retransfer", "serial 7 by AXFR")):
        done = secondary.ctl("zone", verb, "given.test")
        assert (done.code, done.err) == (OK, "")
        assert note in done.out
    assert secondary.ctl("zone", "reload", "given.test").code == OK
    secondary.ctl("zone", "remove", "given.test")
    no = secondary.ctl("zone", "refresh", "own.test")
    assert (no.code, no.err) == (FAILED, "own.test. is no secondary zone\n")


def test_zone_that_cannot_be_added_is_told(secondary: Controlled) -> None:
    for arguments, reason in (
        (("a.test", "--secondary", "127.0.0.1", "--key", "unknown"), "named unknown"),
        (("own.test", "--secondary", "127.0.0.1"), "own.test. is served already"),
        (("a.test", "--secondary", "nonsense"), "nonsense"),
    ):
        done = secondary.ctl("zone", "add", *arguments)
        assert done.code == FAILED
        assert reason in done.err
    assert secondary.ctl("zone", "add", "a.test").code == USAGE
    shown = secondary.ctl("zone", "list").out
    assert "a.test." not in shown
    assert "own.test." in shown


def update(server: Controlled, name: str, zone: str = "own.test.") -> int:
    """The rcode of an update that adds an address."""
    change = dns.update.UpdateMessage(zone)
    change.add(name, 300, "A", "192.0.2.90")
    return dns.query.udp(change, "127.0.0.1", WAIT_S, server.port).rcode()


def test_frozen_zone_is_the_operators_to_edit(secondary: Controlled) -> None:
    file = secondary.folder / "own.zone"
    assert update(secondary, "new") == Rcode.NOERROR
    frozen = secondary.ctl("zone", "freeze", "own.test", "--json").json
    assert frozen["frozen"]
    assert "new.own.test. 300 IN A 192.0.2.90\n" in file.read_text()
    assert update(secondary, "late") == Rcode.REFUSED
    assert secondary.ctl("zone", "status", "own.test", "--json").json["frozen"]
    file.write_text(OWN.replace("192.0.2.80", "192.0.2.81"))
    thawed = secondary.ctl("zone", "thaw", "own.test", "--json").json
    assert not thawed["frozen"]
    assert thawed["serial"] > 8
    assert secondary.addresses("www.own.test") == [bytes((192, 0, 2, 81))]
    assert update(secondary, "late") == Rcode.NOERROR
    assert secondary.ctl("zone", "sync", "own.test").code == OK


def test_file_with_a_fault_is_told_with_its_line_and_changes_nothing(
    secondary: Controlled,
) -> None:
    file = secondary.folder / "own.zone"
    good = file.read_text()
    file.write_text(f"{good}bad 300 A 1.2.3\n")
    line = len(good.splitlines()) + 1
    checked = secondary.ctl("zone", "check", "own.test")
    assert checked.code == FAILED
    assert f"own.zone:{line}: " in checked.out
    for verb in (("reload",), ("zone", "reload", "own.test")):
        done = secondary.ctl(*verb)
        assert done.code == FAILED
        assert f"own.zone:{line}: " in done.out
    assert secondary.addresses("www.own.test")
    file.write_text(good)
    checked = secondary.ctl("zone", "check", "own.test")
    assert checked.code == OK
    assert checked.out.endswith(": good\n")
    assert secondary.ctl("reload").code == OK


def test_dump_is_the_zone_in_its_fixed_form(control: Controlled) -> None:
    lines = control.ctl("zone", "dump", "own.test").out.splitlines()
    assert lines[0].startswith("own.test. 300 IN SOA ")
    assert "www.own.test. 300 IN A 192.0.2.80" in lines
    assert len(lines) == 4


def test_notify_of_a_zone_that_is_served(control: Controlled) -> None:
    assert control.ctl("zone", "notify", "own.test").code == OK
    done = control.ctl("zone", "notify", "none.test")
    assert done.err == "there is no zone none.test. here\n"
    until(lambda: control.ctl("status").code == OK)


def test_zone_from_a_file_is_added_and_outlives_a_restart(
    secondary: Controlled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "given.zone"
    file.write_text(f"{OWN}bad 300 A 1.2.3\n")
    monkeypatch.chdir(tmp_path)
    command = ("zone", "add", "given.test", "--file", "given.zone", "--watch")
    faulty = secondary.ctl(*command)
    assert faulty.code == FAILED
    assert "given.zone:5: " in faulty.out
    assert secondary.ask("www.given.test").rcode == Rcode.REFUSED

    file.write_text(OWN)
    rights = ("--transfer", "key:k", "--update", "localhost", "--also-notify", "127.0.0.1:9")
    added = secondary.ctl(*command, *rights, "--key", "k", "--json").json
    assert (added["role"], added["source"], added["serial"]) == ("primary", "command", 7)
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 80))]
    assert update(secondary, "new", "given.test.") == Rcode.NOERROR

    secondary.end()
    secondary.start()
    assert secondary.addresses("new.given.test") == [bytes((192, 0, 2, 90))]
    file.write_text(OWN.replace(" 7 ", " 70 ").replace("192.0.2.80", "192.0.2.70"))
    assert secondary.ctl("reload").code == OK
    assert secondary.addresses("www.given.test") == [bytes((192, 0, 2, 70))]
    kept = json.loads((secondary.folder / "var" / "zones.json").read_text())["zones"]
    assert kept == [
        {
            "name": "given.test",
            "file": str(file),
            "transfer": ["key:k"],
            "also_notify": [{"address": "127.0.0.1:9", "key": "k"}],
            "update": ["localhost"],
            "watch": True,
        }
    ]
    assert secondary.ctl("zone", "remove", "given.test").code == OK
    assert secondary.ask("www.given.test").rcode == Rcode.REFUSED
    assert file.exists()


def test_zone_that_no_configuration_could_have_is_told(
    secondary: Controlled, tmp_path: Path
) -> None:
    (tmp_path / "a.zone").write_text(OWN)
    file = ("--file", str(tmp_path / "a.zone"))
    for arguments, reason in (
        ((*file, "--transfer", "key:unknown"), "there is no [[key]] named unknown"),
        ((*file, "--catalog", "c.test"), "there is no [[catalog]] named c.test"),
        (("--secondary", "127.0.0.1", "--watch"), "is for primary zones"),
        (("--file", str(tmp_path / "absent")), "absent"),
    ):
        done = secondary.ctl("zone", "add", "given.test", *arguments)
        assert done.code == FAILED
        assert reason in done.err + done.out
    both = secondary.ctl("zone", "add", "given.test", *file, "--secondary", "127.0.0.1")
    assert both.code == USAGE


def test_frozen_zone_is_frozen_after_a_restart(secondary: Controlled) -> None:
    file = secondary.folder / "own.zone"
    assert update(secondary, "before") == Rcode.NOERROR
    assert secondary.ctl("zone", "freeze", "own.test").code == OK
    frozen_text = file.read_text()
    file.write_text(frozen_text + "half 300 A 192.0.2.7\n")
    secondary.end()
    secondary.start()
    assert secondary.ctl("zone", "status", "own.test", "--json").json["frozen"]
    assert update(secondary, "late") == Rcode.REFUSED
    assert secondary.ctl("reload").code == OK
    done = secondary.ctl("zone", "reload", "own.test")
    assert (done.code, done.err) == (FAILED, "own.test. is frozen: zone thaw reads its file\n")
    assert secondary.ask("half.own.test").rcode == Rcode.NXDOMAIN
    assert secondary.ctl("zone", "thaw", "own.test").code == OK
    assert secondary.addresses("half.own.test") == [bytes((192, 0, 2, 7))]
    secondary.end()
    secondary.start()
    assert update(secondary, "late") == Rcode.NOERROR
