"""`rootward units`: the service and its sockets, as systemd takes them (S06, O14)."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from resolver.app import setting_up
from resolver.app.cli import main
from resolver.app.exits import BAD_CONFIGURATION, FAILED, OK


def units(folder: Path, role: str = "cache") -> tuple[Path, Path]:
    """Units in a folder, for a configuration beside them."""
    config = folder / "config.toml"
    assert main(["init", role, "--system", "--directory", str(folder)]) == OK
    assert main(["units", str(folder), "--config", str(config)]) == OK
    return folder / "rootward.service", folder / "rootward.socket"


def lines(unit: Path, key: str) -> list[str]:
    return [x.partition("=")[2] for x in unit.read_text().splitlines() if x.startswith(f"{key}=")]


def test_service_is_started_and_reloaded_with_the_configuration(tmp_path: Path) -> None:
    service, _ = units(tmp_path)
    (start,) = lines(service, "ExecStart")
    assert start.startswith("/")
    assert start.endswith(f" run --config {tmp_path}/config.toml")
    (reload,) = lines(service, "ExecReload")
    assert reload.endswith(f" ctl --config {tmp_path}/config.toml reload")
    assert lines(service, "Type") == ["notify"]
    assert lines(service, "RestartPreventExitStatus") == [str(BAD_CONFIGURATION)]


def test_words_are_those_of_systemd(tmp_path: Path) -> None:
    folder = tmp_path / "50% of $HOME"
    service, _ = units(folder)
    assert f"--config '{tmp_path}/50%% of $$HOME/config.toml'" in service.read_text()


def test_sockets_are_those_of_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_up, "_has_ipv6", lambda: True)
    _, sockets = units(tmp_path, "primary")
    assert lines(sockets, "ListenDatagram") == ["0.0.0.0:53", "[::]:53"]
    assert lines(sockets, "ListenStream") == ["0.0.0.0:53", "[::]:53"]
    assert lines(sockets, "BindIPv6Only") == ["ipv6-only"]


def test_what_the_service_may_not_do_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[server]\nuser = "nobody"\n[control]\nsocket = "/srv/control.sock"\n')
    assert main(["units", str(tmp_path), "--config", str(config)]) == OK
    told = capsys.readouterr().out
    assert "warning: server.state_dir: the service may write to /var/lib/rootward alone" in told
    assert "warning: control.socket: the service may make it in /run/rootward alone" in told
    assert "warning: server.user: the service is not root" in told


def test_units_are_not_written_over(tmp_path: Path) -> None:
    units(tmp_path)
    service = tmp_path / "rootward.service"
    service.write_text("mine")
    assert main(["units", str(tmp_path), "--config", str(tmp_path / "config.toml")]) == FAILED
    assert service.read_text() == "mine"


def test_faulty_configuration_gets_no_units(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.toml").write_text("[server]\nlisten = 1\n")
    arguments = ["units", str(tmp_path), "--config", str(tmp_path / "config.toml")]
    assert main(arguments) == BAD_CONFIGURATION
    assert "config.toml:2" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
class TestSystemd:
    def test_takes_the_units(self, tmp_path: Path) -> None:
        found = [str(path) for path in units(tmp_path)]
        verified = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *found], capture_output=True, text=True
        )
        about_us = [line for line in verified.stderr.splitlines() if "rootward" in line]
        assert (about_us, verified.returncode) == ([], 0), verified.stderr

    def test_finds_the_service_tight(self, tmp_path: Path) -> None:
        """S06: its exposure is below 3, on a scale where 10 is no protection at all."""
        service, _ = units(tmp_path)
        judged = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", str(service)],
            capture_output=True,
            text=True,
        )
        assert judged.returncode == 0, judged.stderr
        (level,) = re.findall(
            r"Overall exposure level for rootward.service: ([0-9.]+)", judged.stdout
        )
        assert float(level) < 3
