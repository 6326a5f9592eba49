"""Where peers are required, a test that skips for want of one fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.peer
@pytest.mark.skipif(True, reason="named is not installed")
def test_marked():
    pass

@pytest.fixture
def server():
    pytest.skip("nsd is not installed")

@pytest.mark.peer
def test_fixture(server):
    pass

@pytest.mark.skip(reason="groff is not installed")
def test_tool():
    pass

@pytest.mark.skip(reason="only on another system")
def test_not_about_peers():
    pass
"""
WHOLE_MODULE = 'import pytest\npytest.skip("no peers here", allow_module_level=True)\n'


def outcome(folder: Path, required: str) -> str:
    """The last line of a small suite that runs with this project's conftest.py."""
    (folder / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = peer: another server\n")
    (folder / "test_small.py").write_text(SUITE)
    (folder / "test_whole.py").write_text(WHOLE_MODULE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
        ],
        cwd=folder,
        env={
            **os.environ,
            "ROOTWARD_PEERS_REQUIRED": required,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.splitlines()[-1].rpartition(" in ")[0]


@pytest.mark.parametrize(
    ("required", "expected"), [("0", "5 skipped"), ("1", "1 skipped, 4 errors")]
)
def test_skips_of_peers_count_as_failures(tmp_path: Path, required: str, expected: str) -> None:
    assert outcome(tmp_path, required) == expected
