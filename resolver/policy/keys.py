"""The keys of the configuration: from a `[[key]]` and the text of its secret file to a TSIG key.

A secret file holds the secret in base64 and nothing else, or `key "name" { … };` statements as
BIND's tsig-keygen writes them; then name and algorithm there must be those of the configuration.

Knows: RFC 8945 sections 6 and 8, the two file formats. Does not know: the disk, who may read a file
(app/key_files.py), messages.
"""

import base64
import binascii
import re
from typing import NamedTuple

from resolver import names
from resolver.config.entries import KeySettings
from resolver.errors import NameSyntaxError
from resolver.wire.tsig import ALGORITHMS, Key

# RFC 8945 section 8 wants secrets as long as the hash; below this they can be guessed.
LEAST_SECRET_OCTETS = 16
MAX_SECRET_FILE_OCTETS = 64 * 1024

# What is quoted is no comment: base64 may have two slashes in a row.
_COMMENT = re.compile(r'"[^"]*"|/\*.*?\*/|//[^\n]*|#[^\n]*', re.S)
_TOKEN = re.compile(r'"([^"]*)"|([{};])|([^\s{};"]+)')


class KeyFileError(ValueError):
    """Why a file gives no key; `line` counts from 1, 0 is the file as a whole."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class _Statement(NamedTuple):
    line: int
    algorithm: str
    secret: str


def make_key(settings: KeySettings, text: str) -> Key:
    """The key of a configuration entry, `text` being what stands in its file.

    Raises KeyFileError.
    """
    algorithm = settings.algorithm
    line, secret = 1, text
    statements = _statements(text)
    if statements is not None:
        found = statements.get(settings.name)
        if found is None:
            present = ", ".join(map(names.show, statements)) or "none"
            raise KeyFileError(0, f"no key {names.show(settings.name)} in it, only: {present}")
        line, told, secret = found
        if told not in ALGORITHMS:
            raise KeyFileError(line, f"unknown algorithm {told}")
        if "algorithm" in settings.model_fields_set and told != algorithm:
            raise KeyFileError(line, f"algorithm {told} here, {algorithm} in the configuration")
        algorithm = told  # type: ignore[assignment]  # one of the names of ALGORITHMS
    octets = _read_secret(secret, line)
    try:
        return Key(settings.name, ALGORITHMS[algorithm], octets, settings.mac_octets)
    except ValueError as error:
        raise KeyFileError(0, str(error)) from None


def doubts(key: Key) -> list[str]:
    """What is allowed and not wise."""
    found = []
    if len(key.secret) < LEAST_SECRET_OCTETS:
        found.append(
            f"the secret has {len(key.secret)} octets; fewer than {LEAST_SECRET_OCTETS} can be"
            " guessed"
        )
    if key.algorithm.digest in ("md5", "sha1"):
        found.append(f"hmac-{key.algorithm.digest} is obsolete (RFC 8945 section 6)")
    return found


def _read_secret(text: str, line: int) -> bytes:
    packed = "".join(text.split())
    if not packed:
        raise KeyFileError(line, "there is no secret in it")
    try:
        return base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise KeyFileError(line, "the secret is not base64") from None


def _statements(text: str) -> dict[bytes, _Statement] | None:
    """The `key` statements by lower-case name; None for a text that has none."""
    plain = _COMMENT.sub(_without_comment, text)
    tokens = [
        (match[1] if match[1] is not None else match[0], plain.count("\n", 0, match.start()) + 1)
        for match in _TOKEN.finditer(plain)
    ]
    if not tokens or tokens[0][0] != "key" or len(tokens) < 3:
        return None
    found: dict[bytes, _Statement] = {}
    at = 0
    while at < len(tokens):
        name, statement, at = _statement(tokens, at)
        found[name] = statement
    return found


def _without_comment(match: re.Match[str]) -> str:
    return match[0] if match[0].startswith('"') else "\n" * match[0].count("\n")


def _statement(tokens: list[tuple[str, int]], at: int) -> tuple[bytes, _Statement, int]:
    """One `key NAME { … };` from tokens[at] on, and the index behind it."""
    line = tokens[at][1]
    words = [word for word, _ in tokens[at : at + 10]]
    settings = dict(zip(words[3:9:3], words[4:9:3], strict=False))
    frame = (words[0], words[2:3], words[5:6], words[8:])
    if frame != ("key", ["{"], [";"], [";", "}"]) or set(settings) != {"algorithm", "secret"}:
        wanted = 'key "NAME" { algorithm NAME; secret "BASE64"; };'
        raise KeyFileError(line, f"not of the form: {wanted}")
    at += 10
    if at < len(tokens) and tokens[at][0] == ";":
        at += 1
    try:
        name = names.read(words[1]).lower()
    except NameSyntaxError as error:
        raise KeyFileError(line, str(error)) from None
    algorithm = settings["algorithm"].lower().rstrip(".").removesuffix(".sig-alg.reg.int")
    return name, _Statement(line, algorithm, settings["secret"]), at
