"""Dynamic updates by BIND's nsupdate: rights, durability, and the way through a secondary."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from served import HOST, Served, nsupdate, serving, wait_for

pytestmark = [
    pytest.mark.peer,
    pytest.mark.loopback,
    pytest.mark.skipif(shutil.which("nsupdate") is None, reason="nsupdate is not installed"),
]

ZONE = """$TTL 300
@ SOA ns hostmaster 10 3600 900 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""
CONFIG = """
[[key]]
name = "admin"
secret_file = "admin.key"
[[key]]
name = "acme"
secret_file = "acme.key"
[[zone]]
name = "example.test"
file = "example.test.zone"
update = ["key:admin"]
update_policy = [
    { key = "acme", names = ["_acme-challenge.example.test"], types = ["TXT"] },
]
transfer = ["127.0.0.1"]
"""


def make_key(folder: Path, name: str) -> Path:
    path = folder / f"{name}.key"
    made = subprocess.run(["tsig-keygen", name], capture_output=True, text=True, check=True)
    path.write_text(made.stdout)
    path.chmod(0o600)
    return path


def prepare(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "example.test.zone").write_text(ZONE)
    for name in ("admin", "acme", "stranger"):
        make_key(folder, name)


def dig(port: int, *words: str) -> str:
    command = ["dig", f"@{HOST}", "-p", str(port), "+tcp", "+time=5", "+noall", "+answer", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    prepare(tmp_path)
    with serving(tmp_path, CONFIG) as running:
        yield running


def test_add_delete_and_prerequisites(server: Served) -> None:
    key = server.folder / "admin.key"
    assert nsupdate(server.port, "update add new.example.test. 60 A 192.0.2.9", key) == ""
    assert server.records("new.example.test.", "A") == ["192.0.2.9"]
    assert server.serial("example.test.") == 11
    # Only if it is not there: it is.
    said = nsupdate(
        server.port,
        "prereq nxdomain new.example.test.\nupdate add x.example.test. 60 A 1.2.3.4",
        key,
    )
    assert "YXDOMAIN" in said
    assert server.records("x.example.test.", "A") == ["NXDOMAIN"]
    prerequisite = "prereq yxrrset new.example.test. A 192.0.2.9"
    assert nsupdate(server.port, f"{prerequisite}\nupdate delete new.example.test. A", key) == ""
    assert server.records("new.example.test.", "A") == ["NXDOMAIN"]
    assert server.serial("example.test.") == 12


def test_who_may_what(server: Served) -> None:
    def say(commands: str, key: str | None) -> str:
        return nsupdate(
            server.port, commands, server.folder / f"{key}.key" if key is not None else None
        )

    challenge = "update add _acme-challenge.example.test. 60 TXT abc"
    assert say(challenge, "acme") == ""
    assert server.records("_acme-challenge.example.test.", "TXT") == ['"abc"']
    address = "update add www.example.test. 60 A 192.0.2.66"
    assert "REFUSED" in say(address, "acme")
    assert "REFUSED" in say(
        "update add _acme-challenge.example.test. 60 CNAME ns.example.test.", "acme"
    )
    assert "REFUSED" in say(f"{challenge}\n{address}", "acme")
    assert "REFUSED" in say(challenge, None)
    assert "NOTAUTH" in say(challenge, "stranger")
    assert "NOTAUTH" in say("zone example.net.\nupdate add a.example.net. 60 A 192.0.2.66", "admin")
    assert say("update delete _acme-challenge.example.test. TXT", "acme") == ""
    assert server.records("www.example.test.", "A") == ["192.0.2.2"]
    assert "no right to it" in server.log


def test_answered_is_durable_and_the_way_there_is_known(server: Served) -> None:
    key = server.folder / "admin.key"
    for number in range(3):
        add = f"update add n{number}.example.test. 60 A 192.0.2.{number}"
        assert nsupdate(server.port, add, key) == ""
    server.kill()
    server.start()
    for number in range(3):
        assert server.records(f"n{number}.example.test.", "A") == [f"192.0.2.{number}"]
    assert server.serial("example.test.") == 13
    changes = dig(server.port, "example.test.", "ixfr=10")
    # An increment: the newest SOA, the old one, the new one with what came, the newest.
    assert [changes.count(word) for word in ("SOA", " 10 ", "n0", "n1", "n2")] == [4, 1, 1, 1, 1]
    assert "www.example.test." not in changes
    # The file has not changed: it goes on from the journal, not from the file.
    assert "n1.example.test" not in (server.folder / "example.test.zone").read_text()
    assert nsupdate(server.port, "update delete n1.example.test.", key) == ""
    server.kill()
    server.start()
    assert server.records("n1.example.test.", "A") == ["NXDOMAIN"]
    assert server.serial("example.test.") == 14


def test_secondary_passes_updates_on_as_they_are(server: Served) -> None:
    secondary = f"""
[access]
update = ["any"]
[[zone]]
name = "example.test"
role = "secondary"
primaries = ["{HOST}:{server.port}"]
update = ["127.0.0.1"]
[[zone]]
name = "closed.test"
role = "secondary"
primaries = ["{HOST}:{server.port}"]
"""
    with serving(server.folder / "second", secondary) as second:
        wait_for(lambda: second.records("www.example.test.", "A") == ["192.0.2.2"])
        zone = "zone example.test.\n"
        add = f"{zone}update add via.example.test. 60 A 192.0.2.9"
        # The secondary does not know the key; the primary does, and its answer is signed with it.
        assert nsupdate(second.port, add, server.folder / "admin.key") == ""
        assert server.records("via.example.test.", "A") == ["192.0.2.9"]
        assert "BADKEY" in nsupdate(second.port, add, server.folder / "stranger.key")
        assert "REFUSED" in nsupdate(second.port, add, server.folder / "acme.key")
        assert "REFUSED" in nsupdate(second.port, add)
        other = "zone closed.test.\nupdate add via.closed.test. 60 A 192.0.2.9"
        assert "REFUSED" in nsupdate(second.port, other)


def test_file_is_written_back(tmp_path: Path) -> None:
    prepare(tmp_path)
    config = CONFIG.replace('\nfile = "', '\nzonefile_sync = "100ms"\nfile = "')
    file = tmp_path / "example.test.zone"
    with serving(tmp_path, config) as server:
        add = "update add new.example.test. 60 A 192.0.2.9"
        assert nsupdate(server.port, add, tmp_path / "admin.key") == ""
        wait_for(lambda: "new.example.test." in file.read_text())
        # What is in the file now may be edited: nothing is ahead of it.
        file.write_text(file.read_text().replace("192.0.2.9", "192.0.2.10").replace(" 11 ", " 12 "))
        server.signal(1)
        wait_for(lambda: server.records("new.example.test.", "A") == ["192.0.2.10"])
        assert server.serial("example.test.") == 12
