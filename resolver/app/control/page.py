"""docs/control.md, made from the table of verbs.

`python -m resolver.app.control.page` writes it. Knows: how to show a verb. Does not know: any verb.
"""

import sys
from pathlib import Path

from resolver.app.control.protocol import ERRORS, MAX_REQUEST_OCTETS, PROTOCOL
from resolver.app.control.table import VERBS
from resolver.app.control.verb import FLAG, Argument, Verb
from resolver.app.exits import BAD_CONFIGURATION, FAILED, FORBIDDEN, OK, UNAVAILABLE, USAGE

PAGE = Path("docs/control.md")

_OPENING = f"""\
# Controlling a running server

Made from the table of verbs in `resolver/app/control/` by `python -m resolver.app.control.page`; do
not edit.

```
rootward ctl [--config FILE | --socket PATH] [--json] VERB …
```

`ctl` finds the server by the configuration: the same file that `run` was started with, or its
socket. It prints text for people, and with `--json`, before or behind the verb, one JSON object; a
long result is one object a line.

| Exit code | Meaning |
|---|---|
| {OK} | done |
| {FAILED} | it was tried and did not succeed; standard error says why |
| {USAGE} | the command line makes no sense |
| {UNAVAILABLE} | no server can be reached at the socket, or it has too many connections |
| {FORBIDDEN} | the socket is for looking only, or has another owner |
| {BAD_CONFIGURATION} | the configuration cannot be used, or has no control socket |

## Who may

The socket is `control.socket`, by default `control.sock` in `server.state_dir`. Only who runs the
server may open it (mode 0600), and with `control.group` the members of that group (0660).

`control.read_only_socket` is a second one, for `control.read_only_group`: through it everything can
be looked at and nothing be changed. Verbs marked *changes* end with {FORBIDDEN} there.

What a server that died has left is replaced at the next start. Where a server answers already, one
that has the socket in its configuration does not start (78), one that has it by default goes
without.

## Completion

`pip install 'rootward[cli]'`, then `rootward completion bash` (or `zsh`, `tcsh`) writes a script:

```
rootward completion bash > /etc/bash_completion.d/rootward
```

## Verbs

"""

_PROTOCOL = f"""\
## Protocol

One JSON object a line, in both directions; a connection takes one request after the other. The
version is {PROTOCOL}. New verbs, arguments and facts do not change it: leave alone what you do not
know.

```
{{"protocol": {PROTOCOL}, "verb": "flush", "arguments": {{"name": "a.example", "tree": true}}}}
{{"protocol": {PROTOCOL}, "ok": true, "result": {{"name": "a.example.", "flushed": 3}}}}
```

A long result comes in lines `{{"protocol": {PROTOCOL}, "item": {{…}}}}` before the last one. What
cannot be done ends with `{{"protocol": {PROTOCOL}, "ok": false, "error": {{"kind": …, "message":
…}}}}`, whose kind is {", ".join(f"`{kind}`" for kind in ERRORS)}.

Arguments have the names they have on the command line, with `_` for `-`; a file is sent as a list
of its lines, in as many requests as it takes. A request has at most {MAX_REQUEST_OCTETS} octets. A
connection that is silent for a minute, or does not read, is closed.
"""


def render_page() -> str:
    """docs/control.md."""
    index = "\n".join(f"| [`{v.name}`](#{_anchor(v)}) | {v.help} |" for v in VERBS)
    parts = [_OPENING, f"| Verb | What it does |\n|---|---|\n{index}\n\n"]
    parts += [_section(verb) for verb in VERBS]
    return "".join([*parts, _PROTOCOL])


def _anchor(verb: Verb) -> str:
    return verb.name.replace(" ", "-")


def _section(verb: Verb) -> str:
    text = f"### {verb.name}\n\n```\nrootward ctl {usage(verb)}\n```\n\n"
    mark = "; *changes*" if verb.changes else ""
    text += f"{verb.help[0].upper()}{verb.help[1:]}{mark}."
    text += f" {verb.details}\n\n" if verb.details else "\n\n"
    if verb.arguments:
        rows = "".join(f"| `{_written(a)}` | {a.help} |\n" for a in verb.arguments)
        text += f"| Argument | Meaning |\n|---|---|\n{rows}\n"
    if verb.example:
        text += f"For example `rootward ctl {verb.example}`.\n\n"
    return text


def usage(verb: Verb) -> str:
    """A verb with its arguments, as on the command line."""
    return " ".join([verb.name, *(_shown(argument) for argument in verb.arguments)])


def _shown(argument: Argument) -> str:
    text = _written(argument)
    if argument.many:
        text += " …"
    return text if argument.required else f"[{text}]"


def _written(argument: Argument) -> str:
    kind = argument.kind
    if not argument.option:
        return "|".join(kind.choices) or kind.metavar
    name = f"--{argument.name.replace('_', '-')}"
    return name if kind is FLAG else f"{name} {'|'.join(kind.choices) or kind.metavar}"


def main(root: Path = Path()) -> int:
    """Write the page below `root`; returns the exit code."""
    (root / PAGE).write_text(render_page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
