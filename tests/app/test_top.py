"""The live view: what it says of two looks at a server, and how it gets them."""

import asyncio
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from resolver import Config, Server
from resolver.app.cli import main
from resolver.app.control.listener import ControlListener
from resolver.app.exits import BAD_CONFIGURATION, OK, UNAVAILABLE, USAGE
from resolver.app.monitor.interest import Interest
from resolver.app.monitor.statistics import counted, live
from resolver.app.top.view import compare
from resolver.codes import Rcode
from resolver.model import Answer, Message, Source
from resolver.serve.observe import Observers
from resolver.serve.request import Request
from resolver.serve.tally import Tally
from resolver.slices import finish

pytestmark = pytest.mark.loopback

ZONE = "$ORIGIN own.test.\n@ 300 SOA ns host 7 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n"


def config(folder: Path) -> Config:
    settings = {"listen": ["127.0.0.1:0"], "state_dir": str(folder)}
    return Config.model_validate({"server": settings, "recursion": {"enabled": False}})


async def test_rates_and_percentiles_are_of_the_time_between(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        server.tally.packets.observe(9.0, 1000)  # long ago
        before = finish(live(server, 10))
        server.metrics.queries_udp_total += 300
        server.metrics.packet_hits_total += 150
        server.tally.packets.observe(0.001, 150)
        after = finish(live(server, 10))
    before["at_s"], after["at_s"] = 100.0, 102.0
    view = compare(before, after)
    assert view.facts["queries_per_s"] == 150
    assert view.facts["packet_hit_share"] == 0.5
    (packets,) = [each for each in view.facts["latency"] if each["source"] == "packets"]
    assert packets["per_s"] == 75
    assert packets["p99_s"] <= 0.001
    assert view.headline[0].startswith("150 queries/s (0 over TCP), finished packets 50.0%")
    assert any("zones: 1 serving" in line for line in view.lines())


async def test_silent_server_can_be_looked_at(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        look = finish(live(server, 10))
        view = compare(look, look)
        assert json.loads(json.dumps(look)) == look
    assert view.facts["packet_hit_share"] is None
    assert "  no answers yet" in list(view.lines())


async def test_stats_tell_percentiles_by_source(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        for number in range(1, 1001):
            server.tally.packets.observe(number / 1000)
        facts = counted(server)
    times = facts["latency"]["packets"]
    assert times["count"] == 1000
    assert times["p50_s"] == pytest.approx(0.5, rel=0.05)
    assert times["p99.9_s"] == pytest.approx(0.999, rel=0.05)
    packets = [each for each in facts["answers"] if each["source"] == "packets"]
    assert packets == [{"source": "packets", "rcode": "NOERROR", "count": 1000}]


async def test_names_and_clients_are_counted_only_while_somebody_looks() -> None:
    tally = Tally()
    observers = Observers(tally=tally)
    interest = Interest(tally, observers)
    assert tally.sampler is None
    popular = interest.look()
    assert tally.sampler is interest.look() is popular
    interest.end()
    assert tally.sampler is None
    assert interest.look() is not popular
    interest.end()


async def run(*arguments: object) -> tuple[int, str, str]:
    """`rootward …` in a thread, beside the loop of the server."""
    out, err = io.StringIO(), io.StringIO()

    def command() -> int:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                return main([str(argument) for argument in arguments])
            except SystemExit as end:
                return int(end.code or 0)

    code = await asyncio.to_thread(command)
    return code, out.getvalue(), err.getvalue()


async def test_command_prints_one_look(tmp_path: Path) -> None:
    server = Server(config(tmp_path), zone=ZONE)
    path = tmp_path / "control.sock"
    async with server, ControlListener(server):
        failed = Request(Message(1, 0), bytes((127, 0, 0, 1)), 0, False)
        for _ in range(3):
            server.tally.saw(failed, Answer(Rcode.SERVFAIL, source=Source.OWN), 0.001)
        server.store.withhold(b"\x04gone\x04test\0", expired=True)
        once = ("top", "--socket", path, "--once", "--interval", "0.1")
        code, text, _ = await run(*once)
        json_code, out, _ = await run(*once, "--json")
        facts: dict[str, Any] = json.loads(out)
    assert (code, json_code) == (OK, OK)
    assert "1 serving, 1 expired" in text
    assert facts["servfails_per_s"] == 0
    assert facts["zones"]["expired"] == 1


async def test_command_says_what_keeps_it_from_looking(tmp_path: Path) -> None:
    code, _, err = await run("top", "--socket", tmp_path / "none", "--once")
    assert (code, "no server listens there" in err) == (UNAVAILABLE, True)
    file = tmp_path / "config.toml"
    file.write_text('[control]\nsocket = ""\n')
    assert (await run("top", "--config", file, "--once"))[0] == BAD_CONFIGURATION
    assert (await run("top", "--interval", "0"))[0] == USAGE


async def test_tables_are_drawn_by_rich_too(tmp_path: Path) -> None:
    console = pytest.importorskip("rich.console")
    from resolver.app.top.rich_screen import screen_of

    async with Server(config(tmp_path), zone=ZONE) as server:
        popular = server.interest.look()
        popular.questions.add((b"\x06[bold]\x04test\0", 1), 2)
        popular.clients.add(bytes((192, 0, 2, 7)), 2)
        server.tally.saw(_request(), Answer(source=Source.OWN), 0.001)
        look = finish(live(server, 10))
    screen = console.Console(file=io.StringIO(), width=120)
    screen.print(screen_of(compare(look, look)))
    drawn = screen.file.getvalue()
    assert "[bold].test. A" in drawn  # a name is never markup
    assert "192.0.2.7" in drawn
    assert "Zones in trouble" in drawn


def _request() -> Any:
    from resolver.model import Message
    from resolver.serve.request import Request

    return Request(Message(1, 0), bytes((192, 0, 2, 7)), 7, False)
