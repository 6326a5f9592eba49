"""Wheels with and without compiled modules, and what is said where none can be made.

That compiled modules behave as interpreted ones is what the second run of `make test` shows.
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from resolver.compile import MODULES, how

ROOT = Path(__file__).parents[2]
BUILD = """
import sys
from resolver.compile import backend
print(backend.get_requires_for_build_wheel())
print(backend.build_wheel(sys.argv[1]))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of what a wheel is made of, for setuptools leaves things beside it."""
    copy = tmp_path / "source"
    leave = shutil.ignore_patterns("__pycache__", "*.so")
    shutil.copytree(ROOT / "resolver", copy / "resolver", ignore=leave)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


def build(source: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | variables
    command = [sys.executable, "-c", BUILD, str(source)]
    return subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, timeout=250
    )


def test_every_module_is_there_once() -> None:
    assert len(set(MODULES)) == len(MODULES)
    for module in MODULES:
        assert Path(ROOT, "resolver", *module.split(".")).with_suffix(".py").is_file()


@pytest.mark.slow
def test_a_pure_wheel_is_for_every_platform(source: Path) -> None:
    done = build(source, ROOTWARD_BUILD="pure")
    assert done.returncode == 0, done.stderr
    requires, name = done.stdout.splitlines()[0], done.stdout.splitlines()[-1]
    assert requires == "[]"
    assert name.endswith("-py3-none-any.whl")
    members = zipfile.ZipFile(source / name).namelist()
    assert "resolver/wire/parse.py" in members
    assert not [member for member in members if member.endswith(".so")]


@pytest.mark.slow
def test_without_a_compiler_the_wheel_is_pure_and_it_is_said_why(source: Path) -> None:
    done = build(source, ROOTWARD_BUILD="auto", CC="no-such-compiler")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("-py3-none-any.whl")
    assert "not compiled: no C compiler: no-such-compiler is not installed" in done.stderr


def test_without_a_compiler_nothing_is_built_where_it_is_required(source: Path) -> None:
    done = build(source, ROOTWARD_BUILD="require", CC="no-such-compiler")
    assert done.returncode != 0
    assert "ROOTWARD_BUILD=require, but no C compiler" in done.stderr


def test_what_was_compiled_earlier_is_in_no_wheel(source: Path) -> None:
    left = source / "build" / "lib" / "resolver"
    left.mkdir(parents=True)
    (left / "names.cpython-311-x86_64-linux-gnu.so").touch()
    done = build(source, ROOTWARD_BUILD="pure")
    assert done.returncode == 0, done.stderr
    members = zipfile.ZipFile(source / done.stdout.splitlines()[-1]).namelist()
    assert not [member for member in members if member.endswith(".so")]


def test_a_word_that_is_none_is_refused(source: Path) -> None:
    done = build(source, ROOTWARD_BUILD="fast")
    assert done.returncode != 0
    assert "ROOTWARD_BUILD=fast: must be one of auto, require, profile, pure" in done.stderr


def test_a_profile_needs_gcc(source: Path, tmp_path: Path) -> None:
    clang = tmp_path / "clang"
    clang.write_text("#!/bin/sh\necho clang version 18.1.3\n")
    clang.chmod(0o755)
    done = build(source, ROOTWARD_BUILD="profile", CC=str(clang))
    assert done.returncode != 0
    assert f"ROOTWARD_BUILD=profile, but no profile: {clang} is not gcc" in done.stderr


@pytest.mark.slow
def test_a_copy_is_compiled_again_with_what_a_training_has_noted(source: Path) -> None:
    package = source / "resolver" / "compile" / "__init__.py"
    text = package.read_text()
    start, end = text.index("MODULES = ("), text.index("\n)\n")
    package.write_text(f'{text[:start]}MODULES = ("names",{text[end:]}')
    training = source / "resolver" / "compile" / "training.py"
    training.write_text(
        re.sub(r"^(OWNERS|NEW_NAMES|ROUNDS) = .*", r"\1 = 10", training.read_text(), flags=re.M)
    )
    command = [sys.executable, "-m", "resolver.compile", "copy"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"ROOTWARD_BUILD": "profile"}
    done = subprocess.run(
        command, cwd=source, env=environment, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 0, done.stderr
    assert "queries answered" in done.stdout
    assert next(source.glob("copy/made/**/*names.gcda"))
    assert next(source.glob("copy/resolver/names.*.so"))
    assert not source.joinpath("copy", "made", "noting").exists()
    assert source.joinpath("copy", "digest").read_text().endswith("with a profile")


def test_version_says_what_runs() -> None:
    command = [sys.executable, "-m", "resolver", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.rstrip().endswith(f", {how()})")
