"""A record of a resolution as people and programs read it.

One form, of what JSON has; the lines for people are made from it. So `ctl why`, its `--json` and
what goes over HTTP are the same by construction.

    number, failed, question, client, transport, time, first, last, times
    rcode, source, ms, upstream, errors, reason     what the client was told
    asked        each query to another server: server, name, transport, question, outcome, rtt_ms …
    steps        every step in order (iterate/steps.py)
    causes       numbers of other records that this one leads to

Knows: records, steps. Does not know: who asks, sockets.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any, TypeAlias

from resolver import names
from resolver.codes import Ede, show_rcode, show_type
from resolver.model import Answer, ExtendedError, Question
from resolver.serve.recorder import Record
from resolver.serve.why import Explained
from resolver.trace import Trace
from resolver.wire.text import show_rrset

Facts: TypeAlias = dict[str, Any]

_OUTCOMES = frozenset(("reply", "timeout", "rejected", "again", "says"))


def show_wall(seconds: float) -> str:
    """Wall time in UTC with milliseconds (RFC 3339)."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def show_client(peer: bytes) -> str:
    """A packed address as text."""
    return str(ip_address(peer))


def show_errors(errors: Iterable[ExtendedError]) -> list[Facts]:
    """Extended errors by code, name and text."""
    return [{"code": e.code, "name": _ede_name(e.code), "text": e.text} for e in errors]


def question_facts(question: Question) -> Facts:
    """Name and type."""
    return {"name": names.show(question.qname), "type": show_type(question.qtype)}


def record_facts(record: Record) -> Facts:
    """All of a record."""
    facts = {
        "number": record.number,
        "failed": record.failed,
        "question": question_facts(record.question),
        "client": show_client(record.peer),
        "transport": "tcp" if record.stream else "udp",
        "time": show_wall(record.at),
        "first": show_wall(record.first_at),
        "last": show_wall(record.last_at),
        "times": record.times,
        "reason": record.reason,
    }
    return facts | work_facts(record.answer, record.seconds, record.trace)


def summary(record: Record) -> Facts:
    """A record in one line."""
    return {
        "number": record.number,
        "last": show_wall(record.last_at),
        "question": question_facts(record.question),
        "rcode": show_rcode(record.answer.rcode),
        "ms": _ms(record.seconds),
        "times": record.times,
        "reason": record.reason,
    }


def work_facts(answer: Answer, seconds: float, trace: Trace) -> Facts:
    """What was answered, and all that was done for it."""
    return {
        "rcode": show_rcode(answer.rcode),
        "source": str(answer.source),
        "ms": _ms(seconds),
        "upstream": trace.sent,
        "errors": show_errors(answer.extended_errors),
        **_steps_facts(trace),
    }


def _steps_facts(trace: Trace) -> Facts:
    steps = trace.steps()
    causes = {step["record"] for step in steps if step.get("record")}
    return {"asked": _asked(steps), "steps": steps, "causes": sorted(causes)}


def explained_facts(explained: Explained, cause: Record | None = None) -> Facts:
    """What a client would be told now, and why. `cause` is the record that the answer's `cause` is
    the number of."""
    answer = explained.answer
    facts: Facts = {"question": question_facts(explained.question)}
    facts |= work_facts(answer, explained.seconds, explained.trace)
    facts["answer"] = show_answer(answer)
    if (trace := cause.trace if cause is not None else explained.joined) is not None:
        facts["cause"] = {"number": trace.number, "upstream": trace.sent} | _steps_facts(trace)
    return facts


def show_explained(facts: Facts) -> list[str]:
    """The lines for people, made of `explained_facts`."""
    lines = show_work(facts)
    if cause := facts.get("cause"):
        lines += ["", f"record {cause['number']}, which that comes from:", *_show_steps(cause)]
    if facts["answer"]:
        lines += ["", *facts["answer"]]
    return lines


def show_answer(answer: Answer) -> list[str]:
    """The records of an answer, a line for each."""
    sections = (answer.answer, answer.authority)
    return [line for section in sections for rrset in section for line in show_rrset(rrset)]


def ended(seconds: float, trace: Trace, rcode: int | None) -> Facts:
    """The last step of what is told while it goes on."""
    shown = "no result" if rcode is None else show_rcode(rcode)
    return {
        "step": "ended",
        "ms": _ms(seconds),
        "text": f"{shown}, {_show_count(trace.sent)}",
        "rcode": shown,
        "upstream": trace.sent,
    }


def show_record(facts: Facts) -> list[str]:
    """The lines for people, made of `record_facts`."""
    times = f", {facts['times']} times since {facts['first']}" if facts["times"] > 1 else ""
    head = [f"record {facts['number']} of {facts['last']}, client {facts['client']}{times}"]
    return head + show_work(facts)


def show_work(facts: Facts) -> list[str]:
    """The lines for people, made of a question and `work_facts`."""
    question = facts["question"]
    lines = [
        f"{question['name']} {question['type']}: {facts['rcode']} in {facts['ms']:.1f} ms,"
        f" from {facts['source']}, {_show_count(facts['upstream'])}"
    ]
    lines += [
        f"  because: {error['text']} (EDE {error['code']}, {error['name']})"
        for error in facts["errors"]
    ]
    return lines + _show_steps(facts)


def _show_steps(facts: Facts) -> list[str]:
    lines: list[str] = []
    if facts["steps"]:
        lines += ["", "steps:", *(show_step(step) for step in facts["steps"])]
    if facts["asked"]:
        lines += ["", "queries to other servers:", *_columns(facts["asked"])]
    shown = facts.get("cause", facts).get("number")
    if causes := [n for n in facts["causes"] if n != shown]:
        lines += ["", f"see also: {', '.join(f'record {n}' for n in causes)}"]
    return lines


def show_step(step: Facts) -> str:
    """A line for a step."""
    depth = step.get("depth", 0)
    inner = "  " if step["step"] in _OUTCOMES else ""
    return f"{step['ms']:8.1f} ms  {'  ' * depth}{inner}{step['text']}"


def _asked(steps: list[Facts]) -> list[Facts]:
    """Every query to another server, in order, and what became of it."""
    asked: list[Facts] = []
    called: dict[str, str] = {}
    pending: dict[tuple[str, int], Facts] = {}
    for step in steps:
        match step["step"]:
            case "delegation":
                called |= {ip: name for name, ips in step["servers"].items() for ip in ips}
            case "addresses":
                called |= dict.fromkeys(step["addresses"], step["server"])
            case "ask":
                entry = {key: step[key] for key in ("ms", "server", "transport", "question")}
                entry["name"] = called.get(step["server"].rpartition("#")[0], "")
                entry["outcome"] = "no reply yet"
                asked.append(entry)
                pending[step["server"], step.get("depth", 0)] = entry
            case "reply" | "timeout" | "rejected" | "says" | "again":
                found = pending.get((step["server"], step.get("depth", 0)))
                if found is not None:
                    found |= _outcome(step)
    return asked


def _outcome(step: Facts) -> Facts:
    match step["step"]:
        case "reply":
            reply: Facts = step["reply"]
            return {"outcome": reply["rcode"], **reply}
        case "timeout":
            return {"outcome": "timeout", "waited_ms": step["waited_ms"]}
        case "rejected":
            return {"outcome": "rejected", "reason": step["reason"]}
        case "says":
            return {"says": step["response"]}
    return {"outcome": "asked again", "reason": step["manner"]}


def _columns(asked: list[Facts]) -> list[str]:
    rows = []
    for entry in asked:
        rtt = f"{entry['rtt_ms']:.1f} ms" if "rtt_ms" in entry else ""
        said = entry.get("reason") or entry.get("says") or ""
        outcome = entry.get("rcode") or entry["outcome"]
        server = f"{entry['server']} {entry['name']}".strip()
        rows.append((server, entry["transport"], entry["question"], outcome, rtt, said))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return [
        "  "
        + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[5]]).rstrip()
        for row in rows
    ]


def _show_count(asks: int) -> str:
    return f"{asks} {'query' if asks == 1 else 'queries'} to other servers"


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _ede_name(code: int) -> str:
    try:
        return Ede(code).name.lower().replace("_", " ")
    except ValueError:
        return f"code {code}"
