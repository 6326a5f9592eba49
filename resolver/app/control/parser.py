"""The command line of `rootward ctl`, made from the table of verbs.

Knows: argparse. Does not know: any verb.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from resolver.app.control.table import VERBS
from resolver.app.control.verb import FILE, FLAG, Argument, Kind, Verb

Command = Callable[[argparse.ArgumentParser, argparse.Namespace], int]
Subparsers = Any  # argparse has no public name for it


def add_verbs(ctl: argparse.ArgumentParser, command: Command) -> None:
    """Put a parser for each verb below that of `ctl`; each does `command`."""
    ctl.add_argument(
        "--socket", type=Path, metavar="PATH", help="control socket; default: as configured"
    )
    ctl.add_argument("--json", action="store_true", help="print JSON instead of text")
    verbs = ctl.add_subparsers(title="verbs", metavar="VERB")
    groups: dict[str, Subparsers] = {}
    for verb in VERBS:
        group, _, word = verb.name.rpartition(" ")
        if group and group not in groups:
            about = ", ".join(v.name.split()[1] for v in VERBS if v.name.startswith(f"{group} "))
            parser = verbs.add_parser(group, help=about)
            parser.set_defaults(command=_no_verb, parser=parser)
            groups[group] = parser.add_subparsers(title="verbs", metavar="VERB")
        place = groups[group] if group else verbs
        parser = place.add_parser(word, help=verb.help, description=_describe(verb))
        # Also behind the verb, where fingers put it.
        parser.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print JSON"
        )
        for argument in verb.arguments:
            _add_argument(parser, argument)
        parser.set_defaults(command=command, parser=parser, verb=verb)


def _no_verb(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.error("a verb is missing")


def _describe(verb: Verb) -> str:
    text = f"{verb.help[0].upper()}{verb.help[1:]}."
    return f"{text} {verb.details}".strip()


def _add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    kind = argument.kind
    if kind is FLAG:
        parser.add_argument(f"--{_dashed(argument)}", action="store_true", help=argument.help)
        return
    settings: dict[str, Any] = {"help": argument.help, "metavar": kind.metavar}
    settings["type"] = _absolute if kind is FILE else str if kind.local else _checked(kind)
    if kind.choices:
        settings["choices"] = kind.choices
    if argument.option:
        if argument.many:
            settings |= {"action": "append", "default": []}
        parser.add_argument(f"--{_dashed(argument)}", dest=argument.name, **settings)
        return
    if argument.many:
        settings["nargs"] = "*" if argument.optional else "+"
    elif argument.optional:
        settings["nargs"] = "?"
    parser.add_argument(argument.name, **settings)


def _absolute(text: str) -> str:
    return str(Path(text).absolute())


def _dashed(argument: Argument) -> str:
    return argument.name.replace("_", "-")


def _checked(kind: Kind) -> Callable[[str], str]:
    """Argument texts go to the server as they are, but what it would refuse is noticed here."""

    def check(text: str) -> str:
        try:
            kind.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return text

    return check
