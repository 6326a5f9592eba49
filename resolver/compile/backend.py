"""The build backend (PEP 517): setuptools, with compiled modules in the wheel where possible.

An editable installation (PEP 660) is never compiled: its source is what is being worked on.
"""

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from setuptools import build_meta, setup

from resolver.compile.extensions import CannotCompileError, check_compiler, extensions_wanted, mode

Settings: TypeAlias = Mapping[str, Any] | None

_BUILD = Path("build")
_PROJECT = Path("pyproject.toml")
_MYPYC = "mypy>=2.4,<3"

build_sdist = build_meta.build_sdist
build_editable = build_meta.build_editable
get_requires_for_build_editable = build_meta.get_requires_for_build_editable
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel


class _WithExtensions(build_meta._BuildMetaBackend):
    """setuptools reads pyproject.toml; a function is what it has for extensions that are not all
    listed there."""

    def run_setup(self, setup_script: str = "setup.py") -> None:
        objects = {"build_temp": str(_BUILD)}
        setup(ext_modules=extensions_wanted(_BUILD), options={"build": objects})


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """mypyc where it will be used, and what the training runs with where there will be one."""
    if mode() == "pure":
        return []
    try:
        check_compiler()
    except CannotCompileError:
        return []
    if mode() != "profile":
        return [_MYPYC]
    needed: list[str] = tomllib.loads(_PROJECT.read_text())["project"]["dependencies"]
    return [_MYPYC, *needed]


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """A wheel for this platform, or one for all when nothing is compiled."""
    # What an earlier build has left there would end up in this wheel.
    for left in _BUILD.glob("lib*"):
        shutil.rmtree(left)
    made: str = _WithExtensions().build_wheel(wheel_directory, config_settings, metadata_directory)
    return made
