"""docs/doctor.md names every finding that there is, and none that there is not."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FINDING = re.compile(r"findings\.(?:error|warning|note)\(\s*\"([a-z0-9-]+)\"")
_NAMED = re.compile(r"^\| (`.*?) \| (?:error|warning|note)", re.M)


def test_page_and_doctor_agree() -> None:
    sources = (ROOT / "resolver" / "doctor").glob("*.py")
    codes = {code for file in sources for code in _FINDING.findall(file.read_text())}
    page = (ROOT / "docs" / "doctor.md").read_text()
    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(_NAMED.findall(page))))
    named |= set(re.findall(r"`(not-[a-z]+)` \((?:error|warning)\)", page))
    assert len(codes) >= 20
    assert named == codes
