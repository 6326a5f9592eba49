"""`rootward init`: what is written for each role is good, safe, and never over anything else."""

import os
import stat
from pathlib import Path

import pytest

from resolver.app import setting_up
from resolver.app.cli import main
from resolver.app.control.doors import socket_path
from resolver.app.exits import FAILED, OK
from resolver.config.access import NEIGHBOURS
from resolver.config.load import load, unbuilt

ROLES = ("cache", "primary", "secondary")


@pytest.mark.parametrize("role", ROLES)
def test_what_is_written_is_good(
    role: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    assert main(["init", role, "--directory", str(folder)]) == OK
    out = capsys.readouterr().out.splitlines()
    written = {str(path) for path in folder.rglob("*") if path.is_file()}
    assert {line for line in out if Path(line).is_file()} == written
    assert f"{folder}/config.toml: good" in out
    assert "warning" not in "".join(out)
    config = load(folder / "config.toml")
    assert unbuilt(config) == []
    assert config.recursion.enabled == (role == "cache")
    assert config.server.state_dir == folder / "var"
    assert socket_path(config) == folder / "var/control.sock"
    assert {address.ip for address in config.server.listen} <= {"127.0.0.1", "::1"}


def test_strangers_get_no_recursion(tmp_path: Path) -> None:
    assert main(["init", "cache", "--directory", str(tmp_path)]) == OK
    access = load(tmp_path / "config.toml").access
    assert access.recursion == access.cache == NEIGHBOURS


@pytest.mark.parametrize("role", ROLES)
def test_a_service_of_the_system_has_its_files_where_systems_have_them(
    role: str, tmp_path: Path
) -> None:
    assert main(["init", role, "--system", "--directory", str(tmp_path)]) == OK
    config = load(tmp_path / "config.toml")
    assert str(config.server.state_dir) == "/var/lib/rootward"
    assert str(socket_path(config)) == "/run/rootward/control.sock"
    ips = {address.ip for address in config.server.listen}
    assert ips <= ({"127.0.0.1", "::1"} if role == "cache" else {"0.0.0.0", "::"})
    assert {address.port for address in config.server.listen} == {53}


def test_a_machine_without_ipv6_listens_on_ipv4(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_up, "_has_ipv6", lambda: False)
    assert main(["init", "primary", "--directory", str(tmp_path)]) == OK
    assert [address.ip for address in load(tmp_path / "config.toml").server.listen] == ["127.0.0.1"]


class TestKey:
    def test_is_drawn_and_secret(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            for role in ("primary", "secondary"):
                assert main(["init", role, "--directory", str(tmp_path / role)]) == OK
        finally:
            os.umask(before)
        keys = [tmp_path / role / "transfer.key" for role in ("primary", "secondary")]
        assert [stat.S_IMODE(key.stat().st_mode) for key in keys] == [0o600, 0o600]
        assert keys[0].read_text() != keys[1].read_text()

    def test_of_the_primary_is_used_by_its_secondary(self, tmp_path: Path) -> None:
        (tmp_path / "transfer.key").write_text("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IDE=\n")
        (tmp_path / "transfer.key").chmod(0o600)
        assert main(["init", "secondary", "--directory", str(tmp_path)]) == OK
        assert (tmp_path / "transfer.key").read_text().startswith("c2Vj")

    def test_that_is_no_key_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "transfer.key").write_text("?\n")
        (tmp_path / "transfer.key").chmod(0o600)
        assert main(["init", "secondary", "--directory", str(tmp_path)]) == FAILED
        assert f"{tmp_path}/transfer.key" in capsys.readouterr().out


class TestNothingIsWrittenOver:
    @pytest.mark.parametrize("name", ["config.toml", "zones/example.test.zone"])
    def test_nor_anything_beside_it(
        self, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        mine = tmp_path / name
        mine.parent.mkdir(exist_ok=True)
        mine.write_text("mine")
        assert main(["init", "primary", "--directory", str(tmp_path)]) == FAILED
        assert f"{mine}: is there already; nothing was written" in capsys.readouterr().out
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
        assert mine.read_text() == "mine"

    def test_nor_through_a_link_to_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").symlink_to(tmp_path / "elsewhere")
        assert main(["init", "cache", "--directory", str(tmp_path)]) == FAILED
        assert not (tmp_path / "elsewhere").exists()

    def test_what_cannot_be_written_leaves_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "zones").write_text("a file")
        assert main(["init", "primary", "--directory", str(tmp_path)]) == FAILED
        assert "zones" in capsys.readouterr().out
        assert [path.name for path in tmp_path.iterdir()] == ["zones"]


def test_unknown_role_is_a_mistake_of_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", "chef"])
    assert ended.value.code == 2
    assert "cache" in capsys.readouterr().err
