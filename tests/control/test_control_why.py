"""Why a name is answered as it is, told by a running server (O10), and the log of failures."""

import json
import signal
from collections.abc import Iterator

import pytest
from controlled import COM, CONFIG, EXAMPLE, Controlled, make_folder, tree, until

from resolver.app.exits import FAILED, OK, USAGE
from resolver.codes import Ede, Rcode
from resolver.testing import Internet, Loopback

pytestmark = pytest.mark.loopback

BLOCKED = """\
[log]
format = "json"
[[local]]
block = ["blocked"]
"""


@pytest.fixture(scope="module")
def net() -> Internet:
    return tree()


@pytest.fixture(scope="module")
def up(net: Internet) -> Iterator[Loopback]:
    with Loopback(net) as loopback:
        yield loopback


@pytest.fixture(scope="module")
def control(up: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    folder = make_folder(tmp_path_factory.mktemp("why"))
    up.write_hints(folder / "root.hints")
    (folder / "blocked").write_text("ads.example.com\n")
    controlled = Controlled(folder, CONFIG.format(port=up.port) + BLOCKED)
    yield controlled
    controlled.end()


def test_the_last_failure_lists_exactly_the_packets_that_the_servers_saw(
    control: Controlled, net: Internet, up: Loopback
) -> None:
    """Nothing had been switched on before."""
    assert control.ctl("flush", "example.com", "--tree").code == OK
    fault = net.servfail(EXAMPLE)
    seen = len(net.log)
    try:
        assert control.ask("www.example.com").rcode == Rcode.SERVFAIL
    finally:
        fault.lift()
    got = [
        (up.address(entry.server), entry.question.lower(), "TCP" if entry.stream else "UDP")
        for entry in list(net.log)[seen:]
    ]
    facts = control.ctl("why", "www.example.com", "--last", "--json").json
    told = [
        (entry["server"].rpartition("#")[0], entry["question"].lower(), entry["transport"])
        for entry in facts["asked"]
    ]
    assert told == got
    assert up.address(EXAMPLE) in {server for server, _, _ in told}
    assert facts["errors"][0]["code"] == Ede.NO_REACHABLE_AUTHORITY
    text = control.ctl("why", "www.example.com", "--last").out
    for server, _, _ in told:
        assert server in text
    assert facts["reason"] in text

    record = str(facts["number"])
    assert control.ctl("why", "--record", record, "--json").json == facts
    shown = control.ctl("why", "--failures", "--json").json["failures"]
    assert facts["number"] in [failure["number"] for failure in shown]
    assert facts["reason"] in control.ctl("why", "--failures").out
    failed = [
        line
        for line in map(read_line, control.log.read_text().splitlines())
        if line is not None and line.get("record") == facts["number"]
    ]
    assert [line["reason"] for line in failed] == [facts["reason"]]


def read_line(line: str) -> dict[str, object] | None:
    """A line of the log, if it is one."""
    return json.loads(line) if line.startswith("{") else None


def test_why_shows_the_servers_now_and_then_the_cache(control: Controlled) -> None:
    control.ctl("flush", "example.com", "--tree")
    first = control.ctl("why", "mail.example.com", "--json").json
    assert (first["rcode"], first["source"]) == ("NOERROR", "recursion")
    assert first["upstream"] == len(first["asked"]) > 0
    assert first["answer"] == ["mail.example.com.\t600\tIN\tA\t192.0.2.8"]
    again = control.ctl("why", "mail.example.com", "--json").json
    assert (again["source"], again["asked"]) == ("cache", [])
    assert [step["step"] for step in again["steps"]] == ["access", "cache"]


def test_why_shows_the_block_list(control: Controlled) -> None:
    done = control.ctl("why", "ads.example.com", "--json").json
    assert (done["rcode"], done["source"]) == ("NXDOMAIN", "policy")
    assert done["steps"][-1]["step"] == "local"
    assert "ads.example.com. is on the block list" in done["steps"][-1]["text"]
    assert done["steps"][-1]["by"] == done["errors"][0]["text"]
    through = control.ctl("why", "shop.example.com", "--json").json
    assert through["source"] == "policy", "an alias leads there"


def test_why_as_somebody_else(control: Controlled) -> None:
    done = control.ctl("why", "www.example.com", "--client", "203.0.113.9", "--json").json
    assert (done["rcode"], done["source"]) == ("REFUSED", "refused")
    assert (
        control.ctl("why", "www.own.test", "--client", "203.0.113.9", "--json").json["source"]
        == "own"
    )


def test_trace_walks_from_the_root_and_leaves_the_cache_alone(
    control: Controlled, net: Internet, up: Loopback
) -> None:
    control.ask("www.example.com")
    before = control.ctl("cache", "show", "www.example.com", "--json").json
    seen = len(net.log)
    done = control.ctl("trace", "www.example.com")
    assert done.code == OK
    servers = [up.address(entry.server) for entry in list(net.log)[seen:]]
    asked = [line for line in done.out.splitlines() if " ask " in line]
    assert len(asked) == len(servers) >= 3
    assert all(server in line for server, line in zip(servers, asked, strict=True))
    assert up.address(COM) in servers
    assert "www.example.com.\t600\tIN\tA\t192.0.2.7" in done.out
    after = control.ctl("cache", "show", "www.example.com", "--json").json
    assert {e["name"] for e in after["entries"]} == {e["name"] for e in before["entries"]}
    items = [
        json.loads(line)
        for line in control.ctl("trace", "www.example.com", "--json").out.splitlines()
    ]
    assert {item["step"] for item in items if "step" in item} >= {"ask", "reply", "says", "ended"}


def test_what_cannot_be_told(control: Controlled) -> None:
    done = control.ctl("why", "never.asked.example.com", "--last")
    assert done.code == FAILED
    assert "no such record is kept" in done.err
    assert control.ctl("why").code == USAGE


def test_records_survive_a_reload_and_can_be_switched_off(
    control: Controlled, net: Internet
) -> None:
    fault = net.servfail(EXAMPLE)
    try:
        control.ctl("flush", "example.com", "--tree")
        assert control.ask("b.deep.example.com").rcode == Rcode.SERVFAIL
    finally:
        fault.lift()
    assert control.ctl("why", "b.deep.example.com", "--last").code == OK
    text = control.config.read_text()
    reload(control, text)
    assert control.ctl("why", "b.deep.example.com", "--last").code == OK
    reload(control, text + "[recorder]\nrecords = 0\n")
    until(lambda: control.ctl("why", "b.deep.example.com", "--last").code == FAILED)
    reload(control, text)


def reload(control: Controlled, config: str) -> None:
    """Have the server take up this configuration."""
    assert control.process is not None
    control.config.write_text(config)
    control.process.send_signal(signal.SIGHUP)
