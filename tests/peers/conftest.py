from collections.abc import Iterator

import peer_servers
import pytest


@pytest.fixture(scope="session")
def named_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from peer_servers.port_of("named", tmp_path_factory)


@pytest.fixture(scope="session")
def nsd_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    yield from peer_servers.port_of("nsd", tmp_path_factory)
