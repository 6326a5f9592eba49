"""Who observes is told once how each query ended, and can do no harm."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import Opcode, Rcode, RRClass, RRType
from resolver.config.schema import AccessSettings
from resolver.effects import Steps
from resolver.metrics import Metrics
from resolver.model import Answer, Edns, Message, Question, Source
from resolver.policy.acl import AccessTable
from resolver.serve.observe import Observers
from resolver.serve.pipeline import handlers
from resolver.serve.request import Handled, Handler, Identity, Messages, Request, Stage
from resolver.serve.service import Service
from resolver.testing import ManualClock
from resolver.wire.build import build, build_query
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

CLIENT = bytes((192, 0, 2, 7))
ZONE = """\
$ORIGIN example.com.
@ 300 SOA ns hostmaster 1 2 3 4 300
@ 300 NS ns
ns 300 A 192.0.2.1
www 300 A 192.0.2.2
"""


@dataclass
class Notebook:
    """An observer that writes everything down."""

    seen: list[tuple[Request, Answer, float]] = field(default_factory=list)

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """Write it down."""
        self.seen.append((request, answer, seconds))

    @property
    def ends(self) -> list[tuple[str, int]]:
        """Source and rcode of every query."""
        return [(answer.source, answer.rcode) for _, answer, _ in self.seen]


class Clumsy:
    """An observer that raises."""

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """Raise."""
        raise ValueError("clumsy")


class Only(Stage):
    """One handler for everything."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handle(self, request: Request) -> Handled:
        """What the handler makes of it."""
        return self._handler(request)


def make_service(
    *observers: Any, only: Handler | None = None, faults: list[BaseException] | None = None
) -> Service:
    store = ZoneStore()
    zone = read_zone_text(ZONE, names.read("example.com.")).zone
    assert zone is not None
    store.swap(zone)
    metrics = Metrics()
    clock = ManualClock()
    identity = Identity()
    usual = handlers(store, None, identity=identity, metrics=metrics, minimal=True)
    return Service(
        order=usual if only is None else [Only(only)],
        access=AccessTable(AccessSettings(), ()),
        answers=Answers(100_000),
        identity=identity,
        clock=clock,
        metrics=metrics,
        recursion=False,
        on_exception=(faults if faults is not None else []).append,
        observer=Observers(*observers),
    )


def query(name: str, qtype: int = RRType.A, qclass: int = RRClass.IN) -> bytes:
    question = Question(names.read(name), qtype, qclass)
    return build_query(1, question, edns=Edns(), recursion_desired=True)


@pytest.mark.parametrize(
    ("packet", "end"),
    [
        (query("www.example.com."), (Source.OWN, Rcode.NOERROR)),
        (query("nope.example.com."), (Source.OWN, Rcode.NXDOMAIN)),
        (query("example.org."), (Source.REFUSED, Rcode.REFUSED)),
        (query("id.server.", RRType.TXT, RRClass.CH), (Source.CHAOS, Rcode.REFUSED)),
        (query("www.example.com.", RRType.MAILB), (Source.SERVER, Rcode.NOTIMP)),
        (query("www.example.com.", RRType.AXFR), (Source.REFUSED, Rcode.REFUSED)),
        (build(Message(1, Opcode.STATUS << 11)), (Source.SERVER, Rcode.NOTIMP)),
        (query("www.example.com.")[:-4], (Source.MALFORMED, Rcode.FORMERR)),
    ],
)
def test_source_and_rcode_are_told(packet: bytes, end: tuple[Source, Rcode]) -> None:
    notebook = Notebook()
    make_service(notebook).respond(packet, CLIENT, stream=False)
    assert notebook.ends == [end]
    assert notebook.seen[0][0].peer == CLIENT


def test_nobody_is_told_of_what_is_no_query() -> None:
    notebook = Notebook()
    service = make_service(notebook)
    assert service.respond(b"scrap", CLIENT, stream=False) is None
    assert notebook.seen == []


def test_time_is_from_the_query_to_its_end() -> None:
    notebook = Notebook()

    def wait(request: Request) -> Steps[Answer]:
        yield from ()
        service.clock.advance(0.25)  # type: ignore[attr-defined]
        return Answer()

    service = make_service(notebook, only=wait)
    steps = service.respond(query("example."), CLIENT, stream=False)
    assert notebook.seen == []
    with pytest.raises(StopIteration):
        next(steps)  # type: ignore[arg-type]
    assert notebook.seen[0][2] == 0.25


def test_a_query_given_up_from_outside_is_told_of() -> None:
    notebook = Notebook()

    def wait(request: Request) -> Steps[Answer]:
        yield  # type: ignore[misc]
        return Answer()

    steps = make_service(notebook, only=wait).respond(query("example."), CLIENT, stream=False)
    next(steps)  # type: ignore[arg-type]
    steps.close()  # type: ignore[union-attr]
    assert [source for source, _ in notebook.ends] == [Source.DROPPED]


def fails_at_once(request: Request) -> Answer:
    raise RuntimeError("boom")


def fails_later(request: Request) -> Steps[Answer]:
    yield from ()
    raise RuntimeError("boom")


@pytest.mark.parametrize("handler", [fails_at_once, fails_later])
def test_our_own_fault_is_told_of(handler: Callable[[Request], Any]) -> None:
    notebook = Notebook()
    result = make_service(notebook, only=handler).respond(query("example."), CLIENT, stream=False)
    if not isinstance(result, bytes):
        with pytest.raises(StopIteration):
            next(result)  # type: ignore[arg-type]
    assert notebook.ends == [(Source.SERVER, Rcode.SERVFAIL)]


@pytest.mark.parametrize(
    ("packets", "rcode"), [(2, Rcode.NOERROR), (1, Rcode.SERVFAIL)], ids=["whole", "broken off"]
)
def test_a_transfer_is_told_of_at_its_end(packets: int, rcode: Rcode) -> None:
    notebook = Notebook()
    ends: list[bool] = []

    def send(request: Request) -> Messages:
        return Messages(iter([b"one", b"two"]), ends.append)

    messages = make_service(notebook, only=send).respond(
        query("example.", RRType.AXFR), CLIENT, stream=True
    )
    assert isinstance(messages, Messages)
    taken = [messages.take() for _ in range(packets)]
    assert taken == [b"one", b"two"][:packets]
    assert notebook.seen == []
    if rcode == Rcode.NOERROR:
        assert messages.take() is None
    messages.close()
    messages.close()
    assert notebook.ends == [(Source.TRANSFER, rcode)]
    assert ends == [rcode == Rcode.NOERROR]


def test_an_observer_that_raises_costs_no_reply_and_no_other_observer() -> None:
    notebook = Notebook()
    faults: list[BaseException] = []
    service = make_service(notebook, Clumsy(), faults=faults)
    assert isinstance(service.respond(query("www.example.com."), CLIENT, stream=False), bytes)
    assert [type(fault) for fault in faults] == [ValueError]
    assert len(notebook.seen) == 1


def test_observers_come_and_go() -> None:
    first, second = Notebook(), Notebook()
    observers = Observers(first)
    service = make_service(observers)
    service.respond(query("www.example.com."), CLIENT, stream=False)
    observers.add(second)
    service.respond(query("www.example.com."), CLIENT, stream=False)
    observers.remove(first)
    observers.remove(first)
    service.respond(query("www.example.com."), CLIENT, stream=False)
    assert (len(first.seen), len(second.seen)) == (2, 2)
