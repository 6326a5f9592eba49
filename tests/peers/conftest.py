import shutil
from collections.abc import Iterator

import peer_servers
import pytest


@pytest.fixture(scope="session")
def named_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from _port("named", tmp_path_factory)


@pytest.fixture(scope="session")
def nsd_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from _port("nsd", tmp_path_factory)


def _port(name: str, factory: pytest.TempPathFactory) -> Iterator[int]:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    with peer_servers.running(name, factory.mktemp(name)) as port:
        yield port
