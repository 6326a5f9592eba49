"""What it costs that every step of a resolution is recorded, and failures are kept.

    python -m tests.bench.recording

Resolves names with a cold cache and no sockets, three ways in turns: with steps and recorder as the
server has them, with steps but nobody observing, and with steps thrown away. Servers of the fake
Internet answer from memory, so that the walk itself is as large a share as it can be; on sockets
the shares are smaller. One share for names that have an answer, one for names whose servers fail:
only those are kept.
"""

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import RRType
from resolver.config.recorder import RecorderSettings
from resolver.config.schema import AccessSettings
from resolver.iterate.work import Work
from resolver.metrics import Metrics
from resolver.model import Edns, Question
from resolver.policy.acl import AccessTable
from resolver.serve.observe import Observers
from resolver.serve.pipeline import handlers
from resolver.serve.recorder import Recorder
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.testing import Internet, Watch, World, zone
from resolver.trace import Trace
from resolver.wire.build import build_query
from resolver.zone.store import ZoneStore

ROOT, COM, WELL, ILL = (f"198.51.100.{i}" for i in (1, 2, 4, 6))
CLIENT = bytes((127, 0, 0, 1))
NAMES = 40
TURNS = 40


def tree() -> Internet:
    """Zones that answer, and one whose server does not."""
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    for i in range(NAMES):
        net.host(f"well{i}.com.", WELL, zone(f"well{i}.com.", "www A 192.0.2.7"))
        net.host(f"ill{i}.com.", ILL, zone(f"ill{i}.com.", ""))
    net.servfail(ILL)
    return net


def resolve(net: Internet, kind: str, *, observed: bool) -> float:
    """Seconds that it takes to resolve NAMES names."""
    world = World(net, priming=False)
    metrics = Metrics()
    service = Service(
        order=handlers(
            ZoneStore(), world.recursion, identity=Identity(), metrics=metrics, minimal=True
        ),
        access=AccessTable(AccessSettings(), ()),
        answers=Answers(1_000_000),
        identity=Identity(),
        clock=world.clock,
        metrics=metrics,
        recursion=True,
        on_exception=lambda fault: None,
        observer=Observers(recorder=Recorder(RecorderSettings(), world.clock))
        if observed
        else None,
    )
    packets = [
        build_query(
            i,
            Question(names.read(f"www.{kind}{i}.com."), RRType.A),
            edns=Edns(),
            recursion_desired=True,
        )
        for i in range(NAMES)
    ]
    watch = Watch()
    gc.collect()
    began = time.process_time()
    for packet in packets:
        steps: Any = service.respond(packet, CLIENT, stream=False)
        world.driver.start(steps, lambda reply: None, watch)
        world.driver.run()
    return time.process_time() - began


def shares(net: Internet, kind: str) -> tuple[float, float, float]:
    """Microseconds for a name as the server resolves it, and in percent what recorder and steps
    add to one that has neither: medians of the ratios of runs that came one after the other."""
    whole, kept, noted = [], [], []
    for _ in range(TURNS):
        plain = without_steps(lambda: resolve(net, kind, observed=False))
        steps = resolve(net, kind, observed=False)
        both = resolve(net, kind, observed=True)
        whole.append(both / NAMES * 1e6)
        kept.append(100 * (both / steps - 1))
        noted.append(100 * (steps / plain - 1))
    return statistics.median(whole), statistics.median(kept), statistics.median(noted)


def without_steps(run: Callable[[], float]) -> float:
    """The same with every step thrown away."""
    work_note, note = Work.note, Trace.note

    def nothing(*args: Any) -> None:
        pass

    Work.note = Trace.note = nothing  # type: ignore[method-assign,assignment]
    try:
        return run()
    finally:
        Work.note, Trace.note = work_note, note  # type: ignore[method-assign]


def main() -> None:
    """Measure, and print a line for each kind of names."""
    net = tree()
    for kind, what in (("well", "names that resolve"), ("ill", "names that fail")):
        microseconds, kept, noted = shares(net, kind)
        print(
            f"{what}: {microseconds:.0f} us each, the recorder {kept:+.1f} %,"
            f" noting the steps {noted:+.1f} %"
        )


if __name__ == "__main__":
    main()
