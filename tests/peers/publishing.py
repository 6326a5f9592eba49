"""A primary inside the test: versions of one zone are published by hand, with their differences."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from resolver import names
from resolver.cache.answers import Answers
from resolver.config.schema import AccessSettings
from resolver.metrics import Metrics
from resolver.model import Address
from resolver.net.clock import SystemClock
from resolver.net.listen_stream import StreamListener, open_stream_socket
from resolver.net.listen_udp import UdpListener, open_udp_socket
from resolver.net.stream_places import StreamLimits
from resolver.policy.acl import AccessTable, Rule, ZoneRules
from resolver.serve.fast import FastPath
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity, Request
from resolver.serve.service import Service
from resolver.serve.transfer import TransferLimits, Transfers
from resolver.slices import finish
from resolver.wire.tsig import Key
from resolver.zone.content import Zone
from resolver.zone.diff import Diff, compute
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore


class Primary:
    """Serves one zone to loopback, to whoever signs if there is a key. `transfers` is what the
    server tells of the transfers it handed out."""

    def __init__(self, origin: str, key: Key | None) -> None:
        self.origin = names.read(origin)
        self.port = 0
        self.transfers: list[str] = []
        self.faults: list[BaseException] = []
        self._diffs: list[Diff] = []
        self._store = ZoneStore()
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def publish(self, text: str) -> None:
        """Put a version in the place of the one before."""
        report = read_zone_text(text, self.origin)
        assert report.zone is not None, report.errors
        self._call(lambda zone=report.zone: self._swap(zone))

    def _swap(self, zone: Zone) -> None:
        old = self._store.get(self.origin)
        if old is not None:
            self._diffs.append(finish(compute(old, zone)))
        self._store.swap(zone)
        self._answers.drop_all()

    def refused(self, request: Request, reason: str) -> None:
        """Notes."""
        self.transfers.append(f"refused {reason}")

    def done(self, request: Request, what: str) -> None:
        """Notes."""
        self.transfers.append(what)

    def start(self, *_: object) -> None:
        """Starter: nothing here takes steps."""
        raise AssertionError("no steps here")

    def _history(self, origin: bytes, serial: int) -> Sequence[Diff] | None:
        for i, diff in enumerate(self._diffs):
            if diff.from_serial == serial:
                return self._diffs[i:]
        return None

    def _open(self) -> None:
        settings = AccessSettings.model_validate(
            {"transfer": ["key:" + names.show(self._key.name)] if self._key else ["localhost"]}
        )
        clock, metrics = SystemClock(), Metrics()
        transfers = Transfers(
            self._store,
            ZoneRules(Rule(settings.transfer, []), {}),
            self._history,
            limits=TransferLimits(),
            identity=Identity(),
            clock=clock,
            metrics=metrics,
            notes=self,
        )
        order = handlers(
            self._store,
            None,
            identity=Identity(),
            metrics=metrics,
            minimal=True,
            transfers=transfers,
        )
        self._answers = Answers(1 << 20)
        access = AccessTable(settings, [])
        service = Service(
            order=order,
            access=access,
            answers=self._answers,
            identity=Identity(),
            clock=clock,
            metrics=metrics,
            recursion=False,
            on_exception=self.faults.append,
            keys={self._key.name: self._key} if self._key else {},
            notes=self,
        )
        udp = open_udp_socket(Address("127.0.0.1", 0))
        self.port = udp.getsockname()[1]
        stream = open_stream_socket(Address("127.0.0.1", self.port))
        fast = FastPath(self._answers, access.bits)
        self._udp = UdpListener(udp, service, self, fast, clock=clock, metrics=metrics)
        self._stream = StreamListener(
            [stream],
            service,
            self,
            fast.hit,
            bits=access.bits,
            limits=StreamLimits(),
            clock=clock,
            metrics=metrics,
        )
        self._udp.start()
        self._stream.start()

    async def _close(self) -> None:
        self._udp.stop()
        await self._stream.drain(0.5)
        self._udp.close()

    def _call(self, what: Any) -> None:
        done: Future[None] = Future()

        def run() -> None:
            try:
                what()
                done.set_result(None)
            except BaseException as fault:
                done.set_exception(fault)

        self._loop.call_soon_threadsafe(run)
        done.result(30)

    @contextmanager
    def running(self) -> Iterator["Primary"]:
        """Answers while the block lasts."""
        self._thread.start()
        try:
            self._call(self._open)
            yield self
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()
