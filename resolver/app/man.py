"""The manual pages: rootward(1) from the parsers of the command, rootward.toml(5) from the schema.

Knows: argparse, sections and keys, the few requests of man(7) that are used. Does not know: any
command or key by name.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from resolver import __version__
from resolver.app.exits import FAILED, MEANINGS, OK
from resolver.config.reasons import section_of
from resolver.config.reference import UNITS, show_keys
from resolver.config.schema import Config

_ABOUT = "DNS server: primary, secondary and caching resolver"
_SIGNALS = {
    "SIGTERM, SIGINT": "end, after the replies that are under way",
    "SIGHUP": "take up the configuration and everything it names, as ctl reload does",
    "SIGUSR1": "start anew as a child that takes over, as with --take-over",
    "SIGUSR2": "open the file of the query log again",
}
_FILES = {
    "config.toml, /etc/rootward/config.toml": "the configuration: the first that is there",
    "/var/lib/rootward": "state_dir of a service of the system",
    "/run/rootward/control.sock": "its control socket",
}


def write_pages(parser: argparse.ArgumentParser, folder: Path) -> int:
    """Write both below a folder as man(1) looks for them; the exit code."""
    pages = {
        folder / "man1/rootward.1": command_page(parser),
        folder / "man5/rootward.toml.5": config_page(),
    }
    try:
        for path, text in pages.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}")
        return FAILED
    return OK


def command_page(parser: argparse.ArgumentParser) -> str:
    """rootward(1)."""
    lines = [
        *_head(parser.prog, 1, _ABOUT),
        ".SH SYNOPSIS",
        f".B {parser.prog}",
        ".I COMMAND",
        "[options]",
        ".SH COMMANDS",
        *_commands(parser, parser.prog),
        ".SH EXIT STATUS",
        *_terms({str(code): meaning for code, meaning in MEANINGS.items()}),
        ".SH SIGNALS",
        *_terms(_SIGNALS),
        ".SH FILES",
        *_terms(_FILES),
        ".SH SEE ALSO",
        ".BR rootward.toml (5)",
    ]
    return "\n".join(lines) + "\n"


def config_page() -> str:
    """rootward.toml(5)."""
    lines = [
        *_head("rootward.toml", 5, "configuration of the DNS server rootward"),
        ".SH DESCRIPTION",
        "One TOML file; what is not in it has the default given here.",
        "A key that is not listed is an error.",
        *_terms(UNITS),
    ]
    for name, field in Config.model_fields.items():
        section = section_of(field.annotation)
        assert section is not None
        lines += [f".SH {'[[' + name + ']]' if field.default == () else '[' + name + ']'}"]
        lines += [_plain(section.__doc__ or "")]
        for key in show_keys(name, section):
            kind = f"{key.kind}; {f'default: {key.default}' if key.default else 'no default'}"
            lines += [".TP", f".B {key.key}", _plain(f"{key.meaning} ({kind})")]
    lines += [".SH SEE ALSO", ".BR rootward (1)"]
    return "\n".join(lines) + "\n"


def _head(name: str, section: int, about: str) -> Iterator[str]:
    yield f'.TH {name.upper()} {section} "" "rootward {__version__}"'
    yield from (".SH NAME", f"{name} \\- {about}")


def _terms(meanings: dict[str, str]) -> Iterator[str]:
    for term, meaning in meanings.items():
        yield from (".TP", f".B {_plain(term)}", _plain(meaning))


def _commands(parser: argparse.ArgumentParser, words: str) -> Iterator[str]:
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        helps = {choice.dest: choice.help for choice in action._choices_actions}
        for name, inner in action.choices.items():
            usage = inner.format_usage().removeprefix("usage: ")
            yield from (f".SS {words} {name}", _plain(inner.description or helps.get(name) or ""))
            yield from (".PP", _plain(usage))
            yield from _options(inner)
            yield from _commands(inner, f"{words} {name}")


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction | argparse._HelpAction):
            continue
        metavar = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        names = ", ".join(action.option_strings)
        value = "" if action.nargs == 0 else metavar
        yield from _terms({f"{names} {value}".strip(): action.help or ""})


def _plain(text: str) -> str:
    """Text on one line as roff takes it: no request by accident, hyphens as they are typed, other
    characters than ASCII by their numbers."""
    text = " ".join(text.split()).replace("`", "").replace("\\", "\\e").replace("-", "\\-")
    text = "".join(c if c.isascii() else f"\\[u{ord(c):04X}]" for c in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text
