"""When to send a server questions: /ready (O12)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from http_client import WAIT_S, get, until

from resolver import Config, Server, names
from resolver.app.monitor import listener
from resolver.app.monitor.readiness import LEAST_PROBES, PROBE_EVERY_S, Readiness, Upstream
from resolver.codes import RRType
from resolver.metrics import Metrics
from resolver.model import Question
from resolver.testing import Internet, Loopback, zone
from resolver.trace import Trace

pytestmark = [pytest.mark.loopback, pytest.mark.timeout(180)]

ROOT, TEST = "198.51.100.1", "198.51.100.2"
ZONE = "$ORIGIN own.test.\n@ 300 SOA ns host 7 7200 900 1209600 600\n@ 300 NS ns.other.\n"


@pytest.fixture
def net() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("example.", TEST, zone("example.", "www 300 A 192.0.2.1\n*.x 300 A 192.0.2.2\n"))
    return net


@pytest.fixture
def up(net: Internet) -> Iterator[Loopback]:
    with Loopback(net) as up:
        yield up


@pytest.fixture
def config(up: Loopback, tmp_path: Path) -> Config:
    return recursive(up, tmp_path)


def recursive(up: Loopback, folder: Path, **sections: object) -> Config:
    hints = up.write_hints(folder / "root.hints")
    return Config.model_validate(
        {
            "server": {"listen": ["127.0.0.1:0"], "state_dir": str(folder)},
            "recursion": {"root_hints": str(hints), "do_not_query": [], "max_time": 1},
            "outgoing": {"port": up.port},
            "metrics": {"listen": "127.0.0.1:0", "unready_after": 0.5},
            **sections,
        }
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "TICK_S", 0.05)


async def until_ready(server: Server, *, ready: bool) -> str:
    """The text of /ready once it says so."""
    async with asyncio.timeout(WAIT_S):
        while True:
            status, _, text = await get(server, "/ready")
            if (status == 200) == ready:
                return text
            assert status in (200, 503)
            await asyncio.sleep(0.05)


async def resolve(server: Server, name: str) -> None:
    assert server.driver is not None
    assert server.recursion is not None
    steps = server.recursion.resolve(Question(names.read(name), RRType.A), Trace())
    await server.driver.complete(steps)


async def test_server_primes_itself_and_is_ready(config: Config, net: Internet) -> None:
    async with Server(config) as server:
        assert await until_ready(server, ready=True) == "ready\n"
    assert net.log[0].question == ". NS"


async def test_not_ready_before_the_root_answers(config: Config, net: Internet) -> None:
    silence = net.lose(ROOT)
    async with Server(config) as server:
        assert "the root is not primed" in await until_ready(server, ready=False)
        silence.lift()
        await until_ready(server, ready=True)


async def test_not_ready_while_nobody_answers_and_again_after(
    config: Config, net: Internet
) -> None:
    async with Server(config) as server:
        await until_ready(server, ready=True)
        silences = [net.lose(ROOT), net.lose(TEST)]
        asking = asyncio.ensure_future(resolve(server, "www.example."))
        text = await until_ready(server, ready=False)
        assert "no other server has replied for" in text
        # Nobody sends a question to a server that is not ready: it finds out by itself.
        await asking
        for silence in silences:
            silence.lift()
        await until_ready(server, ready=True)
        # Zones of its own are served all the while, so it was alive.
        assert (await get(server, "/healthz"))[0] == 200


async def test_one_dead_zone_is_no_reason(up: Loopback, net: Internet, tmp_path: Path) -> None:
    metrics = {"listen": "127.0.0.1:0", "unready_after": 60}
    async with Server(recursive(up, tmp_path, metrics=metrics)) as server:
        await until_ready(server, ready=True)
        net.lose(TEST)
        asking = asyncio.ensure_future(resolve(server, "www.example."))
        await until(lambda: server.metrics.upstream_timeouts_total > 0)
        replies = server.metrics.upstream_rtt_seconds.count
        # The root is asked, to be sure, and that is enough.
        await until(lambda: server.metrics.upstream_rtt_seconds.count > replies)
        assert (await get(server, "/ready"))[0] == 200
        asking.cancel()


async def test_secondary_without_data_counts_unless_told_otherwise(
    up: Loopback, tmp_path: Path
) -> None:
    secondary = [{"name": "copy.test", "role": "secondary", "primaries": ["127.0.0.9"]}]
    for counts in (True, False):
        metrics = {"listen": "127.0.0.1:0", "ready_secondaries": counts}
        config = recursive(
            up, tmp_path, zone=secondary, metrics=metrics, recursion={"enabled": False}
        )
        async with Server(config) as server:
            status, _, text = await get(server, "/ready")
        assert status == (503 if counts else 200)
        assert ("zone copy.test. has no data" in text) == counts


async def test_server_of_own_zones_is_ready_at_once(up: Loopback, tmp_path: Path) -> None:
    config = recursive(up, tmp_path, recursion={"enabled": False})
    async with Server(config, zone=ZONE) as server:
        assert (await get(server, "/ready"))[::2] == (200, "ready\n")


async def test_forwarder_for_everything_needs_no_root(up: Loopback, tmp_path: Path) -> None:
    forward = [{"name": ".", "to": ["127.0.0.9:5300"]}]
    async with Server(recursive(up, tmp_path, forward=forward)) as server:
        assert (await get(server, "/ready"))[0] == 200


async def test_starting_and_stopping_are_told(config: Config) -> None:
    server = Server(config)
    readiness = Readiness(server)
    assert readiness.reasons() == ["starting: zones and cache are being loaded"]
    readiness.started = True
    assert readiness.reasons() == ["the root is not primed"]
    readiness.stopping = True
    assert readiness.reasons() == ["stopping"]


async def test_many_zones_in_trouble_are_counted(config: Config) -> None:
    server = Server(config)
    readiness = Readiness(server)
    readiness.started = True
    for number in range(7):
        server.store.withhold(names.read(f"z{number}.test."), expired=number == 0)
    reasons = readiness.reasons()
    assert reasons[0] == "zone z0.test. has expired"
    assert "2 more zones cannot be served" in reasons


class Watched:
    """An Upstream and its counters, on a clock of its own."""

    def __init__(self, unready_after_s: float = 15.0) -> None:
        self.metrics = Metrics()
        self.upstream = Upstream(unready_after_s)
        self.now = 1000.0

    def tick(self, *, asked: int = 0, replied: int = 0) -> bool:
        self.now += 1
        self.metrics.upstream_queries_total += asked
        self.metrics.upstream_rtt_seconds.observe(0.01, replied)
        return self.upstream.look(self.metrics, self.now)

    @property
    def is_silent(self) -> bool:
        return self.upstream.silent_s(self.now) is not None


def test_silence_without_questions_means_nothing() -> None:
    watched = Watched()
    watched.tick(asked=1, replied=1)
    assert not any(watched.tick() for _ in range(100))
    assert not watched.is_silent


def test_silence_is_believed_after_its_time_and_own_questions() -> None:
    watched = Watched()
    watched.tick(asked=1)
    probes = 0
    for second in range(1, 15):
        probes += watched.tick(asked=1)
        assert not watched.is_silent, second
    assert probes == 14 // PROBE_EVERY_S >= LEAST_PROBES
    watched.tick()
    assert watched.is_silent


def test_any_reply_ends_it() -> None:
    watched = Watched()
    for _ in range(30):
        watched.tick(asked=1)
    assert watched.is_silent
    watched.tick(replied=1)
    assert not watched.is_silent


def test_silence_that_cannot_be_sent_into_counts_too() -> None:
    watched = Watched()  # without a network nothing is sent at all
    for _ in range(30):
        watched.metrics.recursions_failed_total += 1
        watched.tick()
    assert watched.is_silent


def test_zero_never_says_so() -> None:
    watched = Watched(0.0)
    assert not any(watched.tick(asked=1) for _ in range(100))
    assert not watched.is_silent
