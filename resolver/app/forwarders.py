"""The resolvers of forward zones, and the certificates by which those that speak TLS are known.

Reads the files of certificates whole, so that connections need no disk and a reload takes up what
has changed. Does not know: connections, or who is asked when.
"""

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from resolver.config.entries import ForwarderSettings, ForwardSettings
from resolver.config.units import DNS_PORT, show_name
from resolver.errors import ConfigError, Finding
from resolver.model import Address
from resolver.net.tls_context import client_context
from resolver.tls import Proof, TlsAddress

TLS_PORT = 853
MAX_CA_FILE_OCTETS = 4 * 1024 * 1024
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def forwarders(
    entries: Iterable[ForwarderSettings], authorities: Mapping[Path, str]
) -> tuple[Address, ...]:
    """Where they are asked. Port 53 is not for TLS (RFC 7858 section 3.1), so it means 853 there;
    `authorities` are as read_authorities gives them."""
    return tuple(_forwarder(entry, authorities) for entry in entries)


def _forwarder(entry: ForwarderSettings, authorities: Mapping[Path, str]) -> Address:
    if entry.tls_name is None:
        return entry.address
    ip, port = entry.address
    trusted = "" if entry.ca is None else authorities[entry.ca]
    client_context(trusted)  # read what the system trusts now, not while questions wait
    proof = Proof(show_name(entry.tls_name), trusted)
    return TlsAddress(ip, TLS_PORT if port == DNS_PORT else port, proof)


def read_authorities(entries: Iterable[ForwardSettings]) -> dict[Path, str]:
    """The certificates of every `ca`, as PEM text. Raises ConfigError with the faults of all."""
    found: dict[Path, str] = {}
    faults: list[Finding] = []
    for path in dict.fromkeys(e.ca for entry in entries for e in entry.to if e.ca is not None):
        try:
            found[path] = _read_certificates(path)
        except ConfigError as error:
            faults += error.findings
    if faults:
        raise ConfigError(faults)
    return found


def _read_certificates(path: Path) -> str:
    """What stands between the marks in a file. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_CA_FILE_OCTETS + 1)
    except OSError as error:
        raise _fault(path, 0, f"cannot be read: {error.strerror}") from None
    if len(octets) > MAX_CA_FILE_OCTETS:
        raise _fault(path, 0, f"more than {MAX_CA_FILE_OCTETS} octets")
    blocks: list[str] = []
    began: int | None = None
    lines = octets.decode("ascii", "replace").splitlines()
    for i, line in enumerate(lines):
        if line.strip() == _BEGIN:
            began = i
        elif line.strip() == _END and began is not None:
            blocks.append("\n".join(lines[began : i + 1]) + "\n")
            _try(path, began + 1, blocks[-1])
            began = None
    if began is not None:
        raise _fault(path, began + 1, "a certificate that does not end")
    if not blocks:
        raise _fault(path, 1, "no certificate (PEM) in it")
    return "".join(blocks)


def _try(path: Path, line: int, block: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=block)
    except (ssl.SSLError, ValueError):
        raise _fault(path, line, "not a certificate") from None


def _fault(path: Path, line: int, reason: str) -> ConfigError:
    return ConfigError([Finding(str(path), line, reason)])
