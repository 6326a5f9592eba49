"""One server for all tests of control that do it no harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from controlled import OWN, Controlled, tree

from resolver.testing import Loopback

CONFIG = """\
[server]
listen = ["127.0.0.1:0"]
state_dir = "var"
[outgoing]
port = {port}
[recursion]
root_hints = "root.hints"
do_not_query = []
[control]
read_only_socket = "look.sock"
[[zone]]
name = "own.test"
file = "own.zone"
"""


@pytest.fixture(scope="session")
def loopback() -> Iterator[Loopback]:
    with Loopback(tree()) as up:
        yield up


@pytest.fixture(scope="session")
def control(loopback: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controlled]:
    folder = make_folder(tmp_path_factory.mktemp("ctl"))
    loopback.write_hints(folder / "root.hints")
    controlled = Controlled(folder, CONFIG.format(port=loopback.port))
    yield controlled
    controlled.end()


def make_folder(folder: Path) -> Path:
    (folder / "own.zone").write_text(OWN)
    return folder
