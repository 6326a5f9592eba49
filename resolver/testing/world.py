"""Questions to a resolver that lives in a fake Internet: `run` for one, `World` for several.

    answer, watch = run("www.example.com. A", net)
    assert answer.addresses == ["192.0.2.7"]
    assert watch.asked("198.51.100.2") == 1

Any engine can be driven, not only the resolver's: `drive(steps, net)`.
"""

from collections.abc import Sequence
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from resolver import names
from resolver.codes import read_type
from resolver.config.schema import CacheSettings, OutgoingSettings, RecursionSettings
from resolver.effects import Steps
from resolver.iterate.conclude import Local
from resolver.iterate.route import Mode, Route
from resolver.model import Address, Answer, Question, RRset
from resolver.resolve import Recursion
from resolver.testing.clock import ManualClock
from resolver.testing.driver import Driver
from resolver.testing.internet import Internet
from resolver.testing.watch import Result, Watch

T = TypeVar("T")


class World:
    """A resolver, its cache and a virtual clock in a fake Internet.

    Settings are keys of the sections `recursion`, `outgoing` and `cache` of the configuration; all
    others have their defaults. `hints` replaces those of the tree, `routes` are stub and forward
    zones (see `route`), `local` answers before anybody is asked. `seed` makes all dice.
    """

    def __init__(
        self,
        net: Internet,
        *,
        seed: int = 1,
        clock: ManualClock | None = None,
        hints: Sequence[RRset] | None = None,
        routes: Sequence[Route] = (),
        local: Local | None = None,
        **settings: Any,
    ) -> None:
        """Raises TypeError for an unknown setting."""
        self.net = net
        self.clock = clock or ManualClock()
        self.driver = Driver(net, self.clock, seed=seed)
        self._hints = hints
        self._routes = routes
        self._local = local
        self._seed = seed
        self._sections = (
            _take(RecursionSettings, settings),
            _take(OutgoingSettings, settings),
            _take(CacheSettings, settings),
        )
        if settings:
            raise TypeError(f"no such setting: {', '.join(sorted(settings))}")

    @cached_property
    def recursion(self) -> Recursion:
        """The resolver. Made at the first question, so that the tree can be built after this."""
        recursion, outgoing, cache = self._sections
        return Recursion(
            recursion=recursion,
            outgoing=outgoing,
            cache=cache,
            hints=self.net.hints if self._hints is None else self._hints,
            clock=self.clock,
            rng=Random(self._seed),
            routes=self._routes,
            local=self._local,
        )

    def ask(self, question: str) -> tuple[Result, Watch]:
        """The answer to "name type" (type A when left out), and what was asked for it."""
        return self.ask_all([question])[0]

    def ask_all(self, questions: Sequence[str]) -> list[tuple[Result, Watch]]:
        """The same for several questions that come at the same moment; equal ones are joined."""
        answers: dict[int, Result] = {}
        asked_at = self.clock.now()
        watches = [Watch() for _ in questions]
        for i, text in enumerate(questions):

            def done(answer: Answer, i: int = i) -> None:
                answers[i] = Result(answer, took_s=self.clock.now() - asked_at)

            self.driver.start(self._serve(read_question(text), watches[i]), done, watches[i])
        self.driver.run()
        return [(answers[i], watches[i]) for i in range(len(questions))]

    def _serve(self, question: Question, watch: Watch) -> Steps[Answer]:
        return (yield from self.recursion.answer(question, watch.trace))


def run(question: str, net: Internet, **settings: Any) -> tuple[Result, Watch]:
    """Ask one question with an empty cache; settings as for World."""
    return World(net, **settings).ask(question)


def drive(
    steps: Steps[T], net: Internet, *, clock: ManualClock | None = None, seed: int = 1
) -> tuple[T, Watch]:
    """Run any engine to its end; its result and what it asked."""
    results: list[T] = []
    watch = Watch()
    driver = Driver(net, clock or ManualClock(), seed=seed)
    driver.start(steps, results.append, watch)
    driver.run()
    return results[0], watch


def route(zone: str, *to: str, mode: Mode = "only") -> Route:
    """A forward zone (or with mode="stub" a stub zone) with its servers."""
    return Route(names.read(zone).lower(), tuple(Address(ip) for ip in to), mode)


def read_question(text: str) -> Question:
    """A question from "name type". Raises ValueError."""
    name, _, mnemonic = text.strip().partition(" ")
    rrtype = read_type(mnemonic.strip() or "A")
    if rrtype is None:
        raise ValueError(f"{text!r}: {mnemonic.strip()} is no record type")
    return Question(names.read(name), rrtype)


SettingsT = TypeVar("SettingsT", RecursionSettings, OutgoingSettings, CacheSettings)


def _take(section: type[SettingsT], settings: dict[str, Any]) -> SettingsT:
    """The section with those settings that are its own; they are removed."""
    own = {key: settings.pop(key) for key in list(settings) if key in section.model_fields}
    return section(**own)
