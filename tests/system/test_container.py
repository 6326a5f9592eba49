"""The container file, as far as it can be followed without containers: what it copies becomes a
wheel, what is installed of that runs with the image's configuration, and it is healthy (O14)."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import pytest

from resolver.config.access import NEIGHBOURS
from resolver.config.load import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/container"
CONFIG = "/etc/rootward/config.toml"
BUILD = "import sys; from resolver.compile import backend; print(backend.build_wheel(sys.argv[1]))"
TIMEOUT_S = 30.0


@pytest.fixture(name="steps")
def read_steps_once() -> list[str]:
    return read_steps()


def read_steps() -> list[str]:
    """The instructions of the file, each on a line of its own."""
    text = (FOLDER / "Containerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def words(steps: list[str], instruction: str) -> list[str]:
    """The words of the last instruction of a kind that is written as a list."""
    (line,) = [x for x in steps if re.search(rf"^{instruction}\b.*\[", x)]
    found = json.loads(line[line.index("[") :])
    assert isinstance(found, list)
    return found


def test_it_serves_its_neighbours_and_nobody_else() -> None:
    config = load(FOLDER / "config.toml")
    assert config.recursion.enabled
    assert config.access.recursion == config.access.cache == NEIGHBOURS
    assert str(config.server.state_dir) == "/var/lib/rootward"


def test_it_is_nobody_with_rights(steps: list[str]) -> None:
    last = max(i for i, step in enumerate(steps) if step.startswith("FROM"))
    start = next(i for i, step in enumerate(steps) if step.startswith("ENTRYPOINT"))
    assert last < steps.index("USER rootward") < start
    ports = {address.port for address in load(FOLDER / "config.toml").server.listen}
    assert {f"EXPOSE {port}/udp {port}/tcp" for port in ports} <= set(steps)
    assert min(ports) > 1023


def copy_sources(steps: list[str], source: Path) -> None:
    """What the file copies to /src, and nothing else."""
    for step in steps:
        if not re.match(r"COPY .* /src\S*$", step):
            continue
        *names, target = step.split()[1:]
        place = source / Path(target).relative_to("/src")
        for name in names:
            if (ROOT / name).is_dir():
                leave = shutil.ignore_patterns("__pycache__", "*.so")
                shutil.copytree(ROOT / name, place, ignore=leave)
            else:
                place.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, place)


def clean_environment(**more: str) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | more


def install(source: Path, folder: Path) -> None:
    """Make a wheel of the source and unpack it."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(source)],
        cwd=source,
        env=clean_environment(ROOTWARD_BUILD="pure"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    zipfile.ZipFile(source / done.stdout.splitlines()[-1]).extractall(folder)


class Image:
    """What the file makes, in a folder: the program that is installed, and its configuration, with
    which it asks no root server for what is known to be local."""

    def __init__(self, folder: Path, steps: list[str]) -> None:
        self.folder = folder
        copy_sources(steps, folder / "src")
        install(folder / "src", folder / "opt")
        text = (FOLDER / "config.toml").read_text()
        text = re.sub(r"listen = .*", 'listen = ["127.0.0.1:0"]', text)
        text = text.replace("/var/lib/rootward", f"{folder}/state")
        (folder / "config.toml").write_text(f"{text}[recursion]\npriming = false\n")

    def start(self, arguments: list[str], output: Any = None) -> "subprocess.Popen[bytes]":
        given = [f"{self.folder}/config.toml" if word == CONFIG else word for word in arguments]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "resolver", *given],
            cwd=self.folder,
            env=clean_environment(PYTHONPATH=f"{self.folder}/opt"),
            stdout=subprocess.DEVNULL,
            stderr=output,
        )


def wait_until_ready(log: Path) -> int:
    until = time.monotonic() + TIMEOUT_S
    while "ready: 127.0.0.1#" not in (said := log.read_text()):
        assert time.monotonic() < until, said
        time.sleep(0.02)
    return int(said.rpartition("#")[2])


@pytest.mark.slow
@pytest.mark.loopback
def test_what_it_installs_runs_and_is_healthy(steps: list[str], tmp_path: Path) -> None:
    image = Image(tmp_path, steps)
    program, health = words(steps, "ENTRYPOINT"), words(steps, "HEALTHCHECK")
    assert program == health[:1] == ["rootward"]
    with (tmp_path / "log").open("wb") as output:
        process = image.start(words(steps, "CMD"), output)
    try:
        port = wait_until_ready(tmp_path / "log")
        query = dns.message.make_query("localhost", "A")
        reply = dns.query.udp(query, "127.0.0.1", TIMEOUT_S, port=port)
        assert reply.answer[0][0].to_text() == "127.0.0.1"
        assert image.start(health[1:]).wait(TIMEOUT_S) == 0
        # The templates are installed, too.
        assert image.start(["init", "primary", "--directory", "new"]).wait(TIMEOUT_S) == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
    finally:
        process.kill()
        process.wait()
