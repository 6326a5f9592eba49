"""`rootward ctl`: asks a running server, and shows what it says.

Knows: the control socket from the client's side. Does not know: what verbs do.
"""

import argparse
import json
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from resolver.app.control.doors import reachable
from resolver.app.control.files import STANDARD, FileError, batches, open_file
from resolver.app.control.protocol import (
    ERRORS,
    MAX_RESPONSE_LINE_OCTETS,
    PROTOCOL,
    CommandError,
    Facts,
    request,
)
from resolver.app.control.verb import Argument, Verb
from resolver.app.exits import BAD_CONFIGURATION, FAILED, OK, UNAVAILABLE
from resolver.errors import ConfigError

CONNECT_S = 5.0
# Longer than any verb takes: a server that says nothing for so long will not any more.
SILENCE_S = 660.0


class UnreachableError(Exception):
    """No server answers at the socket, or what answers is none of ours."""


class Connection:
    """A conversation with a server. Raises UnreachableError wherever it ends unexpectedly."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_S)
        try:
            with reachable(path) as place:
                self._socket.connect(place)
        except OSError as error:
            self._socket.close()
            raise UnreachableError(f"{path}: {_explain(error)}") from error
        self._socket.settimeout(SILENCE_S)
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        """Hang up."""
        self._lines.close()
        self._socket.close()

    def ask(self, verb: str, arguments: Facts) -> Iterator[Facts]:
        """The messages of a response: items, and the result or the error at the end."""
        try:
            self._socket.sendall(request(verb, arguments))
        except BrokenPipeError:
            pass  # it may have said why
        except OSError as error:
            raise UnreachableError(f"{self._path}: {_explain(error)}") from error
        while True:
            message = self._read()
            yield message
            if "ok" in message:
                return

    def _read(self) -> Facts:
        try:
            line = self._lines.readline(MAX_RESPONSE_LINE_OCTETS)
            message = json.loads(line) if line.endswith(b"\n") else None
        except OSError as error:
            raise UnreachableError(f"{self._path}: {_explain(error)}") from error
        except ValueError:
            message = {}
        if message is None:
            raise UnreachableError(f"{self._path}: the server has hung up")
        if not isinstance(message, dict) or message.get("protocol") != PROTOCOL:
            raise UnreachableError(f"{self._path}: what answers does not speak protocol {PROTOCOL}")
        return message


def result_of(messages: Iterator[Facts], take: Callable[[Facts], None]) -> Facts:
    """The result at the end; `take` gets every item before. Raises CommandError, and
    UnreachableError."""
    for message in messages:
        if "item" in message:
            take(message["item"])
        elif message.get("ok"):
            result: Facts = message.get("result") or {}
            return result
        elif "ok" in message:
            error = message.get("error") or {}
            raise CommandError(
                str(error.get("message", "no reason given")),
                kind=str(error.get("kind", "failed")),
                facts=message.get("result"),
            )
    raise UnreachableError("the server has hung up")


def socket_path(options: argparse.Namespace, find_socket: Callable[[], Path | None]) -> Path | None:
    """Where the server is, by the command line or else by `find_socket`, which gives the configured
    socket and raises ConfigError. None after telling why it is not known."""
    try:
        path: Path | None = options.socket or find_socket()
    except ConfigError as error:
        print(error, "--socket PATH finds the server without this file", sep="\n", file=sys.stderr)
        return None
    if path is None:
        print('control.socket is "": this server has none', file=sys.stderr)
    return path


def control(options: argparse.Namespace, find_socket: Callable[[], Path | None]) -> int:
    """Do what `rootward ctl …` says; the exit code. `find_socket` as for socket_path."""
    verb: Verb = options.verb
    path = socket_path(options, find_socket)
    if path is None:
        return BAD_CONFIGURATION
    try:
        connection = Connection(path)
    except UnreachableError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    try:
        return _converse(connection, verb, options)
    except UnreachableError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    except FileError as error:
        print(error, file=sys.stderr)
        return FAILED
    finally:
        connection.close()


def _converse(connection: Connection, verb: Verb, options: argparse.Namespace) -> int:
    arguments: dict[str, Any] = {}
    local: Argument | None = None
    for argument in verb.arguments:
        value = getattr(options, argument.name)
        if argument.kind.local:
            local = argument
        elif value not in (None, False, []):
            arguments[argument.name] = value
    try:
        if local is None:
            result = _ask(connection, verb, arguments, options)
        elif local.kind.local == "in":
            result = _send_file(connection, verb, arguments, options, local)
        else:
            return _receive_file(connection, verb, arguments, options, local)
    except CommandError as error:
        if error.facts is not None:
            _print(error.facts, verb.show, as_json=options.json)
        sys.stdout.flush()
        print(error, file=sys.stderr)
        return ERRORS.get(error.kind, FAILED)
    if result is not None:
        _print(result, verb.show, as_json=options.json)
    return OK


def _ask(
    connection: Connection, verb: Verb, arguments: Facts, options: argparse.Namespace
) -> Facts | None:
    """The result; None of a long one, whose items have been printed."""
    shown = False

    def take(facts: Facts) -> None:
        nonlocal shown
        shown = True
        _print(facts, verb.show_item, as_json=options.json)

    result = result_of(connection.ask(verb.name, arguments), take)
    return None if shown or result.keys() == {"items"} else result


def _send_file(
    connection: Connection,
    verb: Verb,
    arguments: Facts,
    options: argparse.Namespace,
    argument: Argument,
) -> Facts:
    """Send a file in as many requests as it takes; what they have counted together."""
    totals: Facts = {}
    with open_file(getattr(options, argument.name), "r") as file:
        for lines in batches(file):
            part = result_of(
                connection.ask(verb.name, {**arguments, argument.name: lines}), lambda facts: None
            )
            for key, value in part.items():
                totals[key] = totals[key] + value if key in totals else value
    return totals


def _receive_file(
    connection: Connection,
    verb: Verb,
    arguments: Facts,
    options: argparse.Namespace,
    argument: Argument,
) -> int:
    """Write the items into a file, which is there when all of it is."""
    with open_file(getattr(options, argument.name), "w") as file:
        result = result_of(
            connection.ask(verb.name, arguments),
            lambda facts: file.writelines(f"{line}\n" for line in verb.show_item(facts)),
        )
    about = f"{result['items']} items written"
    if getattr(options, argument.name) != STANDARD:
        print(json.dumps(result) if options.json else about)
    return OK


def _print(facts: Facts, show: Callable[[Facts], Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(facts))
    else:
        for line in show(facts):
            print(line)


def _explain(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return "no server listens there"
    if isinstance(error, PermissionError):
        return "no permission to open this socket"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    return error.strerror or str(error)
