"""docs/secondary.md works as it stands: its files are written, its commands run, in one shell.

Only the ports are changed, to ones that are free.
"""

from pathlib import Path

import pytest
from page_script import SLOW, PageScript

pytestmark = [pytest.mark.peer, pytest.mark.loopback, SLOW]

PAGE = PageScript("docs/secondary.md", ports=r"\b53\d\d\b", needs=("named", "tsig-keygen", "dig"))


def test_every_kind_of_block_is_there() -> None:
    assert PAGE.kinds() == {"sh": 8, "text": 4, "zone": 1, "toml": 3, "conf": 1}


def test_page_works(tmp_path: Path) -> None:
    PAGE.run(tmp_path)
