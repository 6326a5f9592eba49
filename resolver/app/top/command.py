"""`rootward top`: looks at a running server again and again, and draws what it sees.

With rich installed the tables stand beside each other and keep their place; without it, the screen
is written anew. Not on a terminal, or with --once, it is plain text.

Knows: the control socket from the client's side, terminals. Does not know: what the view says.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from resolver.app.control.client import Connection, UnreachableError, result_of, socket_path
from resolver.app.control.protocol import ERRORS, CommandError
from resolver.app.exits import BAD_CONFIGURATION, FAILED, OK, UNAVAILABLE
from resolver.app.top.view import View, compare

_HOME_AND_CLEAR = "\x1b[H\x1b[J"


def top(options: argparse.Namespace, find_socket: Callable[[], Path | None]) -> int:
    """Do what the command line says; the exit code. `find_socket` as for socket_path."""
    path = socket_path(options, find_socket)
    if path is None:
        return BAD_CONFIGURATION
    try:
        connection = Connection(path)
        try:
            _draw(options, _look(connection, options))
        finally:
            connection.close()
    except UnreachableError as error:
        print(error, file=sys.stderr)
        return UNAVAILABLE
    except CommandError as error:
        print(error, file=sys.stderr)
        return ERRORS.get(error.kind, FAILED)
    except KeyboardInterrupt:
        pass  # the usual end
    return OK


def _look(connection: Connection, options: argparse.Namespace) -> Iterator[View]:
    """A view after each interval, for ever."""
    arguments = {"rows": options.rows}
    before = result_of(connection.ask("top", arguments), lambda item: None)
    while True:
        time.sleep(options.interval)
        after = result_of(connection.ask("top", arguments), lambda item: None)
        yield compare(before, after, rows=options.rows)
        before = after


def _draw(options: argparse.Namespace, views: Iterator[View]) -> None:
    if options.once:
        _print(next(views), as_json=options.json)
    elif options.json:
        for view in views:
            _print(view, as_json=True)
    elif not sys.stdout.isatty():
        for view in views:
            _print(view, as_json=False)
            print()
    else:
        try:
            from resolver.app.top.rich_screen import draw
        except ImportError:
            draw = _draw_plainly
        draw(views)


def _draw_plainly(views: Iterator[View]) -> None:
    for view in views:
        print(_HOME_AND_CLEAR, end="")
        _print(view, as_json=False)


def _print(view: View, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(view.facts), flush=True)
    else:
        print(*view.lines(), sep="\n", flush=True)
