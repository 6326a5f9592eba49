"""The command line: configuration and zones checked, exit codes kept."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resolver import __version__
from resolver.app import cli, exits
from resolver.app.cli import main
from resolver.app.exits import BAD_CONFIGURATION, FAILED, OK, USAGE

ROOT = Path(__file__).parents[2]
ZONE = """\
$TTL 300
@ SOA ns hostmaster 7 7200 900 1209600 300
@ NS ns
ns A 192.0.2.1
www A 192.0.2.80
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with no configuration anywhere else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "CONFIG_PLACES", (Path("config.toml"), tmp_path / "etc/config.toml"))
    return tmp_path


def usage_error(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(caught.value.code or 0)


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_error("--version") == OK
    assert capsys.readouterr().out.startswith(f"rootward {__version__} (Python 3.")


def test_version_loads_nothing_heavy() -> None:
    code = "import sys, resolver.app.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"pydantic", "asyncio", "dns", "socket"} & set(loaded.stdout.split())


def test_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "resolver"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == USAGE
    assert done.stderr.startswith("usage: rootward ")


@pytest.mark.parametrize(
    "arguments", [["serve"], ["run", "--cofnig", "x"], ["check", "extra"], ["zone", "check"]]
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str]) -> None:
    assert usage_error(*arguments) == USAGE


def test_zone_without_a_command_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zone"]) == USAGE
    assert "check a zone file" in capsys.readouterr().err


def test_check_tells_every_zone_and_its_serial(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.zone").write_text(ZONE)
    (folder / "config.toml").write_text('[[zone]]\nname = "example.test"\nfile = "a.zone"\n')
    assert main(["check"]) == OK
    out = capsys.readouterr().out
    assert "zone example.test. serial 7: 4 records\n" in out
    assert out.endswith("config.toml: good\n")


def test_check_reports_every_fault_of_the_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.toml").write_text("[server]\nlistne = 1\nworkers = 0\n")
    assert main(["check", "--config", "bad.toml"]) == FAILED
    assert capsys.readouterr().out.splitlines() == [
        "bad.toml:2: server.listne: unknown key, did you mean 'listen'?",
        "bad.toml:3: server.workers: must be at least 1, not 0",
    ]


def test_check_reports_the_faults_of_all_zones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.zone").write_text(ZONE + "www CNAME ns\nx A 192.0.2.999\n")
    zones = '[[zone]]\nname = "a.test"\nfile = "a.zone"\n[[zone]]\nname = "b.test"\nfile = "b.zone"'
    (folder / "config.toml").write_text(zones)
    assert main(["check"]) == FAILED
    out = capsys.readouterr().out
    assert "a.zone:7: " in out
    assert "b.zone" in out


def test_check_tells_programs_every_fault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "bad.toml").write_text("[server]\nlistne = 1\n")
    assert main(["check", "--json", "--config", "bad.toml"]) == FAILED
    reason = "server.listne: unknown key, did you mean 'listen'?"
    fault = {"file": "bad.toml", "line": 2, "severity": "error", "reason": reason}
    assert json.loads(capsys.readouterr().out) == {
        "source": "bad.toml",
        "good": False,
        "zones": [],
        "findings": [fault],
    }


def test_check_tells_programs_of_zones_and_doubts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.zone").write_text(ZONE + "x 300 A 192.0.2.1\nx 60 A 192.0.2.2\n")
    zone = '[[zone]]\nname = "a.test"\nfile = "a.zone"\n'
    (folder / "config.toml").write_text(f"[server]\nworkers = 3\n{zone}")
    assert main(["check", "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert told["good"]
    assert told["zones"] == [{"zone": "a.test.", "serial": 7, "records": 6}]
    assert [fault["severity"] for fault in told["findings"]] == ["warning"] * 2
    in_zone, not_built = told["findings"]
    assert (in_zone["file"], in_zone["line"]) == ("a.zone", 7)
    assert (not_built["file"], not_built["line"]) == ("config.toml", None)
    assert not_built["reason"].startswith("server.workers is not built yet")


def test_check_reads_the_root_hints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "config.toml").write_text('[recursion]\nroot_hints = "absent.hints"\n')
    assert main(["check"]) == FAILED
    assert "absent.hints" in capsys.readouterr().out


def test_check_warns_of_keys_that_do_nothing_yet(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "config.toml").write_text("[server]\nworkers = 3\n")
    assert main(["check"]) == OK
    assert "warning: config.toml: server.workers is not built yet" in capsys.readouterr().out


def test_file_in_the_folder_goes_before_the_systems(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check"]) == OK
    assert "built-in defaults: good" in capsys.readouterr().out
    (folder / "etc").mkdir()
    (folder / "etc/config.toml").write_text("")
    assert main(["check"]) == OK
    assert "etc/config.toml: good" in capsys.readouterr().out
    (folder / "config.toml").write_text("")
    assert main(["check"]) == OK
    assert capsys.readouterr().out.splitlines()[-1] == "config.toml: good"


def test_shipped_configuration_is_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["check"]) == OK
    out = capsys.readouterr().out
    for zone in ("example.test.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."):
        assert f"zone {zone} serial" in out


def test_run_refuses_a_bad_configuration(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--config", "absent.toml"]) == BAD_CONFIGURATION
    captured = capsys.readouterr()
    assert captured.err == "absent.toml: cannot be read: No such file or directory\n"
    assert captured.out == ""


def test_zone_check_takes_the_origin_from_the_file_name(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "example.test.zone").write_text(ZONE)
    assert main(["zone", "check", "example.test.zone"]) == OK
    assert capsys.readouterr().out == (
        "zone example.test. serial 7: 4 records, 0 errors, 0 warnings\n"
    )


def test_zone_check_fails_with_every_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "z").write_text(ZONE + "a A 1.2.3\nb MX x\n")
    assert main(["zone", "check", "z", "--origin", "Example.ORG"]) == FAILED
    out = capsys.readouterr().out
    assert "error: z:6: " in out
    assert "error: z:7: " in out
    assert "zone example.org." in out
    assert "2 errors" in out


def test_zone_check_tells_programs_every_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.test.zone").write_text(ZONE + "a A 1.2.3\n")
    assert main(["zone", "check", "a.test.zone", "--json"]) == FAILED
    told = json.loads(capsys.readouterr().out)
    (fault,) = told.pop("findings")
    assert told == {"zone": "a.test.", "serial": None, "records": None, "good": False}
    assert fault.pop("reason")
    assert fault == {"file": "a.test.zone", "line": 6, "severity": "error"}


def test_zone_check_tells_programs_beside_the_canonical_zone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.test.zone").write_text(ZONE)
    assert main(["zone", "check", "a.test.zone", "--json", "--canonical"]) == OK
    captured = capsys.readouterr()
    good = {"zone": "a.test.", "serial": 7, "records": 4, "good": True, "findings": []}
    assert json.loads(captured.err) == good
    assert captured.out.startswith("a.test. 300 IN SOA ")


def test_zone_check_of_an_absent_file_fails(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["zone", "check", "absent.zone"]) == FAILED
    assert "error: absent.zone: no such file" in capsys.readouterr().out


def test_zone_check_writes_the_canonical_zone(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "z").write_text(ZONE + "b A 192.0.2.2\na A 192.0.2.1\n")
    arguments = ["zone", "check", "z", "--origin", "example.test", "--canonical"]
    assert main(arguments) == OK
    first = capsys.readouterr()
    assert "0 errors" in first.err
    assert first.out.splitlines()[0].startswith("example.test. 300 IN SOA ")
    assert first.out.splitlines()[-1].startswith("www.example.test. 300 IN A ")
    (folder / "z").write_text(first.out)
    assert main(arguments) == OK
    assert capsys.readouterr().out == first.out


def test_zone_check_makes_and_checks_a_digest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "z").write_text(ZONE)
    arguments = ["zone", "check", "z", "--origin", "example.test"]
    assert main([*arguments, "--canonical", "--zonemd", "sha384", "--zonemd", "sha512"]) == OK
    made = capsys.readouterr().out
    assert made.count(" IN ZONEMD 7 1 ") == 2
    (folder / "z").write_text(made)
    assert main(arguments) == OK
    (folder / "z").write_text(made + "more.example.test. 60 IN TXT x\n")
    assert main(arguments) == FAILED
    assert "error: z: the digest of the zone" in capsys.readouterr().out


def test_zone_check_needs_the_canonical_form_for_a_digest(folder: Path) -> None:
    assert usage_error("zone", "check", "x", "--zonemd", "sha384") == USAGE


def test_zone_that_does_not_fit_its_digest_is_refused_where_that_is_wanted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "z").write_text(ZONE + f"@ ZONEMD 7 1 1 {'00' * 48}\n")
    entry = '[[zone]]\nname = "example.test"\nfile = "z"\n'
    (folder / "config.toml").write_text(entry)
    assert main(["check"]) == OK
    (folder / "config.toml").write_text(f'{entry}zonemd = "check"\n')
    assert main(["check"]) == FAILED
    assert "the digest of the zone (SHA384) is not that of its ZONEMD" in capsys.readouterr().out


def test_zone_check_with_a_bad_origin_is_a_usage_error(folder: Path) -> None:
    assert usage_error("zone", "check", "x", "--origin", "a..b") == USAGE


def test_reader_that_has_had_enough_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "z").write_text(ZONE + "a A 1.2.3\n" * 20_000)
    command = f"{sys.executable} -m resolver zone check {tmp_path}/z --origin a | head -1"
    done = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1


def test_exit_codes_are_documented() -> None:
    documented = (ROOT / "docs/operate.md").read_text()
    codes = {n: code for n, code in vars(exits).items() if n.isupper() and n != "MEANINGS"}
    assert set(codes.values()) == set(exits.MEANINGS)
    for code in codes.values():
        assert f"\n| {code} | " in documented


@pytest.mark.parametrize("enabled", [True, False])
def test_check_warns_of_an_alias_that_nobody_can_follow(
    folder: Path, capsys: pytest.CaptureFixture[str], enabled: bool
) -> None:
    """In a zone of its own and in one of a folder; one that stays in our zones is no matter."""
    (folder / "zones").mkdir()
    aliases = "out ALIAS www.elsewhere.test.\nin ALIAS ns.example.test.\n"
    for path in ("a.zone", "zones/b.test.zone"):
        (folder / path).write_text(ZONE + aliases)
    (folder / "config.toml").write_text(
        f"[recursion]\nenabled = {str(enabled).lower()}\n"
        '[[zone]]\nname = "example.test"\nfile = "a.zone"\n[[zone_directory]]\npath = "zones"\n'
    )
    assert main(["check"]) == OK
    told = [line for line in capsys.readouterr().out.splitlines() if "ALIAS" in line]
    if enabled:
        assert told == []
        return
    assert [("a.zone: " in line, "b.test.zone: " in line) for line in told] == [
        (True, False),
        (False, True),
    ]
    assert all("leads to www.elsewhere.test., and recursion is off" in line for line in told)
