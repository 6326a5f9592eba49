"""The command `query`: a question to a server, or to the engine that is built in.

With @SERVER one query is sent there. Without, the engine walks from the root hints of the
configuration; `--trace` prints the steps it takes. Both are shown the way dig shows them, or as
JSON with the names of the common DNS JSON format (Status, Question, Answer …).
"""

import asyncio
import json
import re
import secrets
import socket
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

from resolver import names
from resolver.app.build import make_recursion
from resolver.app.exchange import BadReply, NoReply, Received, ask
from resolver.app.exits import BAD_CONFIGURATION, FAILED, NO_REPLY, OK
from resolver.app.material import read_material
from resolver.codes import Ede, Flag, Rcode, RRClass, RRType, read_class, read_type
from resolver.config.schema import Config
from resolver.config.units import DNS_PORT, MAX_PORT, read_server
from resolver.errors import NameSyntaxError, ResolverError
from resolver.metrics import Metrics
from resolver.model import Address, Answer, Edns, Message, Question, RRset
from resolver.net.clock import SystemClock
from resolver.net.run import Driver
from resolver.trace import Trace
from resolver.wire.build import build_query
from resolver.wire.edns import extended_error_option, extended_errors
from resolver.wire.text import show_message, show_rdata

# Extended errors which mean that nobody answered rather than that somebody answered badly.
_UNANSWERED = (Ede.NO_REACHABLE_AUTHORITY, Ede.NETWORK_ERROR)
_FLAGS = ("TC", "RD", "RA", "AD", "CD")


class UsageError(Exception):
    """The command line makes no sense; the text says why."""


@dataclass(slots=True)
class _Words:
    """What the words of the command line mean."""

    question: Question
    server: str | None = None


@dataclass(slots=True)
class _Outcome:
    """A reply and what is worth knowing about it."""

    message: Message
    notes: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    code: int = OK


def query(options: Namespace, config: Callable[[], Config]) -> int:
    """Ask and print; the exit code. `config` is only called if the engine is to answer. Raises
    UsageError."""
    words = _read_words(options.words, options.reverse)
    outcome: _Outcome | NoReply | BadReply
    try:
        if words.server is None:
            _refuse_server_options(options)
            outcome = asyncio.run(_resolve(words.question, config()))
        else:
            outcome = _ask(words.question, words.server, options)
    except ResolverError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION
    if isinstance(outcome, (NoReply, BadReply)):
        print(f";; {outcome.reason}", file=sys.stderr)
        return NO_REPLY if isinstance(outcome, NoReply) else FAILED
    if options.json:
        print(json.dumps(_to_json(outcome, trace=options.trace), indent=2))
    else:
        print(_to_text(outcome, trace=options.trace))
    return outcome.code


def _read_words(given: Sequence[str], reverse: str | None) -> _Words:
    """NAME, TYPE, CLASS and @SERVER in any order; a word is a type before it is a name."""
    qname: bytes | None = None
    qtype: int | None = None
    qclass: int | None = None
    server: str | None = None
    if reverse is not None:
        try:
            qname = names.read(ip_address(reverse).reverse_pointer)
        except ValueError:
            raise UsageError(f"-x {reverse}: not an IPv4 or IPv6 address") from None
    for word in given:
        if word.startswith("@"):
            server = _once(server, word[1:], word)
        elif qtype is None and (number := read_type(word)) is not None:
            qtype = number
        elif qclass is None and (number := read_class(word)) is not None:
            qclass = number
        else:
            qname = _once(qname, _read_name(word), word)
    if qname is None:
        raise UsageError("no name to ask for")
    usual = RRType.A if reverse is None else RRType.PTR
    return _Words(Question(qname, qtype or usual, qclass or RRClass.IN), server)


def _once(known: Any, value: Any, word: str) -> Any:
    if known is not None:
        raise UsageError(f"{word!r}: there is a name or server already")
    return value


def _read_name(word: str) -> bytes:
    try:
        return names.read(word)
    except NameSyntaxError as error:
        raise UsageError(str(error)) from None


def _refuse_server_options(options: Namespace) -> None:
    for option in ("tcp", "port"):
        if getattr(options, option):
            raise UsageError(f"--{option} is about a server: say @SERVER as well")


def _ask(question: Question, server: str, options: Namespace) -> _Outcome | NoReply | BadReply:
    """Send the question to one server; over TCP as well if UDP was not enough."""
    if options.trace:
        raise UsageError("--trace shows the built-in engine's steps: leave @SERVER out")
    address = _find_server(server, options.port)
    packet = build_query(secrets.randbelow(0x10000), question, edns=Edns(), recursion_desired=True)
    result = ask(address, packet, question, stream=options.tcp)
    notes = []
    if isinstance(result, Received) and result.message.flags & Flag.TC and not result.stream:
        notes.append("Truncated over UDP, asked again over TCP")
        result = ask(address, packet, question, stream=True)
    if not isinstance(result, Received):
        return result
    return _Outcome(result.message, [*notes, *_about(result, address)])


def _about(received: Received, address: Address) -> list[str]:
    transport = "TCP" if received.stream else "UDP"
    return [
        f"Query time: {received.rtt_s * 1000:.0f} msec",
        f"SERVER: {address} ({transport})",
        f"MSG SIZE rcvd: {received.octets}",
    ]


def _find_server(text: str, port: int | None) -> Address:
    """The address behind @SERVER[:PORT]: an address, or a name for the system to look up."""
    if port is not None and not 0 < port <= MAX_PORT:
        raise UsageError(f"--port must be between 1 and {MAX_PORT}")
    try:
        address = read_server(text)
    except ValueError as error:
        named = re.fullmatch(r"([A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*)(?::([0-9]{1,5}))?", text)
        if named is None:
            raise UsageError(f"@{text}: {error}") from None
        address = Address(_look_up(named[1]), int(named[2] or DNS_PORT))
    return address if port is None else address._replace(port=port)


def _look_up(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise UsageError(f"@{host}: {error.strerror}") from None
    return str(found[0][4][0])


async def _resolve(question: Question, config: Config) -> _Outcome:
    """Resolve with an engine of our own: its caches are empty and end with this question."""
    clock = SystemClock()
    material = read_material(config.model_copy(update={"zone": (), "key": ()}))
    recursion = make_recursion(config, material, clock)
    driver = Driver(config.outgoing, Metrics())
    trace = Trace()
    started_at = clock.now()
    try:
        answer = await driver.complete(recursion.resolve(question, trace))
    finally:
        driver.close()
    took_ms = (clock.now() - started_at) * 1000
    notes = [f"Resolved in {took_ms:.0f} msec by the built-in engine"]
    message = _message_of(question, answer or Answer(rcode=Rcode.SERVFAIL))
    return _Outcome(message, notes, trace.lines(), _code_of(message))


def _message_of(question: Question, answer: Answer) -> Message:
    """The response that a server would give with this answer."""
    options = tuple(extended_error_option(e.code, e.text) for e in answer.extended_errors)
    return Message(
        id=0,
        flags=Flag.QR | Flag.RD | Flag.RA,
        questions=[question],
        answer=list(answer.answer),
        authority=list(answer.authority),
        additional=list(answer.additional),
        edns=replace(Edns(), options=options) if options else None,
        rcode=answer.rcode,
    )


def _code_of(message: Message) -> int:
    if message.rcode != Rcode.SERVFAIL:
        return OK
    errors = {error.code for error in extended_errors(message.edns)}
    return NO_REPLY if errors.intersection(_UNANSWERED) else FAILED


def _to_text(outcome: _Outcome, *, trace: bool) -> str:
    steps = [f";; {line}" for line in outcome.trace] if trace else []
    notes = [f";; {note}" for note in outcome.notes]
    return "\n".join([*steps, *([""] if steps else []), show_message(outcome.message), "", *notes])


def _to_json(outcome: _Outcome, *, trace: bool) -> dict[str, Any]:
    message = outcome.message
    shown: dict[str, Any] = {"Status": message.rcode}
    shown |= {name: bool(message.flags & Flag[name]) for name in ("AA", *_FLAGS)}
    shown["Question"] = [{"name": names.show(q.qname), "type": q.qtype} for q in message.questions]
    for title in ("Answer", "Authority", "Additional"):
        shown[title] = _records(getattr(message, title.lower()))
    shown["extended_errors"] = [e._asdict() for e in extended_errors(message.edns)]
    shown["notes"] = outcome.notes
    if trace:
        shown["trace"] = outcome.trace
    return shown


def _records(rrsets: Sequence[RRset]) -> list[dict[str, Any]]:
    return [
        {
            "name": names.show(rrset.owner),
            "type": rrset.rrtype,
            "TTL": rrset.ttl,
            "data": show_rdata(rrset.rrtype, rdata, rrclass=rrset.rrclass),
        }
        for rrset in rrsets
        for rdata in rrset.rdatas
    ]
