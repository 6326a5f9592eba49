"""Secret files: both formats, what is wrong with them, and who may read them."""

import base64
from pathlib import Path

import pytest

from resolver import names
from resolver.app.key_files import read_keys
from resolver.config.entries import KeySettings
from resolver.errors import ConfigError
from resolver.policy.keys import KeyFileError, doubts, make_key

SECRET = bytes(range(32))
BASE64 = base64.b64encode(SECRET).decode()
NAME = names.read("k1.example.")
BIND = 'key "K1.example" {\n\talgorithm hmac-sha512;\n\tsecret "' + BASE64 + '";\n};\n'


def settings(**values: object) -> KeySettings:
    return KeySettings(name="k1.example.", secret_file="k", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", [BASE64, BASE64 + "\n", f"  {BASE64[:20]}\n{BASE64[20:]}\n\n"])
def test_bare_secret(text: str) -> None:
    key = make_key(settings(), text)
    assert (key.name, key.secret, key.algorithm.digest) == (NAME, SECRET, "sha256")


@pytest.mark.parametrize(
    "text",
    [
        BIND,
        BIND.replace("\n", " "),
        BIND.replace('"K1.example"', "k1.example."),
        BIND.rstrip().rstrip(";"),
        f'# made by hand\n/* key "x" {{ }}; */ {BIND} // the end',
        'key other { algorithm hmac-md5; secret "AAAA"; };\n' + BIND,
        f'key "k1.example" {{ secret "{BASE64}"; algorithm "HMAC-SHA512"; }};',
    ],
)
def test_statement_as_tsig_keygen_writes_it(text: str) -> None:
    key = make_key(settings(), text)
    assert (key.name, key.secret, key.algorithm.digest) == (NAME, SECRET, "sha512")


def test_two_slashes_in_a_secret_are_no_comment() -> None:
    text = 'key "k1.example" { algorithm hmac-sha256; secret "ab//cdefab//cdefab//cQ=="; };'
    assert make_key(settings(), text).secret == base64.b64decode("ab//cdefab//cdefab//cQ==")
    assert make_key(settings(), "ab//cdefab//cdefab//cQ==").secret


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "no secret"),
        ("not base64!\n", 1, "not base64"),
        ("AAA", 1, "not base64"),
        (BIND.replace(BASE64, "###"), 1, "not base64"),
        (BIND.replace("K1", "k2"), 0, "no key k1.example. in it, only: k2.example."),
        (BIND.replace("algorithm", "algo"), 1, "not of the form"),
        (BIND.replace("sha512", "sha513"), 1, "unknown algorithm hmac-sha513"),
        ("\n\n" + BIND[:30], 3, "not of the form"),
    ],
)
def test_fault_is_told_with_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason) as caught:
        make_key(settings(), text)
    assert caught.value.line == line


def test_algorithm_must_be_the_same_in_both_places_when_both_tell() -> None:
    with pytest.raises(KeyFileError, match="hmac-sha512 here, hmac-sha256 in the configuration"):
        make_key(settings(algorithm="hmac-sha256"), BIND)
    assert make_key(settings(algorithm="hmac-sha512"), BIND).algorithm.digest == "sha512"


def test_length_of_macs_is_checked() -> None:
    assert make_key(settings(mac_octets=16), BASE64).wanted_octets == 16
    with pytest.raises(KeyFileError, match="16 to 32 octets, not 12"):
        make_key(settings(mac_octets=12), BASE64)


def test_weak_keys_raise_doubts() -> None:
    assert doubts(make_key(settings(), BASE64)) == []
    assert "3 octets" in doubts(make_key(settings(), "AAAA"))[0]
    assert "obsolete" in doubts(make_key(settings(algorithm="hmac-md5"), BASE64))[0]


def entry(path: Path) -> KeySettings:
    return KeySettings(name="k1.example.", secret_file=path)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_file_for_owner_and_group_is_read(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "k"
    file.write_text(BASE64)
    file.chmod(mode)
    keys, warnings = read_keys([entry(file)])
    assert list(keys) == [NAME]
    assert warnings == []


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o666])
def test_file_open_to_everybody_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "k"
    file.write_text(BASE64)
    file.chmod(mode)
    with pytest.raises(ConfigError, match=f"mode {mode:03o}") as caught:
        read_keys([entry(file)])
    assert BASE64 not in str(caught.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"\xff\xfe")
    bad.chmod(0o600)
    large = tmp_path / "large"
    large.write_bytes(b"A" * 100_000)
    large.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read_keys([entry(tmp_path / "gone"), entry(bad), entry(large)])
    reasons = [f.reason for f in caught.value.findings]
    assert len(reasons) == 3
    assert "No such file" in reasons[0]
    assert "not text" in reasons[1]
    assert "more than" in reasons[2]


def test_weak_key_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "k"
    file.write_text("AAAA")
    file.chmod(0o600)
    _, warnings = read_keys([entry(file)])
    assert [w.file for w in warnings] == [str(file)]
