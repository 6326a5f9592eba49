"""A copy of the package with its hot modules compiled: `python -m resolver.compile DIRECTORY`.

For tests and measurements beside the source, which stays as it is: with DIRECTORY first in
PYTHONPATH and PYTHONSAFEPATH=1 the copy is what runs. What has not changed since the last time is
not compiled again. ROOTWARD_BUILD is heeded as in a wheel (extensions.py). Exits with NOT_HERE when
nothing was compiled because something is missing here, and leaves no copy then.
"""

import hashlib
import shutil
import sys
from pathlib import Path
from typing import Any

from setuptools import setup

from resolver.compile import MODULES
from resolver.compile.extensions import extensions_wanted, mode

NOT_HERE = 77  # what automake's tests exit with that were skipped
_SOURCE = Path("resolver")
_NEVER_IMPORTED_BY_MODULES = ("app", "testing", "compile")


def digest() -> str:
    """A hash of all that compiled code depends on."""
    hashed = hashlib.sha256(f"{sys.version} {MODULES}".encode())
    for path in sorted(_SOURCE.rglob("*.py")):
        if path.parts[1] not in _NEVER_IMPORTED_BY_MODULES:
            hashed.update(f"{path}\0".encode() + path.read_bytes())
    return hashed.hexdigest()


def compile_into(directory: Path) -> bool:
    """Bring the copy up to date; whether it is compiled."""
    mark = directory / "digest"
    current = digest()
    profiled = f"{current} with a profile"
    good = (profiled,) if mode() == "profile" else (current, profiled)
    if mark.exists() and mark.read_text() in good:
        _copy(directory, [])
        return True
    mark.unlink(missing_ok=True)
    shutil.rmtree(directory / "resolver", ignore_errors=True)
    made = extensions_wanted(directory / "made")
    if made:
        _copy(directory, made)
        mark.write_text(good[0])
    return bool(made)


def _copy(directory: Path, extensions: list[Any]) -> None:
    """Let setuptools do as for a wheel."""
    work = str(directory / "made")
    place = [f"--build-base={work}", f"--build-lib={directory}", f"--build-temp={work}"]
    setup(script_args=["--quiet", "build", *place], ext_modules=extensions)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m resolver.compile DIRECTORY")
    sys.exit(None if compile_into(Path(sys.argv[1])) else NOT_HERE)
