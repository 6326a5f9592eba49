"""Completion for shells, made by shtab from the parsers of the command.

Knows: shtab, which is only there if it was asked for. Does not know: any command.
"""

import argparse
import sys

from resolver.app.exits import BAD_CONFIGURATION, OK

SHELLS = ("bash", "zsh", "tcsh")


def complete(parser: argparse.ArgumentParser, shell: str) -> int:
    """Write the completion script of a shell to standard output; the exit code."""
    try:
        import shtab
    except ImportError:
        print("shtab is missing: pip install 'rootward[cli]'", file=sys.stderr)
        return BAD_CONFIGURATION
    print(shtab.complete(parser, shell))
    return OK
