"""What a verb is: its name, its arguments, its help, what it does, and how people see the result.

From verbs are made the parsers and --help of `rootward ctl`, docs/control.md and shell completion.

Knows: kinds of arguments. Does not know: sockets, argparse, any verb (control/table.py has them).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeAlias

from resolver import names
from resolver.app.control.columns import show_facts
from resolver.app.control.protocol import CommandError, Facts
from resolver.codes import read_type

if TYPE_CHECKING:
    from resolver.app.server import Server

Arguments: TypeAlias = Mapping[str, Any]  # every argument of the verb is in it
# What a verb does: a coroutine for one result, or an asynchronous generator for a long one, whose
# items go out as they come. It must never hold the loop for more than some milliseconds.
Run: TypeAlias = Callable[["Server", Arguments], Awaitable[Facts] | AsyncIterator[Facts]]
Show: TypeAlias = Callable[[Facts], Iterable[str]]

MAX_TEXT_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of argument: how help calls it, and the value of what was written. `read` raises
    ValueError. `choices` are all that there are; `local` is for files of the client, which do not
    go to the server: "in" is sent there line by line, "out" takes the items of the result."""

    metavar: str
    read: Callable[[object], Any]
    choices: tuple[str, ...] = ()
    local: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument. Options are written `--name`, others stand in their order and are required
    unless `optional`; `many` takes several."""

    name: str
    kind: Kind
    help: str
    option: bool = False
    optional: bool = False
    many: bool = False

    @property
    def required(self) -> bool:
        """Whether the verb makes no sense without it."""
        return not self.option and not self.optional


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `name` may be two words; `help` is one sentence without a full stop, `details` is
    for the page. `changes` keeps it from those who may only look. `show` makes lines for people
    of the result, `show_item` of an item of a long one."""

    name: str
    help: str
    run: Run
    arguments: tuple[Argument, ...] = ()
    changes: bool = False
    show: Show = show_facts
    show_item: Show = show_facts
    details: str = ""
    example: str = ""


def read_arguments(verb: Verb, given: object) -> dict[str, Any]:
    """The values of what a client has sent. Raises CommandError."""
    if not isinstance(given, dict):
        raise CommandError("arguments must be an object", kind="usage")
    known = {each.name: each for each in verb.arguments if each.kind.local != "out"}
    strange = sorted(set(given) - set(known))
    if strange:
        raise CommandError(f"{verb.name}: unknown argument {strange[0]!r}", kind="usage")
    return {name: _read(verb, argument, given.get(name)) for name, argument in known.items()}


def _read(verb: Verb, argument: Argument, value: object) -> Any:
    if value is None or (argument.many and value == []):
        if argument.required:
            raise CommandError(f"{verb.name}: {argument.name} is missing", kind="usage")
        return () if argument.many else False if argument.kind is FLAG else None
    try:
        if not argument.many:
            return argument.kind.read(value)
        if not isinstance(value, list):
            raise ValueError("must be a list")
        return tuple(argument.kind.read(each) for each in value)
    except ValueError as error:
        raise CommandError(f"{verb.name}: {argument.name}: {error}", kind="usage") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARACTERS:
        raise ValueError(f"must be text of at most {MAX_TEXT_CHARACTERS} characters")
    return value


def _name(value: object) -> bytes:
    return names.read(_text(value)).lower()


def _type(value: object) -> int:
    found = read_type(_text(value))
    if found is None:
        raise ValueError(f"{value} is no record type")
    return found


def _address(value: object) -> bytes:
    return ip_address(_text(value)).packed


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _lines(value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise ValueError("must be a list of lines")
    return value


NAME = Kind("NAME", _name)  # lower-case wire form
TYPE = Kind("TYPE", _type)  # a number
ADDRESS = Kind("ADDRESS", _address)  # 4 or 16 octets
TEXT = Kind("TEXT", _text)
FILE = Kind("FILE", _text)  # one of the server's; relative ones are from where the client is
FLAG = Kind("", _flag)  # only as an option
IN_FILE = Kind("FILE", _lines, local="in")
OUT_FILE = Kind("FILE", _text, local="out")


def number(least: int, most: int) -> Kind:
    """A whole number within bounds."""

    def read(value: object) -> int:
        text = value if isinstance(value, int) and not isinstance(value, bool) else _text(value)
        if isinstance(text, str) and not (text.isascii() and text.isdigit()):
            raise ValueError(f"{text} is no whole number")
        found = int(text)
        if not least <= found <= most:
            raise ValueError(f"must be between {least} and {most}")
        return found

    return Kind("N", read)


def choice(metavar: str, *choices: str) -> Kind:
    """One of some words."""

    def read(value: object) -> str:
        text = _text(value)
        if text not in choices:
            raise ValueError(f"{text!r} is none of {', '.join(choices)}")
        return text

    return Kind(metavar, read, choices)
