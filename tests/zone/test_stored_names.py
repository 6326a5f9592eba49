"""Names of a version as octets for the journal come back as they were."""

import pytest
from versions import ORIGIN, version

from resolver.zone.storage import pack_zone, unpack_names
from resolver.zone.table import Edit


@pytest.mark.parametrize("records", [1, 67, 68, 69, 2_000])
def test_a_node_of_any_size_comes_back(records: int) -> None:
    """Some are a little smaller and larger than 1,024 octets."""
    zone = version(1, "".join(f"a TXT x{number:04}xxxxxxx\n" for number in range(records)))
    nodes: Edit[bytes] = Edit()
    for chunk in pack_zone(zone):
        unpack_names(chunk, nodes)
    assert dict(nodes.seal().items()) == dict(zone.nodes.items())
    assert nodes.get(b"\1a" + ORIGIN) is not None
