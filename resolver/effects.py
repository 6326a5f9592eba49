"""The border between thinking and doing.

An engine is a generator that yields an effect and is sent its outcome; it returns its result. It
does no I/O, reads no clock and throws no dice. `net/run.py` performs effects on real sockets and
`testing/run.py` on a fake Internet; nothing else knows the difference. Whatever a peer does is an
outcome, never an exception.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from resolver.model import Address, Message, Question
from resolver.native import mypyc_attr

T = TypeVar("T")


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Ask:
    """One query to one server; the driver adds id, port and case.

    `timeout_s` is relative. `edns_size` None sends no OPT. `mix_case` False sends the name as
    given, for servers that do not keep case. `dnssec_ok` sets DO (RFC 3225 section 3). With
    `cookie` the OPT may carry one (RFC 7873); some servers take offence at it.

    `at` and `depth` are those of the step that it is in a record (trace.py), if it is in one.
    """

    server: Address
    question: Question
    timeout_s: float
    edns_size: int | None
    recursion_desired: bool
    stream: bool
    mix_case: bool
    dnssec_ok: bool
    cookie: bool
    at: float = field(init=False, compare=False)
    depth: int = field(init=False, compare=False)

    def __init__(
        self,
        server: Address,
        question: Question,
        timeout_s: float,
        edns_size: int | None = 1232,
        recursion_desired: bool = False,
        stream: bool = False,
        mix_case: bool = True,
        dnssec_ok: bool = False,
        cookie: bool = True,
    ) -> None:
        self.server = server
        self.question = question
        self.timeout_s = timeout_s
        self.edns_size = edns_size
        self.recursion_desired = recursion_desired
        self.stream = stream
        self.mix_case = mix_case
        self.dnssec_ok = dnssec_ok
        self.cookie = cookie
        self.at = 0.0
        self.depth = 0


@dataclass(slots=True, init=False)
class Sub:
    """Another question that must be answered first, for instance a name server's address.

    Drivers run `start()` to its end, and join equal keys in flight: all joiners get the same
    result. A question that would wait for itself, directly or in a circle, gets Cycle at once. Who
    has waited for `patience_s` gets Timeout and goes on alone; the work is finished without him.
    """

    key: tuple[bytes, int, int]
    start: "Callable[[], Steps[Any]]"
    patience_s: float | None

    def __init__(
        self,
        key: tuple[bytes, int, int],
        start: "Callable[[], Steps[Any]]",
        patience_s: float | None = None,
    ) -> None:
        self.key = key
        self.start = start
        self.patience_s = patience_s


@dataclass(slots=True)
class Spawn:
    """Work that nobody waits for: an answer to renew, a server to probe.

    The outcome is Started at once. A Sub of equal key joins it; nothing happens when such work is
    under way already, or when there is too much of it.
    """

    key: tuple[bytes, int, int]
    start: "Callable[[], Steps[Any]]"


@dataclass(slots=True)
class Await:
    """Something that only who runs the server can do: a change made durable, a message passed on.

    `start` is called once with a function that takes the result, at once or later, in the thread of
    the driver; the outcome is Finished. What was started goes on when the engine is ended.
    """

    start: Callable[[Callable[[Any], None]], None]


Effect: TypeAlias = Ask | Sub | Spawn | Await


@mypyc_attr(acyclic=True)
@dataclass(slots=True, init=False)
class Reply:
    """A response that matches its query in address, port, id, question and case. `octets` is its
    size on the wire.

    For the steps that it stands for in a record (trace.py): `ask` is what it is the reply to, `at`
    when it was seen, `said` what it came to.
    """

    message: Message
    rtt_s: float
    octets: int
    ask: Ask | None = field(init=False, compare=False)
    at: float = field(init=False, compare=False)
    said: Any = field(init=False, compare=False)

    def __init__(
        self,
        message: Message,
        rtt_s: float,
        octets: int = 0,
    ) -> None:
        self.message = message
        self.rtt_s = rtt_s
        self.octets = octets
        self.ask = None
        self.at = 0.0
        self.said = None

    @property
    def over_stream(self) -> bool:
        """Whether what it is the reply to went over TCP or TLS."""
        return self.ask is not None and self.ask.stream


@dataclass(slots=True)
class Timeout:
    """Nothing that matches came in time."""


@dataclass(slots=True)
class Unreachable:
    """The system or an ICMP message says that there is no way to this server."""

    reason: str


@dataclass(slots=True)
class Malformed:
    """A response with the right id that is no valid message. `rcode` is its header's, when
    readable: servers that know no EDNS often answer FORMERR with nothing behind the header."""

    reason: str
    rcode: int | None = None


@dataclass(slots=True)
class WrongCase:
    """A response that matches in all but the case of the name: forged, or from a server that does
    not keep case. Its content must not be used."""


@mypyc_attr(acyclic=True, free_list_len=1)
@dataclass(slots=True, init=False)
class Finished:
    """The result of a Sub or an Await."""

    result: Any

    def __init__(
        self,
        result: Any,
    ) -> None:
        self.result = result


@dataclass(slots=True)
class Cycle:
    """The Sub would have waited for itself."""


@dataclass(slots=True)
class Started:
    """The Spawn is somebody else's business now."""


Outcome: TypeAlias = (
    Reply | Timeout | Unreachable | Malformed | WrongCase | Finished | Cycle | Started
)
Steps: TypeAlias = Generator[Effect, Outcome, T]


def at_once(result: T) -> Steps[T]:
    """What takes no steps."""
    yield from ()
    return result
