"""Links between pages lead somewhere, and every page can be found from README.md.

Pictures are left out: those of docs/performance.md are there once everything has been measured.
"""

import re
from pathlib import Path

import pytest
from page_script import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s:]*)(?:#([^)\s]+))?\)")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for file, anchor in _LINK.findall(page.read_text()):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), f"{file}#{anchor}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {file for file, _ in _LINK.findall(PAGES[0].read_text())}
    assert {str(page.relative_to(ROOT)) for page in PAGES[1:]} <= linked
