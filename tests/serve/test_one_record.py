"""What a client is told, what the log says and what `why` shows come from one record (R27)."""

import json
import logging
from collections.abc import Callable

import pytest
from recording import Recorded, told

from resolver import names
from resolver.app.logging import JsonFormatter
from resolver.app.notes import log_failure
from resolver.codes import Rcode
from resolver.serve.query_line import entry_of
from resolver.serve.report import record_facts, show_record
from resolver.serve.request import MAX_EDE_TEXT_OCTETS
from resolver.testing import Internet, zone

ROOT, COM, EXAMPLE, SECOND = (f"198.51.100.{i}" for i in (1, 2, 4, 6))
TEXT = """
www    A      192.0.2.7
rebind A      10.0.0.1
loop   CNAME  pool
pool   CNAME  loop
"""
MANY = "\n".join(f"c{i} CNAME c{i + 1}" for i in range(30))


def tree() -> Internet:
    net = Internet()
    net.root(".", ROOT)
    net.host("com.", COM)
    net.host("example.com.", EXAMPLE, SECOND, zone("example.com.", TEXT + MANY))
    return net


def expire(recorded: Recorded, net: Internet) -> None:
    """Let what is known of www expire, and nobody be there any more."""
    recorded.ask("www.example.com. A")
    recorded.clock.advance(10_000)
    net.servfail("*")


Before = Callable[[Recorded, Internet], object]
CASES: dict[str, tuple[str, dict[str, object], Before]] = {
    "servfail": ("www", {}, lambda r, net: net.servfail("*", name="example.com.")),
    "refused": ("www", {}, lambda r, net: net.refuse("*", name="example.com.")),
    "silent": ("www", {}, lambda r, net: (net.dead(EXAMPLE), net.dead(SECOND))),
    "lame": ("www", {}, lambda r, net: (net.lame(EXAMPLE), net.lame(SECOND))),
    "alias loop": ("loop", {}, lambda r, net: None),
    "too many aliases": ("c0", {}, lambda r, net: None),
    "too many queries": ("www", {"max_upstream_queries": 2}, lambda r, net: None),
    "no time": ("www", {"max_time": 1.0}, lambda r, net: (net.dead(EXAMPLE), net.dead(SECOND))),
    "too many at once": (
        "www",
        {"max_fetches_per_zone": 1},
        lambda r, net: r.ask("example.com. NS"),
    ),
    "never asked": (
        "www",
        {"do_not_query": [f"{EXAMPLE}/32", f"{SECOND}/32"]},
        lambda r, net: None,
    ),
    "private address": ("rebind", {"private_addresses": ["10.0.0.0/8"]}, lambda r, net: None),
    "stale": ("www", {}, expire),
    "remembered": (
        "www",
        {},
        lambda r, net: (net.servfail(EXAMPLE), net.servfail(SECOND), r.ask("www.example.com. A")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_reply_record_log_and_why_agree(case: str) -> None:
    host, settings, before = CASES[case]
    net = tree()
    recorded = Recorded(net, **settings)  # type: ignore[arg-type]
    before(recorded, net)
    company = ["rebind.example.com. TXT"] if case == "too many at once" else []
    reply = recorded.ask_all([*company, f"{host}.example.com. A"])[-1]
    wire = names.read(f"{host}.example.com.")
    errors = told(reply)
    assert errors
    assert all(text for _, text in errors)

    end = next(e for e in reversed(recorded.seen.ends) if e[0].question.qname == wire)
    entry = entry_of(*end, "now")
    assert [(e["code"], e["text"][:MAX_EDE_TEXT_OCTETS]) for e in entry["ede"]] == list(errors)

    record = recorded.last(f"{host}.example.com. A")
    assert entry["record"] in (record.number, None)
    assert record.answer.rcode == reply.rcode
    facts = record_facts(record)
    first = errors[0].text
    assert facts["errors"][0]["text"][:MAX_EDE_TEXT_OCTETS] == first
    assert first in facts["reason"]
    assert any(first in step["text"] for step in facts["steps"]) or case == "stale"
    assert first in "\n".join(show_record(facts))

    if reply.rcode == Rcode.SERVFAIL:
        line = logged(recorded, record.number)
        assert first in str(line["reason"])


def logged(recorded: Recorded, number: int) -> dict[str, str | int]:
    """What the log says of the failure with this number, as JSON."""
    lines: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = lines.append  # type: ignore[method-assign]
    logger = logging.getLogger("resolver.serve")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        log_failure(next(r for r in recorded.told if r.number == number))
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
    assert len(lines) == 1
    read: dict[str, str | int] = json.loads(JsonFormatter().format(lines[0]))
    return read
