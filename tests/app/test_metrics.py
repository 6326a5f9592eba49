"""What /metrics says of a server (O07, X12)."""

import asyncio
import re
import shutil
import socket
import sys
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from http_client import get
from prometheus_client import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read

from resolver import Config, Server, names
from resolver.app.monitor.collect import pieces
from resolver.app.monitor.families import FAMILIES, PREFIX
from resolver.app.monitor.listener import write_out
from resolver.codes import RRType
from resolver.errors import ConfigError
from resolver.metrics import HISTOGRAMS, TABLE
from resolver.model import Address, Question
from resolver.slices import finish
from resolver.wire.build import build_query
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text

pytestmark = pytest.mark.loopback

WAIT_S = 30.0
ZONE = """\
$ORIGIN example.test.
@ 300 SOA ns host 7 7200 900 1209600 600
@ 300 NS ns
ns 300 A 192.0.2.1
www 300 A 192.0.2.80
"""


def config(state: Path, **sections: object) -> Config:
    return Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(state)},
            "recursion": {"enabled": False},
            "metrics": {"listen": "127.0.0.1:0"},
            **sections,
        }
    )


async def ask(address: Address, *asked: str, qtype: int = RRType.A) -> None:
    """Ask these names over UDP, one after the other."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, tuple(address))
        for name in asked:
            question = Question(names.read(name), qtype)
            query = build_query(1, question, edns=None, recursion_desired=False)
            await loop.sock_sendall(sock, query)
            await asyncio.wait_for(loop.sock_recv(sock, 4096), WAIT_S)


def values(families: Iterable[Metric], name: str) -> dict[str, float]:
    """Samples of this name by the values of their labels."""
    return {
        " ".join(value for _, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if sample.name == PREFIX + name
    }


async def scrape(server: Server) -> list[Metric]:
    status, _, text = await get(server, "/metrics")
    assert status == 200
    return list(read(text))


async def test_queries_are_told_by_source_rcode_type_and_time(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        www, missing, foreign = "www.example.test.", "no.example.test.", "example.org."
        await ask(server.addresses[0], *[www] * 4, *[missing] * 3, foreign)
        await ask(server.addresses[0], "example.test.", qtype=RRType.MX)
        told = await scrape(server)
    assert values(told, "queries_total") == {"udp": 9, "tcp": 0}
    assert values(told, "answers_total") == {
        "NOERROR own": 2,
        "NXDOMAIN own": 1,
        "NOERROR packets": 3,
        "NXDOMAIN packets": 2,
        "REFUSED refused": 1,
    }
    assert values(told, "question_types_total") == {"A": 3, "MX": 1}
    assert values(told, "answer_seconds_count") == {"own": 3, "packets": 5, "refused": 1}
    assert values(told, "packet_hits_total") == {"": 5}
    assert values(told, "cache_hits_total")["packets"] == 5
    assert values(told, "cache_misses_total")["packets"] == 4
    buckets = [v for k, v in values(told, "answer_seconds_bucket").items() if k.endswith(" own")]
    assert all(low <= high for low, high in pairwise(buckets))
    assert buckets[-1] == 3


async def test_both_formats_can_be_read_and_say_the_same(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        await ask(server.addresses[0], "www.example.test.")
        _, plain_type, plain = await get(server, "/metrics")
        wanted = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
        _, open_type, opened = await get(server, "/metrics", wanted)
    assert plain_type.startswith("text/plain; version=0.0.4")
    assert open_type.startswith("application/openmetrics-text; version=1.0.0")
    assert opened.endswith("# EOF\n")
    one, other = list(read(plain)), list(read_open(opened))
    for name in ("queries_total", "zone_serial", "answer_seconds_count"):
        assert values(one, name) == values(other, name) != {}


async def test_every_metric_is_in_the_table_and_has_help(tmp_path: Path) -> None:
    secondary = {"name": "copy.test", "role": "secondary", "primaries": ["127.0.0.9"]}
    async with Server(config(tmp_path, zone=[secondary]), zone=ZONE) as server:
        _, _, text = await get(server, "/metrics")
    helped = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    typed = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    assert set(helped) == set(typed)
    for name, about in helped.items():
        if name.startswith(PREFIX):
            own = name.removeprefix(PREFIX)
            family = FAMILIES[own.removesuffix("_info") if own == "build_info" else own]
            assert about == family.help
    # The process, by its usual names.
    assert {"process_resident_memory_bytes", "process_open_fds"} <= set(helped)
    of_recursion = {n for n in FAMILIES if n == "servers" or n.startswith("server_")}
    absent = {"build"} | of_recursion  # told as build_info; there is no recursion
    later = {n for n, f in FAMILIES.items() if f.labels == ("zone",)}  # not confirmed yet
    assert {PREFIX + n for n in set(FAMILIES) - absent - later} <= set(helped)


def test_names_follow_the_conventions() -> None:
    for family in FAMILIES.values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        assert family.name.endswith("_total") == (family.kind == "counter"), family.name
        assert family.help
        assert not family.help.endswith(".")
        assert "octets" not in family.name
    assert set(HISTOGRAMS) | set(TABLE) - {"queries_udp_total", "queries_tcp_total"} <= set(
        FAMILIES
    )


@pytest.mark.peer
async def test_promtool_has_nothing_to_say(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    secondary = {"name": "copy.test", "role": "secondary", "primaries": ["127.0.0.9"]}
    async with Server(config(tmp_path, zone=[secondary]), zone=ZONE) as server:
        await ask(server.addresses[0], "www.example.test.", "no.example.test.")
        _, _, text = await get(server, "/metrics")
    check = await asyncio.create_subprocess_exec(
        *(promtool, "check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await check.communicate(text.encode())
    assert (check.returncode, said) == (0, b"")


async def test_secondary_zone_in_trouble_is_told(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens there
        primary = f"127.0.0.1:{closed.getsockname()[1]}"
        secondary = {"name": "copy.test", "role": "secondary", "primaries": [primary]}
        async with Server(config(tmp_path, zone=[secondary]), zone=ZONE) as server:
            await server.keeper.first_check(names.read("copy.test."))
            told = await scrape(server)
    assert values(told, "zone_serving") == {"example.test.": 1, "copy.test.": 0}
    assert values(told, "zone_serial") == {"example.test.": 7}
    assert values(told, "zones") == {"serving": 1, "expired": 0, "not_ready": 1}
    assert values(told, "zone_failed_checks")["copy.test."] >= 1
    checks = values(told, "zone_checks_total")
    assert checks["failed copy.test."] >= 1
    assert checks["transferred copy.test."] == 0


async def test_transferred_zone_tells_when_it_expires(tmp_path: Path) -> None:
    open_to_all = config(tmp_path / "primary", access={"transfer": ["any"]})
    async with Server(open_to_all, zone=ZONE) as primary:
        address = primary.addresses[0]
        secondary = {
            "name": "example.test",
            "role": "secondary",
            "primaries": [f"{address.ip}:{address.port}"],
        }
        async with Server(config(tmp_path / "secondary", zone=[secondary])) as server:
            await server.keeper.first_check(names.read("example.test."))
            told = await scrape(server)
    assert values(told, "zone_serial") == {"example.test.": 7}
    (expires_in_s,) = values(told, "zone_expires_in_seconds").values()
    assert 1209600 - 3600 < expires_in_s <= 1209600
    assert values(told, "zone_checks_total")["transferred example.test."] == 1


def zones(count: int) -> list[Zone]:
    made = []
    for number in range(count):
        origin = names.read(f"z{number}.test.")
        zone = read_zone_text("@ 300 SOA ns h 1 2 3 4 5\n@ 300 NS ns.test.\n", origin).zone
        assert zone is not None
        made.append(zone)
    return made


@pytest.mark.parametrize(("most", "told"), [(1000, 350), (120, 120), (0, 0)])
async def test_zones_with_series_of_their_own_are_bounded(
    tmp_path: Path, most: int, told: int
) -> None:
    metrics = {"listen": "127.0.0.1:0", "zones": most}
    async with Server(config(tmp_path, metrics=metrics), zones=zones(350)) as server:
        text = finish(write_out(server, generate_latest, ready=True)).decode()
        sizes = [len(p.samples) for p in pieces(server, ready=True) if p is not None]
    assert len(values(read(text), "zone_serial")) == told
    assert values(read(text), "zones")["serving"] == 350
    # Many samples come in pieces, and yet every metric is announced once.
    assert max(sizes) <= 200
    heads = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(heads) == len(set(heads))


async def test_scrapes_at_the_same_time_share_one_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def count(*args: object, **kwargs: object) -> object:
        written.append(args)
        return write_out(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("resolver.app.monitor.listener.write_out", count)
    monkeypatch.setattr("resolver.app.monitor.listener.FRESH_S", 60.0)
    async with Server(config(tmp_path), zone=ZONE) as server:
        texts = await asyncio.gather(*(get(server, "/metrics") for _ in range(8)))
    assert len({text for _, _, text in texts}) == len(written) == 1


async def test_other_paths_are_told_what_there_is(tmp_path: Path) -> None:
    async with Server(config(tmp_path), zone=ZONE) as server:
        assert (await get(server, "/healthz"))[::2] == (200, "alive\n")
        status, _, text = await get(server, "/")
        assert status == 404
        assert "/metrics" in text


async def test_address_that_is_taken_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        server = Server(config(tmp_path, metrics={"listen": listen}), zone=ZONE)
        with pytest.raises(ConfigError, match=r"metrics\.listen: 127.0.0.1#\d+: Address already"):
            await server.start()
        assert server.addresses == []


async def test_dns_address_that_is_taken_leaves_no_http_listener(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        listen = [f"127.0.0.1:{taken.getsockname()[1]}"]
        settings = {"listen": listen, "state_dir": str(tmp_path)}
        server = Server(config(tmp_path, server=settings), zone=ZONE)
        with pytest.raises(ConfigError, match=r"server\.listen"):
            await server.start()
        assert server.monitor is None


async def test_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "resolver.app.monitor.listener", raising=False)
    monkeypatch.delitem(sys.modules, "resolver.net.listen_http", raising=False)
    monkeypatch.setitem(sys.modules, "h11", None)
    server = Server(config(tmp_path), zone=ZONE)
    with pytest.raises(
        ConfigError, match=r"h11 is not installed: pip install 'rootward\[metrics\]'"
    ):
        await server.start()


async def test_without_the_key_nothing_listens(tmp_path: Path) -> None:
    async with Server(config(tmp_path, metrics={}), zone=ZONE) as server:
        assert server.monitor is None
