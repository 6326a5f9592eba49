"""What setuptools needs to compile the modules, or why it cannot be done here.

The environment variable ROOTWARD_BUILD says what is wanted: `auto` compiles where there is a C
compiler and Python's headers (the default), `require` fails where there is none, `profile` does as
well, and compiles twice, with a training in between (profile.py), `pure` never compiles.

Knows: mypyc, ROOTWARD_BUILD. Does not know: wheels, directories.
"""

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from resolver.compile import MODULES
from resolver.compile.profile import is_gcc, train

MODE_VARIABLE = "ROOTWARD_BUILD"
MODES = ("auto", "require", "profile", "pure")
_GROUP = "rootward"  # names the shared library that holds them all


class CannotCompileError(Exception):
    """What is missing here."""


def mode() -> str:
    """What is wanted. Raises ValueError for a word that is none of MODES."""
    word = os.environ.get(MODE_VARIABLE, "auto")
    if word not in MODES:
        raise ValueError(f"{MODE_VARIABLE}={word}: must be one of {', '.join(MODES)}")
    return word


def check_compiler() -> None:
    """Raises CannotCompileError where compiling must fail."""
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    compiler = shlex.split(command)[0]
    if shutil.which(compiler) is None:
        raise CannotCompileError(f"no C compiler: {compiler} is not installed")
    if mode() == "profile" and not is_gcc(compiler):
        raise CannotCompileError(f"no profile: {compiler} is not gcc")
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    if not header.exists():
        raise CannotCompileError(f"no headers of Python: {header} is not there")


def extensions(directory: Path) -> list[Any]:
    """The extension modules for setuptools, their C written to `directory`. To be called where the
    source is. Raises CannotCompileError."""
    check_compiler()
    try:
        from mypyc.build import mypycify
    except ImportError:
        raise CannotCompileError("no mypyc: mypy is not installed") from None
    files = [f"resolver/{module.replace('.', '/')}.py" for module in MODULES]
    options = [
        "--config-file=",
        "--ignore-missing-imports",
        "--follow-imports=silent",
        f"--cache-dir={directory / 'mypy'}",
    ]
    made: list[Any] = mypycify(
        [*options, *files],
        opt_level="2",
        debug_level="0",
        group_name=_GROUP,
        # One file for all takes the C compiler three times as long, and makes nothing faster.
        multi_file=True,
        target_dir=str(directory / "c"),
    )
    for extension in made:
        # Calls among the modules need not go by way of the linker's tables then.
        extension.extra_compile_args += ["-fvisibility=hidden", "-fno-plt"]
    return made


def extensions_wanted(directory: Path) -> list[Any]:
    """The same, and none where that is as well. With a profile they must be compiled to object
    files in `directory`. Exits with a sentence where they are required and cannot be had."""
    wanted = mode()
    if wanted == "pure":
        return []
    try:
        made = extensions(directory)
        if wanted == "profile":
            train(made, directory)
        return made
    except CannotCompileError as error:
        if wanted != "auto":
            sys.exit(f"rootward: {MODE_VARIABLE}={wanted}, but {error}")
        print(f"rootward: not compiled: {error}", file=sys.stderr)
        return []
