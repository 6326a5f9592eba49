"""The file of cookie secrets: what it may hold, and who may read it."""

from pathlib import Path

import pytest

from resolver.app.cookie_secrets import read_cookie_secrets
from resolver.errors import ConfigError

ONE, TWO = "00112233445566778899aabbccddeeff", "FFEEDDCCBBAA99887766554433221100"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "cookies"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_first_secret_is_the_first_line(tmp_path: Path) -> None:
    path = written(tmp_path, f"# made in spring\n{ONE}\n\n  {TWO} # the one before\n")
    assert read_cookie_secrets(path) == (bytes.fromhex(ONE), bytes.fromhex(TWO))


def test_without_a_file_every_start_draws_another_secret() -> None:
    (one,), (other,) = read_cookie_secrets(None), read_cookie_secrets(None)
    assert len(one) == len(other) == 16
    assert one != other


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (f"{ONE}\nsecret\n", 2, "32 hexadecimal digits"),
        (f"{ONE[:-2]}\n", 1, "32 hexadecimal digits"),
        (f"{ONE}00\n", 1, "32 hexadecimal digits"),
        ("# nothing\n", 0, "no secret"),
        (f"{ONE}\n" * 5, 0, "more than 4"),
    ],
)
def test_faults_are_told_with_their_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_cookie_secrets(written(tmp_path, text))
    (finding,) = caught.value.findings
    assert (finding.line, finding.file) == (line, str(tmp_path / "cookies"))
    assert reason in finding.reason


@pytest.mark.parametrize(("mode", "reason"), [(0o644, "open to every user"), (0o602, "open to")])
def test_a_secret_that_everybody_can_read_is_none(tmp_path: Path, mode: int, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_cookie_secrets(written(tmp_path, ONE, mode))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_cookie_secrets(tmp_path / "none")
