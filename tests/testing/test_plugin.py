"""The fixtures, in a pytest of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

TESTS = """
from resolver.testing import zone

def test_world(internet, world, clock):
    internet.root(".", "198.51.100.1", zone(".", "www.example. 60 A 192.0.2.7"))
    assert world.ask("www.example.")[0].addresses == ["192.0.2.7"]
    clock.advance(20)
    answer, watch = world.ask("www.example.")
    assert (answer.ttl, watch.asked()) == (40, 0)

def test_worlds_are_apart(internet):
    assert internet.servers == []

def test_on_loopback(internet, on_loopback):
    internet.root(".", "198.51.100.1")
    assert on_loopback().address("198.51.100.1") == "127.51.100.1"
"""


def run_python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_fixtures(tmp_path: Path):
    (tmp_path / "test_inner.py").write_text(TESTS)
    # As the entry point does, whether the package is installed or not.
    plugin = ["-p", "no:rootward", "-p", "resolver.testing.plugin", "-p", "no:cacheprovider"]
    done = run_python("-m", "pytest", "-q", *plugin, cwd=tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_plugin_imports_nothing_heavy(tmp_path: Path):
    code = (
        "import sys, pytest, resolver.testing.plugin\n"
        "heavy = {'dnslib', 'pydantic', 'asyncio', 'resolver.resolve'} & set(sys.modules)\n"
        "print(sorted(heavy))"
    )
    assert run_python("-c", code, cwd=tmp_path).stdout == "[]\n"


def test_a_missing_dnslib_is_told(tmp_path: Path):
    code = (
        "import sys\n"
        "sys.modules['dnslib'] = None\n"
        "try:\n"
        "    from resolver.testing import Internet\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    done = run_python("-c", code, cwd=tmp_path)
    assert done.stdout == "resolver.testing needs dnslib: pip install 'rootward[testing]'\n"
