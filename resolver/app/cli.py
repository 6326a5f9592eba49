"""The command `rootward`: what it understands, and which part does it.

Everything heavy is imported by the command that needs it, so that `--version` and `--help` are
quick. Exit codes: app/exits.py, documented in docs/operate.md.
"""

import argparse
import os
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resolver import __version__
from resolver.app.exits import BAD_CONFIGURATION, FAILED, USAGE
from resolver.compile import how

if TYPE_CHECKING:
    from resolver.config.schema import Config

CONFIG_PLACES = (Path("config.toml"), Path("/etc/rootward/config.toml"))

Command = Callable[[argparse.ArgumentParser, argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code, or exits with USAGE."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser(with_verbs="ctl" in words)
    options, rest = parser.parse_known_args(arguments)
    # Words of `query` may stand on both sides of its options, which argparse does not expect.
    if rest and hasattr(options, "words") and not any(word.startswith("-") for word in rest):
        options.words += rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    command: Command | None = getattr(options, "command", None)
    if command is None:
        parser.print_help(sys.stderr)
        return USAGE
    try:
        code = command(options.parser, options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # Whoever read our output has had enough; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _parser(*, with_verbs: bool) -> argparse.ArgumentParser:
    """Everything that is understood; the verbs of `ctl`, which are many, only when wanted."""
    parser = argparse.ArgumentParser(
        prog="rootward", description="DNS server: primary, secondary and caching resolver."
    )
    version = f"rootward {__version__} (Python {sys.version.split()[0]}, {how()})"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"configuration; default: {' or '.join(map(str, CONFIG_PLACES))}, else built in",
    )
    run = commands.add_parser("run", parents=[config], help="serve in the foreground")
    run.add_argument(
        "--take-over",
        action="store_true",
        help="take the place of the server that runs with this state_dir; no query is lost",
    )
    run.set_defaults(command=_run, parser=run)
    check = commands.add_parser("check", parents=[config], help="check configuration and zones")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(command=_check, parser=check)
    _add_zone(commands)
    _add_query(commands, config)
    doctor = commands.add_parser(
        "doctor",
        parents=[config],
        help="examine own zones as others see them, and the way to the root",
        description="Look for what is wrong around this server, and say what to do about it.",
    )
    doctor.add_argument("zone", nargs="*", metavar="ZONE", help="only these zones; default: all")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(command=_doctor, parser=doctor)
    ctl = commands.add_parser("ctl", parents=[config], help="control a running server")
    ctl.set_defaults(command=_no_command, parser=ctl)
    if with_verbs:
        from resolver.app.control.parser import add_verbs

        add_verbs(ctl, _control)
    _add_top(commands, config)
    _add_setting_up(commands, config)
    completion = commands.add_parser("completion", help="write a completion script for a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"), metavar="SHELL")
    completion.set_defaults(command=_complete, parser=completion)
    return parser


def _add_setting_up(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", config: argparse.ArgumentParser
) -> None:
    init = commands.add_parser(
        "init",
        help="write a configuration to begin with",
        description="Write config.toml for a role and what it needs, and check it. No file is"
        " written over.",
    )
    init.add_argument(
        "role", metavar="ROLE", choices=("cache", "primary", "secondary"), help="what to be"
    )
    init.add_argument("--directory", type=Path, metavar="DIR", help="folder; default: this one")
    init.add_argument(
        "--system",
        action="store_true",
        help="for a service of this machine: on port 53, its state in /var/lib/rootward; the"
        " folder is /etc/rootward by default",
    )
    init.set_defaults(command=_init, parser=init)
    units = commands.add_parser(
        "units",
        parents=[config],
        help="write rootward.service and rootward.socket for systemd",
        description="Write the units of a service with this configuration. No file is written"
        " over.",
    )
    units.add_argument("directory", type=Path, metavar="DIR", help="/etc/systemd/system")
    units.set_defaults(command=_units, parser=units)
    man = commands.add_parser(
        "man",
        help="write the manual pages",
        description="Write man1/rootward.1 and man5/rootward.toml.5, in the place of older ones.",
    )
    man.add_argument("directory", type=Path, metavar="DIR", help="/usr/local/share/man")
    man.set_defaults(command=_man, parser=man)


def _add_top(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", config: argparse.ArgumentParser
) -> None:
    top = commands.add_parser("top", parents=[config], help="watch a running server")
    top.add_argument(
        "--socket", type=Path, metavar="PATH", help="control socket; default: as configured"
    )
    top.add_argument("--once", action="store_true", help="print one look and end")
    top.add_argument("--json", action="store_true", help="print a JSON object for each look")
    top.add_argument(
        "--interval",
        type=_seconds,
        default=1.0,
        metavar="SECONDS",
        help="time between looks; default: 1",
    )
    top.add_argument(
        "--rows", type=int, choices=range(1, 101), default=10, metavar="N", help="rows of a table"
    )
    top.set_defaults(command=_top, parser=top)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0.1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be between 0.1 and 3600")
    return seconds


def _add_zone(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    zone = commands.add_parser("zone", help="work on zone files")
    zone.set_defaults(command=_no_command, parser=zone)
    verbs = zone.add_subparsers(title="commands", metavar="COMMAND")
    check = verbs.add_parser("check", help="check a zone file")
    check.add_argument("file", type=Path, metavar="FILE", help="master file")
    check.add_argument(
        "--origin", metavar="NAME", help="name of the zone; default: the file name without .zone"
    )
    check.add_argument(
        "--canonical",
        action="store_true",
        help="write the zone to standard output: one record a line, in one fixed order",
    )
    check.add_argument(
        "--zonemd",
        action="append",
        default=[],
        choices=("sha384", "sha512"),
        help="with --canonical: put a digest of the zone into it (ZONEMD); may be given twice",
    )
    check.add_argument(
        "--alias-key",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a private key to sign what ALIAS records lend, as in alias_keys of the [[zone]]; may "
        "be given again",
    )
    check.add_argument("--json", action="store_true", help="print findings as one JSON object")
    check.set_defaults(command=_check_zone, parser=check)


def _add_query(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", config: argparse.ArgumentParser
) -> None:
    query = commands.add_parser(
        "query",
        parents=[config],
        help="ask a question",
        description="Ask a server, or without @SERVER resolve with the built-in engine.",
    )
    query.add_argument(
        "words", nargs="*", metavar="NAME [TYPE] [@SERVER[:PORT]]", help="what to ask, and whom"
    )
    query.add_argument("-x", metavar="ADDRESS", dest="reverse", help="ask for an address's name")
    query.add_argument("--trace", action="store_true", help="print every step of the engine")
    query.add_argument("--tcp", action="store_true", help="ask over TCP")
    query.add_argument("--port", type=int, metavar="N", help="port of the server; default: 53")
    query.add_argument("--json", action="store_true", help="print one JSON object")
    query.set_defaults(command=_query, parser=query)


def _no_command(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    parser.print_help(sys.stderr)
    return USAGE


def find_config(given: Path | None, *, only: Collection[str] | None = None) -> "tuple[Config, str]":
    """The configuration, or `only` some sections of it, and where it is from: the file given, the
    first of CONFIG_PLACES that exists, or the defaults. Raises ConfigError."""
    from resolver.config.load import load
    from resolver.config.schema import Config

    path = given or next((place for place in CONFIG_PLACES if place.exists()), None)
    if path is None:
        return Config(), "built-in defaults"
    return load(path, only=only), str(path)


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    import logging

    from resolver.app.logging import complain, set_up
    from resolver.config.load import unbuilt
    from resolver.errors import ConfigError

    try:
        config, source = find_config(options.config)
    except ConfigError as error:
        complain(error)
        return BAD_CONFIGURATION
    from resolver.app.daemon import run

    set_up(config.log)
    log = logging.getLogger(__name__)
    log.info("configuration: %s", source)
    for sentence in unbuilt(config):
        log.warning("%s", sentence)
    reread = lambda: find_config(options.config)[0]  # noqa: E731
    return run(config, reread, takes_over=options.take_over)


def _check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.check import check

    return check(options, lambda: find_config(options.config))


def _init(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.setting_up import init

    return init(
        options, lambda config: _check(parser, argparse.Namespace(config=config, json=False))
    )


def _units(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.setting_up import SYSTEM_FOLDER, units
    from resolver.errors import ConfigError

    source = options.config or SYSTEM_FOLDER / "config.toml"
    try:
        config, _ = find_config(source)
    except ConfigError as error:
        print(error)
        return BAD_CONFIGURATION
    return units(options, config, source)


def _man(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.man import write_pages

    return write_pages(_parser(with_verbs=True), options.directory)


def _check_zone(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.zone_check import check_zone

    return check_zone(parser, options)


def _doctor(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.doctor import doctor
    from resolver.errors import ConfigError

    try:
        config, _ = find_config(options.config)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return BAD_CONFIGURATION
    return doctor(options, config)


def _control(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.control.client import control

    return control(options, lambda: _socket(options.config))


def _complete(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.control.completion import complete

    return complete(_parser(with_verbs=True), options.shell)


def _top(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.top.command import top

    return top(options, lambda: _socket(options.config))


def _socket(given: Path | None) -> Path | None:
    """The control socket. A fault elsewhere in the file must not keep anybody from the server that
    runs: it may be what a reload is to tell."""
    from resolver.app.control.doors import socket_path

    return socket_path(find_config(given, only=("server", "control"))[0])


def _query(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from resolver.app.query import UsageError, query

    try:
        return query(options, lambda: find_config(options.config)[0])
    except UsageError as error:
        parser.error(str(error))
