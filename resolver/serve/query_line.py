"""One query and its outcome as a line of the query log.

A line has every field, whatever the outcome, so that whoever reads it need not ask what is there:

    time client transport opcode qname qtype qclass flags     what was asked, and by whom
    rcode source upstream ms answers                           what came of it
    policy ede record                                          why

`flags` are RD, CD and DO of the query, AA and TC of the reply (TC for finished packets only).
`policy` is the block list that the name is on. `record` is the number of the record of its failure
(`ctl why --record`). What comes from outside is escaped twice: names have no octet but printable
ASCII (RFC 4343 section 2.1), and in both forms texts are quoted as JSON has it, so no client can
make a line of its own or speak to a terminal.

Knows: requests, answers, finished packets. Does not know: where lines go.
"""

import json
from ipaddress import ip_address
from typing import Any, TypeAlias

from resolver import names
from resolver.codes import Ede, Flag, Opcode, Rcode, show_class, show_rcode, show_type
from resolver.errors import WireError
from resolver.model import Answer, Message, Source
from resolver.serve.observe import upstream_queries
from resolver.serve.request import Request
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse

Entry: TypeAlias = dict[str, Any]

FIELDS = (
    "time",
    "client",
    "transport",
    "opcode",
    "qname",
    "qtype",
    "qclass",
    "flags",
    "rcode",
    "source",
    "upstream",
    "ms",
    "answers",
    "policy",
    "ede",
    "record",
)
# Block lists, and others that keep names from clients (RFC 8914 sections 4.16 to 4.18).
_POLICIES = frozenset((Ede.BLOCKED, Ede.CENSORED, Ede.FILTERED, Ede.FORGED_ANSWER))
_FLAGS = ((Flag.RD, "RD"), (Flag.CD, "CD"), (Flag.AA, "AA"), (Flag.TC, "TC"))
_ASKED = Flag.RD | Flag.CD
MAX_TEXT_CHARACTERS = 500


def entry_of(request: Request, answer: Answer, seconds: float, time: str) -> Entry:
    """The entry for a query on the full path. `time` is when it ended."""
    message = request.message
    flags = message.flags & _ASKED | (Flag.AA if answer.authoritative else 0)
    entry = _entry(message, flags, request.peer, time, stream=request.stream)
    dropped = answer.source is Source.DROPPED
    entry["rcode"] = None if dropped else show_rcode(answer.rcode)
    entry["source"] = str(answer.source)
    entry["upstream"] = upstream_queries(request)
    entry["ms"] = round(seconds * 1000, 3)
    entry["answers"] = sum(len(rrset.rdatas) for rrset in answer.answer)
    _add_reasons(entry, answer.extended_errors)
    trace = answer.trace or request.trace
    if answer.rcode == Rcode.SERVFAIL or answer.source is Source.STALE:
        entry["record"] = answer.cause or (None if trace is None else trace.number)
    return entry


def entry_of_packet(
    reply: bytes, peer: bytes, seconds: float, time: str, *, stream: bool
) -> Entry | None:
    """The entry for a query that a finished packet has answered; None for what is no packet."""
    try:
        message = parse(reply)
    except WireError:
        return None
    entry = _entry(message, message.flags, peer, time, stream=stream)
    entry["rcode"] = show_rcode(message.rcode)
    entry["source"] = str(Source.OWN if message.flags & Flag.AA else Source.CACHE)
    entry["ms"] = round(seconds * 1000, 3)
    entry["answers"] = sum(len(rrset.rdatas) for rrset in message.answer)
    _add_reasons(entry, extended_errors(message.edns))
    return entry


def show_json(entry: Entry) -> str:
    """One JSON object, ASCII alone."""
    return json.dumps(entry, separators=(",", ":"))


def show_text(entry: Entry) -> str:
    """A line for people: words in a fixed order, then what there is to explain as `key=value`."""
    words = [
        entry["time"],
        entry["client"],
        entry["transport"],
        *([] if entry["opcode"] == "QUERY" else [entry["opcode"]]),
        entry["qname"] or "-",
        entry["qtype"] or "-",
        *([] if entry["qclass"] in ("IN", None) else [entry["qclass"]]),
        entry["rcode"] or "no-reply",
        entry["source"],
        f"{entry['ms']:.1f}ms",
        f"upstream={entry['upstream']}",
        f"answers={entry['answers']}",
        f"flags={'+'.join(entry['flags']) or '-'}",
    ]
    if entry["policy"] is not None:
        words.append(f"policy={json.dumps(entry['policy'])}")
    words += [f"ede={ede['code']}:{json.dumps(ede['text'])}" for ede in entry["ede"]]
    if entry["record"] is not None:
        words.append(f"record={entry['record']}")
    return " ".join(words)


def _entry(message: Message, flags: int, peer: bytes, time: str, *, stream: bool) -> Entry:
    """What was asked, with every other field empty."""
    shown = [word for bit, word in _FLAGS if flags & bit]
    if message.edns is not None and message.edns.dnssec_ok:
        shown.append("DO")
    question = message.questions[0] if message.questions else None
    return dict.fromkeys(FIELDS) | {
        "time": time,
        "client": str(ip_address(peer)),
        "transport": "tcp" if stream else "udp",
        "opcode": _show_opcode(message.opcode),
        "qname": None if question is None else names.show(question.qname),
        "qtype": None if question is None else show_type(question.qtype),
        "qclass": None if question is None else show_class(question.qclass),
        "flags": shown,
        "upstream": 0,
        "answers": 0,
        "ede": [],
    }


def _add_reasons(entry: Entry, errors: Any) -> None:
    for code, text in errors:
        short = text[:MAX_TEXT_CHARACTERS]
        entry["ede"].append({"code": int(code), "text": short})
        if code in _POLICIES:
            entry["policy"] = short


def _show_opcode(opcode: int) -> str:
    try:
        return Opcode(opcode).name
    except ValueError:
        return f"OPCODE{opcode}"
