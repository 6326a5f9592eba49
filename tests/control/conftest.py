"""One server for all tests of control that do it no harm."""

from collections.abc import Iterator

import pytest
from controlled import CONFIG, Controlled, make_folder, tree

from resolver.testing import Loopback


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
