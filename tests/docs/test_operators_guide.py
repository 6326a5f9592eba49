"""docs/guide.md works as it stands, on an Internet of three name servers."""

from pathlib import Path

import pytest
from page_script import SLOW, PageScript

from resolver.testing import Internet, Loopback, zone

pytestmark = [pytest.mark.loopback, pytest.mark.slow, SLOW]

PAGE = PageScript("docs/guide.md", ports=r"\b53[19]\d\b", needs=("dig", "curl"))
# What the reader does not need: where this Internet is.
ROOT = """
[recursion]
root_hints = "root.hints"
do_not_query = []
[outgoing]
port = {port}
"""


def test_guide_works(tmp_path: Path) -> None:
    net = Internet()
    net.root(".", "198.51.100.1")
    net.host("com.", "198.51.100.2")
    net.host("example.com.", "198.51.100.3", zone("example.com.", "www A 192.0.2.7"))
    with Loopback(net) as up:
        up.write_hints(tmp_path / "root.hints")
        PAGE.run(tmp_path, also={"config.toml": ROOT.format(port=up.port)})
