"""A service with a recorder over a resolver in a fake Internet: packets in, replies and
records out, in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from resolver import names
from resolver.cache.answers import Answers
from resolver.codes import RRType, read_type
from resolver.config.recorder import RecorderSettings
from resolver.config.schema import AccessSettings
from resolver.effects import Steps
from resolver.metrics import Metrics
from resolver.model import Answer, Edns, ExtendedError, Message, Question
from resolver.policy.acl import AccessTable
from resolver.serve.observe import Observers
from resolver.serve.pipeline import handlers
from resolver.serve.recorder import Record, Recorder
from resolver.serve.request import Identity, Request
from resolver.serve.service import Service
from resolver.testing import Internet, Watch, World
from resolver.wire.build import build_query
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse
from resolver.zone.store import ZoneStore

CLIENT = bytes((127, 0, 0, 1))


@dataclass
class Seen:
    """An observer that keeps what it sees."""

    ends: list[tuple[Request, Answer, float]] = field(default_factory=list)

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """Keep it."""
        self.ends.append((request, answer, seconds))


class Recorded:
    """The service. Settings are those of World and of [recorder]."""

    def __init__(
        self,
        net: Internet,
        *,
        records: int = 100,
        size: int = 4_000_000,
        slow: float = 1.0,
        zones: ZoneStore | None = None,
        **settings: Any,
    ) -> None:
        self.world = World(net, **{"priming": False, **settings})
        self.clock = self.world.clock
        self.told: list[Record] = []
        self.seen = Seen()
        self.faults: list[BaseException] = []
        shown = RecorderSettings(records=records, size=size, slow=slow)
        self.recorder = Recorder(shown, self.clock, self.told.append)
        metrics = Metrics()
        self.service = Service(
            order=handlers(
                zones or ZoneStore(),
                self.world.recursion,
                identity=Identity(),
                metrics=metrics,
                minimal=True,
            ),
            access=AccessTable(AccessSettings(), ()),
            answers=Answers(100_000),
            identity=Identity(),
            clock=self.clock,
            metrics=metrics,
            recursion=True,
            on_exception=self.faults.append,
            observer=Observers(self.seen, recorder=self.recorder),
        )

    def ask(self, question: str, client: bytes = CLIENT) -> Message:
        """The reply to "name type"."""
        return self.ask_all([question], client)[0]

    def ask_all(self, questions: Sequence[str], client: bytes = CLIENT) -> list[Message]:
        """The replies to questions that come at the same moment."""
        replies: dict[int, bytes] = {}
        for i, text in enumerate(questions):
            result = self.service.respond(packet(text), client, stream=False)
            if isinstance(result, bytes):
                replies[i] = result
            else:
                assert result is not None

                def done(reply: bytes | None, i: int = i) -> None:
                    assert reply is not None
                    replies[i] = reply

                self.world.driver.start(result, done, Watch())
        self.world.driver.run()
        assert not self.faults, self.faults
        return [parse(replies[i]) for i in range(len(questions))]

    def begin(self, question: str) -> Steps[bytes | None]:
        """The steps towards a reply, not taken yet."""
        result = self.service.respond(packet(question), CLIENT, stream=False)
        assert result is not None
        assert not isinstance(result, bytes)
        return result

    def last(self, text: str) -> Record:
        """The record of "name type"."""
        record = self.recorder.last(*read(text))
        assert record is not None, text
        return record


def read(text: str) -> tuple[bytes, int]:
    """Lower-case name and type of "name type"."""
    name, _, mnemonic = text.partition(" ")
    rrtype = read_type(mnemonic or "A")
    assert rrtype is not None
    return names.read(name).lower(), RRType(rrtype)


def packet(text: str) -> bytes:
    """A client's query for "name type"."""
    return build_query(1, Question(*read(text)), edns=Edns(), recursion_desired=True)


def told(reply: Message) -> list[ExtendedError]:
    """The extended errors of a reply."""
    return extended_errors(reply.edns)
