"""Verbs about the process, over both sockets, and what `ctl` says without one (O05, S12)."""

import signal
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace

import pytest
from controlled import Controlled, command, make_folder, open_socket

from resolver.app.control.protocol import Facts
from resolver.app.control.table import VERBS
from resolver.app.control.verbs.access import explain_client, show_client
from resolver.app.exits import BAD_CONFIGURATION, FORBIDDEN, OK, UNAVAILABLE
from resolver.config.protection import RateLimitSettings
from resolver.config.schema import Config

pytestmark = pytest.mark.loopback

PLAIN = '[server]\nlisten = ["127.0.0.1:0"]\n[recursion]\nenabled = false\n'


def test_status_is_told_to_people_and_to_programs(control: Controlled) -> None:
    facts = control.ctl("status", "--json").json
    assert control.process is not None
    assert facts["pid"] == control.process.pid
    assert facts["listening"] == [f"127.0.0.1#{control.port}"]
    assert control.ctl("--json", "status").json["pid"] == facts["pid"]
    assert "recursion" in control.ctl("status").out


def test_socket_is_found_by_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(f'{PLAIN}[control]\nsocket = "c.sock"\n')
    done = command("ctl", "--config", tmp_path / "c.toml", "status")
    assert done.code == UNAVAILABLE
    assert done.err == f"{tmp_path / 'c.sock'}: no server listens there\n"
    (tmp_path / "c.toml").write_text('[control]\nsocket = ""\n')
    assert command("ctl", "--config", tmp_path / "c.toml", "status").code == BAD_CONFIGURATION


def test_fault_elsewhere_in_the_file_keeps_nobody_from_the_server(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[cache]\nsise = 7\n[control]\nsocket = "c.sock"\n')
    done = command("ctl", "--config", tmp_path / "c.toml", "reload")
    assert done.code == UNAVAILABLE
    assert done.err == f"{tmp_path / 'c.sock'}: no server listens there\n"


def test_where_the_file_cannot_be_read_the_socket_can_be_named(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("[cache\n")
    done = command("ctl", "--config", tmp_path / "c.toml", "status")
    assert done.code == BAD_CONFIGURATION
    assert done.err.startswith(f"{tmp_path / 'c.toml'}:1: not TOML")
    assert "--socket PATH" in done.err


def test_level_of_the_log_changes_at_once(control: Controlled) -> None:
    done = control.ctl("log", "level", "debug")
    assert done.out == "log level debug, before info\n"
    assert control.ctl("status", "--json").json["log_level"] == "debug"
    assert control.ctl("log", "level", "info", "--json").json["before"] == "debug"


def test_client_is_explained_by_entry_and_list(control: Controlled) -> None:
    def rights(address: str) -> dict[str, str | None]:
        facts = control.ctl("explain-client", address, "--json").json
        return {each["right"]: each["entry"] for each in facts["rights"]}

    here = rights("127.0.0.1")
    assert here["query"] == "any"
    assert here["recursion"] == "localhost"
    assert here["transfer"] is None
    stranger = rights("203.0.113.200")
    assert stranger["query"] == "any"
    assert stranger["recursion"] is None
    out = control.ctl("explain-client", "203.0.113.200").out
    assert "no entry fits" in out


def test_client_is_told_its_share_and_its_rate_limit(control: Controlled) -> None:
    facts = control.ctl("explain-client", "192.0.2.77", "--json").json
    assert facts["share"] == {
        "client": "192.0.2.77/32",
        "under_way": 500,
        "waiting_to_begin": 500,
        "waiting_over_udp": 500,
    }
    assert facts["rate_limit"] is None
    out = control.ctl("explain-client", "2001:db8::77").out
    assert "rate limit: none\n" in out
    assert "share of 2001:db8::/64 while nobody else asks: 500 questions" in out


async def test_rate_limit_of_a_network_is_told_with_who_is_exempt() -> None:
    limit = RateLimitSettings.model_validate(
        {"responses_per_second": 20, "errors_per_second": 5, "exempt": ["192.0.2.128/25"]}
    )
    running = SimpleNamespace(config=Config(rate_limit=limit))

    async def explained(address: str, key: bytes | None = None) -> tuple[Facts, str]:
        packed = ip_address(address).packed
        facts = await explain_client(running, {"address": packed, "key": key})
        return facts["rate_limit"], "\n".join(show_client(facts))

    stranger, text = await explained("192.0.2.7")
    assert stranger["network"] == "192.0.2.0/24"
    assert stranger["never"] is None
    assert stranger["per_second"]["nxdomains"] == 20
    assert stranger["per_second"]["errors"] == 5
    assert "rate limit of 192.0.2.0/24 over UDP without a cookie: responses 20/s" in text
    assert (await explained("2001:db8:1:2::3"))[0]["network"] == "2001:db8:1::/56"
    exempt, text = await explained("192.0.2.200")
    assert exempt["never"] == "rate_limit.exempt has 192.0.2.128/25"
    assert "rate limit: none, rate_limit.exempt has 192.0.2.128/25" in text
    signed, _ = await explained("192.0.2.7", b"\3key\0")
    assert signed["never"] == "its queries are signed"


def test_who_may_only_look_changes_nothing(control: Controlled) -> None:
    look = ("ctl", "--socket", control.folder / "look.sock")
    for words in ("status", "stats", "why --failures", "cache show own.test", "zone list"):
        assert command(*look, *words.split()).code == OK, words
    for words in ("flush a.test", "flush-all", "reload", "zone reload own.test", "log level debug"):
        refused = command(*look, *words.split())
        assert refused.code == FORBIDDEN, words
        assert refused.err.endswith(": this socket is for looking only\n")


def test_what_changes_something_says_so() -> None:
    changing = {verb.name for verb in VERBS if verb.changes}
    assert {"stop", "reload", "flush", "flush-all", "cache load", "log level"} <= changing
    words = ("add", "remove", "freeze", "thaw", "sync", "reload")
    assert {f"zone {word}" for word in words} <= changing
    assert not {"status", "stats", "cache show", "zone list", "zone dump"} & changing


def test_stop_ends_it_and_a_killed_one_is_followed(tmp_path: Path) -> None:
    text = PLAIN.replace("[recursion]", 'state_dir = "var"\n[recursion]')
    controlled = Controlled(make_folder(tmp_path), text)
    try:
        assert controlled.process is not None
        controlled.process.send_signal(signal.SIGKILL)
        controlled.process.wait()
        assert controlled.socket.exists()
        assert controlled.ctl("status").code == UNAVAILABLE
        controlled.start()
        open_socket(controlled.socket).close()
        done = controlled.ctl("stop")
        assert (done.code, done.out) == (OK, "stopping\n")
        assert controlled.wait() == OK
        assert not controlled.socket.exists()
    finally:
        controlled.end()
