"""Reads the secret files of the configuration: keys shared with others, and private keys of zones.

A secret that every user of the machine can read or write is none: such a file is refused. A group
may read it, since that is how a server without privileges gets at a file of root's.
"""

import stat
from collections.abc import Sequence
from pathlib import Path

from resolver import names
from resolver.config.entries import KeySettings
from resolver.config.zones import ZoneSettings
from resolver.errors import ConfigError, Finding
from resolver.policy.keys import MAX_SECRET_FILE_OCTETS, KeyFileError, doubts, make_key
from resolver.wire.tsig import Key
from resolver.zone.private_key import PrivateKeyError, read_private_key
from resolver.zone.signer import SigningKey


def read_keys(entries: Sequence[KeySettings]) -> tuple[dict[bytes, Key], list[Finding]]:
    """The keys by lower-case name, and warnings. Raises ConfigError with the faults of all."""
    keys: dict[bytes, Key] = {}
    errors: list[Finding] = []
    warnings: list[Finding] = []
    for entry in entries:
        file = str(entry.secret_file)
        try:
            key = make_key(entry, read_secret_text(entry.secret_file))
        except KeyFileError as fault:
            errors.append(Finding(file, fault.line, f"key {names.show(entry.name)}: {fault}"))
            continue
        keys[entry.name] = key
        warnings += [Finding(file, 0, f"key {names.show(key.name)}: {d}") for d in doubts(key)]
    if errors:
        raise ConfigError(errors)
    return keys, warnings


def read_alias_keys(
    zones: Sequence[ZoneSettings],
) -> tuple[dict[bytes, tuple[SigningKey, ...]], list[Finding]]:
    """The keys that sign what ALIAS records lend by origin, and the faults of all. A zone with a
    fault is left out."""
    keys: dict[bytes, tuple[SigningKey, ...]] = {}
    faults: list[Finding] = []
    for zone in zones:
        read = [read_signing_key(path) for path in zone.alias_keys]
        good = tuple(key for key in read if isinstance(key, SigningKey))
        faults += (key for key in read if isinstance(key, Finding))
        if read and len(good) == len(read):
            keys[zone.name] = good
    return keys, faults


def read_signing_key(path: Path) -> SigningKey | Finding:
    """The private key of a file, or what is wrong with it."""
    try:
        return SigningKey(str(path), read_private_key(read_secret_text(path)))
    except KeyFileError as fault:
        return Finding(str(path), fault.line, str(fault))
    except PrivateKeyError as fault:
        return Finding(str(path), 0, str(fault))


def read_secret_text(path: Path) -> str:
    """The text of a file that only its owner and a group may read. Raises KeyFileError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            octets = file.read(MAX_SECRET_FILE_OCTETS + 1)
    except OSError as error:
        raise KeyFileError(0, f"cannot be read: {error.strerror}") from None
    if mode & stat.S_IRWXO:
        raise KeyFileError(0, f"open to every user (mode {mode:03o}); chmod o= {path}")
    if len(octets) > MAX_SECRET_FILE_OCTETS:
        raise KeyFileError(0, f"more than {MAX_SECRET_FILE_OCTETS} octets")
    try:
        return octets.decode("ascii")
    except UnicodeDecodeError:
        raise KeyFileError(0, "not text: a secret is to be in base64 or hexadecimal") from None
