"""The control socket under clients that are wrong, slow, many or without rights (O05, S12)."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from resolver import Config, Server
from resolver.app.control.doors import Door, DoorError, doors_of, open_door
from resolver.app.control.listener import ControlListener, Limits
from resolver.app.control.protocol import MAX_REQUEST_OCTETS, CommandError
from resolver.app.control.table import find_verb
from resolver.app.control.verb import Arguments, Verb
from resolver.errors import ConfigError

ZONE = "$ORIGIN own.test.\n@ 300 SOA ns a 7 7200 900 1209600 300\n@ 300 NS ns\nns 300 A 192.0.2.1\n"
WAIT_S = 60.0


@asynccontextmanager
async def conversation(
    path: Path,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 24)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


async def ask(path: Path, *lines: bytes) -> list[Any]:
    """What the server says to these lines, one response to each."""
    said = []
    async with asyncio.timeout(WAIT_S), conversation(path) as (reader, writer):
        for line in lines:
            writer.write(line + b"\n")
            said.append(json.loads(await reader.readline()))
    return said


def asking(verb: str, **arguments: object) -> bytes:
    return json.dumps({"protocol": 1, "verb": verb, "arguments": arguments}).encode()


@asynccontextmanager
async def listening(
    path: Path, limits: Limits | None = None, *, changes: bool = True, **verbs: Any
) -> AsyncIterator[Server]:
    """A server with one door, and with these verbs beside its own."""
    own = {name: Verb(name, "for a test", run) for name, run in verbs.items()}
    doors = [Door(path, changes=changes)]
    async with (
        Server(zone=ZONE) as server,
        ControlListener(server, doors, limits, lambda name: own.get(name) or find_verb(name)),
    ):
        yield server


async def test_one_connection_takes_one_request_after_the_other(tmp_path: Path) -> None:
    async with listening(tmp_path / "c"):
        first, second = await ask(tmp_path / "c", asking("status"), asking("stats"))
    assert first["result"]["zones"] == 1
    assert second["result"]["counters"]["replies_total"] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "the request is not JSON"),
        (b"\xff\xfe", "the request is not JSON"),
        (b"[" * 50_000, "the request is not JSON"),
        (b"7", "the request is no object"),
        (b'{"verb": "status"}', "this server speaks protocol 1, not None"),
        (b'{"protocol": 2, "verb": "status"}', "this server speaks protocol 1, not 2"),
        (b'{"protocol": 1}', "the request names no verb"),
        (b'{"protocol": 1, "verb": 7}', "the request names no verb"),
        (asking("statuss"), "there is no verb 'statuss', did you mean 'status'?"),
        (b'{"protocol": 1, "verb": "status", "arguments": 7}', "arguments must be an object"),
        (asking("status", name="a"), "status: unknown argument 'name'"),
        (asking("flush"), "flush: name is missing"),
        (asking("flush", name=7), "flush: name: must be text of at most 4096 characters"),
        (asking("flush", name="a" * 5000), "flush: name: must be text"),
        (asking("flush", name="\ud800"), "flush: name: "),
        (asking("flush", name="a", tree="yes"), "flush: tree: must be true or false"),
        (asking("flush", name="a", type="NOTYPE"), "flush: type: NOTYPE is no record type"),
        (asking("log level", level="loud"), "log level: level: 'loud' is none of error, warning"),
        (asking("explain-client", address="1.2.3"), "explain-client: address: "),
    ],
)
async def test_request_without_sense_gets_a_clear_error(
    tmp_path: Path, line: bytes, message: str
) -> None:
    async with listening(tmp_path / "c") as server:
        wrong, right = await ask(tmp_path / "c", line, asking("status"))
        assert server.metrics.exceptions_total == 0
    assert not wrong["ok"]
    assert wrong["error"]["kind"] == "usage"
    assert wrong["error"]["message"].startswith(message)
    assert right["ok"]


async def test_request_that_is_too_long_ends_the_connection(tmp_path: Path) -> None:
    async with listening(tmp_path / "c"), conversation(tmp_path / "c") as (reader, writer):
        async with asyncio.timeout(WAIT_S):
            writer.write(b"x" * (MAX_REQUEST_OCTETS + 70_000))
            said = json.loads(await reader.readline())
            assert "octets" in said["error"]["message"]
            assert await reader.read() == b""


async def test_verb_that_raises_is_our_mistake(tmp_path: Path) -> None:
    async def broken(server: Server, arguments: Arguments) -> Any:
        raise ZeroDivisionError("by zero")

    async with listening(tmp_path / "c", broken=broken) as server:
        wrong, right = await ask(tmp_path / "c", asking("broken"), asking("status"))
        assert server.metrics.exceptions_total == 1
    assert wrong["error"] == {"kind": "internal", "message": "broken: ZeroDivisionError('by zero')"}
    assert right["ok"]


async def test_failure_may_have_a_result(tmp_path: Path) -> None:
    async def half(server: Server, arguments: Arguments) -> Any:
        raise CommandError("not all of it", facts={"done": 1})

    async with listening(tmp_path / "c", half=half):
        (said,) = await ask(tmp_path / "c", asking("half"))
    assert said["error"] == {"kind": "failed", "message": "not all of it"}
    assert said["result"] == {"done": 1}


async def test_verb_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async def slow(server: Server, arguments: Arguments) -> Any:
        await asyncio.Event().wait()

    async with listening(tmp_path / "c", Limits(verb_s=0.05), slow=slow):
        said, right = await ask(tmp_path / "c", asking("slow"), asking("status"))
    assert said["error"] == {"kind": "failed", "message": "slow: not done in time"}
    assert right["ok"]


async def test_client_that_does_not_read_holds_up_nobody(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def flood(server: Server, arguments: Arguments) -> AsyncIterator[Any]:
        try:
            while True:
                yield {"text": "x" * 10_000}
        finally:
            ended.set()

    async with (
        asyncio.timeout(WAIT_S),
        listening(tmp_path / "c", Limits(write_s=0.2), flood=flood),
        conversation(tmp_path / "c") as (_, writer),
    ):
        writer.write(asking("flood") + b"\n")
        (said,) = await ask(tmp_path / "c", asking("status"))
        assert said["ok"]
        await ended.wait()


async def test_silent_client_is_hung_up_on(tmp_path: Path) -> None:
    async with (
        asyncio.timeout(WAIT_S),
        listening(tmp_path / "c", Limits(idle_s=0.05)),
        conversation(tmp_path / "c") as (reader, _),
    ):
        assert await reader.read() == b""


async def test_one_connection_too_many_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "c"
    async with (
        asyncio.timeout(WAIT_S),
        listening(path, Limits(connections=1)),
        conversation(path) as (reader, writer),
    ):
        writer.write(asking("status") + b"\n")
        assert json.loads(await reader.readline())["ok"]
        (said,) = await ask(path, asking("status"))
    assert said["error"]["kind"] == "busy"


async def test_end_of_the_server_ends_connections(tmp_path: Path) -> None:
    async with asyncio.timeout(WAIT_S):
        async with listening(tmp_path / "c"):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "c"))
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    assert not (tmp_path / "c").exists()


async def test_door_for_looking_changes_nothing(tmp_path: Path) -> None:
    async with listening(tmp_path / "c", changes=False) as server:
        looked, stopped, flushed = await ask(
            tmp_path / "c", asking("status"), asking("stop"), asking("flush", name="a")
        )
        assert not server.ending.is_set()
    assert looked["ok"]
    for said in (stopped, flushed):
        assert said["error"]["kind"] == "forbidden"
        assert said["error"]["message"].endswith("this socket is for looking only")


def test_door_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "run" / "c"
    with closing(open_door(Door(path))):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_door_of_a_group_is_that_groups_too(tmp_path: Path) -> None:
    import grp

    group = grp.getgrgid(os.getgid()).gr_name
    path = tmp_path / "run" / "c"
    with closing(open_door(Door(path, group))):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert path.stat().st_gid == os.getgid()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711


def test_group_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DoorError, match="there is no group 'nobody-has-this'"):
        open_door(Door(tmp_path / "c", "nobody-has-this"))


def test_socket_of_a_dead_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()
    assert path.exists()
    with closing(open_door(Door(path))), socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_socket_of_a_living_server_stays_its_own(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with closing(open_door(Door(path))):
        with pytest.raises(DoorError, match="another server that runs listens there"):
            open_door(Door(path))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c"
    path.write_text("precious")
    with pytest.raises(DoorError, match="no socket"):
        open_door(Door(path))
    assert path.read_text() == "precious"


async def test_socket_of_a_successor_is_not_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "c"
    async with listening(path):
        path.unlink()
        with closing(open_door(Door(path))):
            pass
    assert path.exists()


async def test_path_may_be_longer_than_the_system_takes(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100) / ("y" * 50) / "c"
    async with listening(path):
        link = tmp_path / "short"
        link.symlink_to(path)
        (said,) = await ask(link, asking("status"))
        assert said["ok"]
    assert not path.exists()


async def test_configured_door_that_cannot_be_had_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "c").write_text("")
    config = Config.model_validate({"control": {"socket": str(tmp_path / "c")}})
    async with Server(zone=ZONE) as server:
        with pytest.raises(ConfigError, match="no socket"):
            ControlListener(server, doors_of(config)).open()


async def test_door_by_default_that_cannot_be_had_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("")
    config = Config.model_validate({"server": {"state_dir": str(tmp_path)}})
    async with Server(zone=ZONE) as server, ControlListener(server, doors_of(config)):
        pass
    assert (tmp_path / "control.sock").read_text() == ""


def test_doors_follow_the_configuration(tmp_path: Path) -> None:
    made = {"socket": "", "read_only_socket": str(tmp_path / "look"), "read_only_group": "adm"}
    config = Config.model_validate({"control": made})
    assert doors_of(config) == [Door(tmp_path / "look", "adm", changes=False)]
    config = Config.model_validate({"server": {"state_dir": str(tmp_path)}})
    assert doors_of(config) == [Door(tmp_path / "control.sock", asked_for=False)]
