"""Verbs that tell why: records of what went wrong, and one question with every step.

Knows: the recorder and the service of a server. Does not know: how records come about
(serve/recorder.py), how they are shown (serve/report.py).
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from resolver.app.control.columns import show_table
from resolver.app.control.protocol import CommandError, Facts
from resolver.app.control.verb import (
    ADDRESS,
    FLAG,
    NAME,
    TYPE,
    Argument,
    Arguments,
    Verb,
    number,
)
from resolver.codes import RRType, show_type

if TYPE_CHECKING:
    from resolver.app.server import Server
    from resolver.serve.recorder import Record

_LOOPBACK = bytes((127, 0, 0, 1))
_LIVE_EVERY_S = 0.05
_FAILURES_SHOWN = 20
_MOST_FAILURES = 1_000_000


async def why(server: "Server", arguments: Arguments) -> Facts:
    """Resolve now and tell every step, or tell a record."""
    if arguments["failures"]:
        return _failures(server, arguments["count"] or _FAILURES_SHOWN)
    if arguments["record"] is not None:
        return _told(server.recorder.find(arguments["record"]))
    if arguments["name"] is None:
        raise CommandError("why: a name is missing", kind="usage")
    if arguments["last"]:
        return _told(server.recorder.last(arguments["name"], arguments["type"]))
    return await _resolve(server, arguments)


async def trace(server: "Server", arguments: Arguments) -> AsyncIterator[Facts]:
    """Resolve with empty caches, and tell each step as it is taken."""
    from resolver.app.build import make_recursion
    from resolver.metrics import Metrics
    from resolver.model import Question
    from resolver.net.run import Driver
    from resolver.serve.report import ended, show_answer
    from resolver.trace import Trace, note_facts

    question = Question(arguments["name"], arguments["type"] or RRType.A)
    recursion = await asyncio.to_thread(
        make_recursion, server.config, server.material, server.clock
    )
    ports = frozenset(address.port for address in server.addresses)
    driver = Driver(server.config.outgoing, Metrics(), reserved_ports=ports)
    record = Trace()
    began = server.clock.now()
    told = 0
    try:
        ending = asyncio.ensure_future(driver.complete(recursion.resolve(question, record)))
        while not ending.done() or told < len(record.notes):
            for note in record.notes[told:]:
                yield note_facts(note, record.notes[0][0])
                told += 1
            await asyncio.wait((ending,), timeout=_LIVE_EVERY_S)
        answer = ending.result()
        yield ended(server.clock.now() - began, record, None if answer is None else answer.rcode)
        for line in () if answer is None else show_answer(answer):
            yield {"step": "record", "text": line}
    finally:
        driver.close()


async def _resolve(server: "Server", arguments: Arguments) -> Facts:
    from resolver.model import Question
    from resolver.serve.report import explained_facts
    from resolver.serve.why import explain

    if server.driver is None:
        raise CommandError("the server is about to end")
    question = Question(arguments["name"], arguments["type"] or RRType.A)
    steps = explain(server.service, question, arguments["client"] or _LOOPBACK)
    explained = await server.driver.complete(steps)
    if explained is None:
        raise CommandError("there was no result: too much is under way; try again")
    return explained_facts(explained, server.recorder.find(explained.answer.cause))


def _told(record: "Record | None") -> Facts:
    from resolver.serve.report import record_facts

    if record is None:
        raise CommandError(
            "no such record is kept: it did not fail and was not slow, or that was too long ago"
        )
    return record_facts(record)


def _failures(server: "Server", count: int) -> Facts:
    from resolver.serve.report import summary

    ring = server.recorder.failures
    return {
        "kept": len(ring),
        "octets": ring.octets,
        "failures": [summary(record) for record in ring.newest_first()[:count]],
    }


def show_why(facts: Facts) -> Iterable[str]:
    """Lines for each of the results."""
    from resolver.serve.report import show_explained, show_record

    if "failures" in facts:
        return _show_failures(facts)
    return show_record(facts) if "number" in facts else show_explained(facts)


def _show_failures(facts: Facts) -> Iterable[str]:
    if not facts["failures"]:
        return ["no failures"]
    rows = [
        (
            failure["number"],
            failure["last"],
            f"{failure['question']['name']} {failure['question']['type']}",
            failure["rcode"],
            failure["times"],
            failure["reason"],
        )
        for failure in facts["failures"]
    ]
    return show_table(("record", "last", "question", "rcode", "times", "reason"), rows)


def show_live(step: Facts) -> Iterable[str]:
    """The line of one step."""
    from resolver.serve.report import show_step

    return [step["text"] if step["step"] == "record" else show_step(step)]


_TYPE = Argument("type", TYPE, f"type of record; default: {show_type(RRType.A)}", optional=True)

VERBS = (
    Verb(
        "why",
        "tell why a name is answered as it is, or why it failed",
        why,
        (
            Argument("name", NAME, "the name asked for", optional=True),
            _TYPE,
            Argument("last", FLAG, "not now: the latest failure or slow answer", option=True),
            Argument("failures", FLAG, "a list of the latest failures", option=True),
            Argument("count", number(1, _MOST_FAILURES), "how many of them", option=True),
            Argument(
                "record", number(1, 2**53), "the record that a log or step names", option=True
            ),
            Argument("client", ADDRESS, "as a client from this address sees it", option=True),
        ),
        show=show_why,
        details="Without options the name is resolved now, as for a client on this machine:"
        " through access control, own zones, local data and block lists, cache and recursion."
        " What is learned stays in the cache. Failures and slow answers are always kept,"
        " within `[recorder]`; see why.md.",
        example="why www.example.com --last",
    ),
    Verb(
        "trace",
        "resolve a name with empty caches and tell each step as it is taken",
        trace,
        (Argument("name", NAME, "the name asked for"), _TYPE),
        show_item=show_live,
        details="The caches of the server are neither used nor filled; local data, block lists and"
        " forward zones hold as always.",
    ),
)
