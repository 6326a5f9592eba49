"""What goes through the control socket: JSON objects, one a line.

    client: {"protocol": 1, "verb": "flush", "arguments": {"name": "a.example", "tree": true}}
    server: {"protocol": 1, "item": {…}}                       only of long results, any number
    server: {"protocol": 1, "ok": true, "result": {…}}         or
    server: {"protocol": 1, "ok": false, "error": {"kind": "failed", "message": "…"}, "result": {…}}

A connection takes one request after the other. New verbs, arguments and facts do not make a new
version of the protocol: clients leave alone what they do not know.

Knows: the form of lines. Does not know: sockets, which verbs there are.
"""

import json
from typing import Any, NamedTuple, TypeAlias

from resolver.app.exits import FAILED, FORBIDDEN, UNAVAILABLE, USAGE
from resolver.leftovers import LEFTOVERS
from resolver.slices import Slices

Facts: TypeAlias = dict[str, Any]  # made of what JSON has

PROTOCOL = 1
MAX_REQUEST_OCTETS = 262_144
MAX_RESPONSE_LINE_OCTETS = 16_777_216
_ITEMS_AT_ONCE = 100  # a millisecond of work

# Kinds of errors, and the exit code of a client that meets one.
ERRORS: dict[str, int] = {
    "failed": FAILED,
    "internal": FAILED,
    "usage": USAGE,
    "forbidden": FORBIDDEN,
    "busy": UNAVAILABLE,
}


class CommandError(Exception):
    """What was asked for cannot be done. `kind` is one of ERRORS; `facts` are what there is to tell
    all the same."""

    def __init__(self, reason: str, *, kind: str = "failed", facts: Facts | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.facts = facts


class Asked(NamedTuple):
    """A request as it came: arguments still as JSON has them."""

    verb: str
    arguments: object


def encode(message: Facts) -> bytes:
    """One line."""
    return json.dumps({"protocol": PROTOCOL, **message}).encode() + b"\n"


def request(verb: str, arguments: Facts) -> bytes:
    """A request as a line."""
    return encode({"verb": verb, "arguments": arguments})


def read_request(line: bytes) -> Asked:
    """A request. Raises CommandError."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise CommandError("the request is not JSON", kind="usage") from None
    if not isinstance(message, dict):
        raise CommandError("the request is no object", kind="usage")
    if message.get("protocol") != PROTOCOL:
        spoken = f"this server speaks protocol {PROTOCOL}, not {message.get('protocol')!r}"
        raise CommandError(spoken, kind="usage")
    verb = message.get("verb")
    if not isinstance(verb, str):
        raise CommandError("the request names no verb", kind="usage")
    return Asked(verb, message.get("arguments", {}))


def success(result: Facts) -> Slices[bytes]:
    """The last line of a response. Lists in it may be long, and are used up."""
    parts: list[str] = []
    for name, value in result.items():
        text: list[str] = []
        if isinstance(value, list):
            for start in range(0, len(value), _ITEMS_AT_ONCE):
                text.append(json.dumps(value[start : start + _ITEMS_AT_ONCE])[1:-1])
                yield
            LEFTOVERS.leave(value, _ITEMS_AT_ONCE)
        whole = f"[{', '.join(text)}]" if isinstance(value, list) else json.dumps(value)
        parts.append(f"{json.dumps(name)}: {whole}")
    start_of_line = f'{{"protocol": {PROTOCOL}, "ok": true, "result": {{'
    return f"{start_of_line}{', '.join(parts)}}}}}\n".encode()


def failure(error: CommandError) -> bytes:
    """The last line of a response to what could not be done."""
    about: dict[str, Any] = {"ok": False, "error": {"kind": error.kind, "message": str(error)}}
    if error.facts is not None:
        about["result"] = error.facts
    return encode(about)


def item(facts: Facts) -> bytes:
    """One item of a long result."""
    return encode({"item": facts})
