"""Zones signed with throw-away keys by dnssec-signzone (BIND), in three ways."""

import base64
import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from resolver import names

# How absence is denied: the options of dnssec-signzone, and of NSEC3 the salt and iterations.
WAYS = {
    "nsec": [],
    "nsec3": ["-3", "ABCD", "-H", "2"],
    "opt-out": ["-3", "-", "-H", "0", "-A"],
}
PARAMETERS = {"nsec3": (b"\xab\xcd", 2), "opt-out": (b"", 0)}
TOOLS = ("dnssec-keygen", "dnssec-signzone")


def missing_tools() -> list[str]:
    """What is needed here and not installed."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def sign(files: Iterable[Path], directory: Path, way: str, *options: str) -> Path:
    """Sign master files, each named after its origin, into a new directory, which is returned. The
    keys stay there, too."""
    directory.mkdir()
    for file in files:
        origin = file.stem
        for flags in ([], ["-f", "KSK"]):
            run("dnssec-keygen", "-q", "-K", directory, "-a", "ECDSAP256SHA256", *flags, origin)
        signed = directory / file.name
        # Not verified by the signer (-P): some of our zones hold what nobody should sign.
        how = ["-q", "-P", "-S", "-K", directory, "-d", directory, *WAYS[way], *options]
        run("dnssec-signzone", *how, "-o", origin, "-f", signed, file)
    return directory


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a tool says on standard output; its complaints become ours."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=cwd)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def hashed(name: str, way: str) -> str:
    """The first label of the NSEC3 record of a name."""
    salt, iterations = PARAMETERS[way]
    digest = hashlib.sha1(names.read(name).lower() + salt).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt).digest()
    return base64.b32hexencode(digest).decode().lower()
