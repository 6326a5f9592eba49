"""Compiling twice, the second time with a profile: what a training (training.py) has done often is
laid out for speed and close together, and what it has not done is put out of the way.

The profile is gcc's: notes that the first copy writes beside its object files when it ends.

Knows: gcc, setuptools. Does not know: what is compiled, what the training does.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from setuptools import setup

# The servers have threads, for files: an update that one of them loses is put right.
_NOTING = ("-fprofile-generate", "-fprofile-update=single")
_HEEDING = (
    "-fprofile-use",
    "-fprofile-correction",
    "-fprofile-partial-training",  # what was not trained is compiled as without a profile
    "-Wno-missing-profile",
)
_TRAINING_S = 600.0


def is_gcc(compiler: str) -> bool:
    """Whether this program is gcc, under whatever name."""
    done = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=False)
    return "Free Software Foundation" in done.stdout


def train(extensions: list[Any], objects: Path) -> None:
    """Compile the extensions with notes, do the training with them, and have them compiled with
    what it has noted from now on; by whom does not matter if the object files go to `objects`.
    Exits with a sentence when the training fails."""
    for left in objects.rglob("*.gcda"):
        left.unlink()
    plain = [(e.extra_compile_args, e.extra_link_args) for e in extensions]
    for extension, (compiling, linking) in zip(extensions, plain, strict=True):
        extension.extra_compile_args = [*compiling, *_NOTING]
        extension.extra_link_args = [*linking, *_NOTING]
    noting = objects / "noting"
    place = [f"--build-base={objects}", f"--build-lib={noting}", f"--build-temp={objects}"]
    setup(script_args=["--quiet", "build", *place], ext_modules=extensions)
    _run(noting.absolute())
    shutil.rmtree(noting)
    for extension, (compiling, linking) in zip(extensions, plain, strict=True):
        extension.extra_compile_args = [*compiling, *_HEEDING]
        extension.extra_link_args = linking


def _run(copy: Path) -> None:
    path = os.pathsep.join([str(copy), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "resolver.compile.training"],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": path, "PYTHONSAFEPATH": "1"},
        timeout=_TRAINING_S,
        check=False,
    )
    if done.returncode:
        sys.exit("rootward: the training failed, so there is no profile to compile with")
