"""Reads the file of cookie secrets, and draws one where there is none.

One secret a line, 32 hexadecimal digits as in BIND's `cookie-secret`, NSD's and Unbound's
`cookie-secret-file`; `#` begins a comment. The file must not be open to every user, as with the
secrets of keys (app/key_files.py).
"""

import os
from pathlib import Path

from resolver.app.key_files import read_secret_text
from resolver.errors import ConfigError, Finding
from resolver.policy.cookies import SECRET_OCTETS
from resolver.policy.keys import KeyFileError

# Rolling over takes two; each more costs a hash for every forged cookie.
MAX_SECRETS = 4


def read_cookie_secrets(path: Path | None) -> tuple[bytes, ...]:
    """The secrets, the one that makes cookies first. Raises ConfigError with every fault."""
    if path is None:
        return (os.urandom(SECRET_OCTETS),)
    try:
        lines = read_secret_text(path).splitlines()
    except KeyFileError as fault:
        raise ConfigError([Finding(str(path), fault.line, f"cookie secrets: {fault}")]) from None
    secrets: list[bytes] = []
    faults: list[Finding] = []
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            secret = bytes.fromhex(text)
        except ValueError:
            secret = b""
        if len(secret) != SECRET_OCTETS:
            reason = f"a secret is {2 * SECRET_OCTETS} hexadecimal digits"
            faults.append(Finding(str(path), number, reason))
        secrets.append(secret)
    if not secrets:
        faults.append(Finding(str(path), 0, "there is no secret in it"))
    elif len(secrets) > MAX_SECRETS:
        faults.append(Finding(str(path), 0, f"more than {MAX_SECRETS} secrets"))
    if faults:
        raise ConfigError(faults)
    return tuple(secrets)
