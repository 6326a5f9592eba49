"""The tables of the configuration that may occur many times: keys, forwarders, stubs; those of
zones are in config/zones.py.

Field(description=…) is the help text that docs/config.md and editors show. Knows: the form of each
entry alone. Does not know: how entries depend on each other (config/rules.py), or zone data.

Source: RFC 8945 section 6 (TSIG algorithms).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from resolver.config.units import FilePath, Items, Name, OptionalPath, ServerAddress, read_server


class Section(BaseModel):
    """What every table has in common: immutable, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class PeerSettings(Section):
    """Another server, and the key that its messages are signed with."""

    address: ServerAddress = Field(description="Where the server is; port 53 if not given.")
    key: Name | None = Field(default=None, description="Name of a `[[key]]`; absent: unsigned.")


def _read_peer(value: object) -> object:
    return {"address": read_server(value)} if isinstance(value, str) else value


class _AddressOrTable:
    """Tells editors that a peer may be written as bare text."""

    @staticmethod
    def __get_pydantic_json_schema__(core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "examples": ["192.0.2.1"]}, handler(core)]}


Peer = Annotated[PeerSettings, BeforeValidator(_read_peer), _AddressOrTable]


class KeySettings(Section):
    """A secret shared with another server (TSIG, RFC 8945)."""

    name: Name = Field(description="Name of the key; both sides must use the same.")
    algorithm: Literal[
        "hmac-sha256",
        "hmac-sha384",
        "hmac-sha512",
        "hmac-sha224",
        "hmac-sha256-128",
        "hmac-sha384-192",
        "hmac-sha512-256",
        "hmac-sha1",
        "hmac-md5",
    ] = Field(default="hmac-sha256", description="HMAC algorithm.")
    secret_file: FilePath = Field(
        description="File that holds the secret: in base64 and nothing else, or as "
        '`key "NAME" { algorithm …; secret "…"; };`, which is what `tsig-keygen` writes. It must '
        "not be open to every user."
    )
    mac_octets: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Octets of a signature that are sent and the least that is accepted; "
        "0: all of it.",
    )


class ForwarderSettings(Section):
    """A resolver to ask, and how it proves who it is."""

    address: ServerAddress = Field(
        description="Where the resolver is; port 53 if not given, 853 with `tls_name`."
    )
    tls_name: Name | None = Field(
        default=None,
        description="Ask over TLS, never otherwise; the certificate must be for this name.",
    )
    ca: OptionalPath = Field(
        default=None,
        description="Certificates (PEM) of who may have signed that of the resolver, or its own; "
        "absent: those that the system trusts.",
    )


Forwarder = Annotated[ForwarderSettings, BeforeValidator(_read_peer), _AddressOrTable]


class ForwardSettings(Section):
    """A name below which questions go to other resolvers instead of being iterated."""

    name: Name = Field(description='This name and all below it; `"."` forwards everything.')
    to: Items[Forwarder] = Field(
        min_length=1,
        description="Resolvers to ask. A table with `tls_name`, the name in its certificate, is "
        "asked over TLS and never otherwise, at port 853 if none is given; `ca` is a file of "
        "certificates to trust for it instead of those of the system.",
    )
    mode: Literal["only", "first", "fallback"] = Field(
        default="only",
        description='`"first"`: iterate when the forwarders fail. `"fallback"`: iterate, and ask '
        "the forwarders when that fails.",
    )


class StubSettings(Section):
    """A zone whose servers are known here instead of being looked up from the root."""

    name: Name = Field(description="Origin of the zone.")
    to: Items[ServerAddress] = Field(min_length=1, description="Its authoritative servers.")


class LocalSettings(Section):
    """An overlay: these records are answered here, the rest of the tree resolves normally."""

    records: Items[str] = Field(
        default=(),
        description='Records in presentation format: `"www.example.net. 300 A 192.0.2.99"`.',
    )
    hosts: Items[FilePath] = Field(default=(), description="Files in the format of `/etc/hosts`.")
    block: Items[FilePath] = Field(
        default=(),
        description="Block lists: one name a line, hosts files, or rules `||NAME^` of ad blockers. "
        "These names and everything below them do not exist.",
    )
    block_answer: Literal["nxdomain", "zero"] = Field(
        default="nxdomain",
        description='How blocked names are answered: `"zero"` gives them `0.0.0.0` and `::`.',
    )
    allow: Items[Name] = Field(
        default=(),
        description="Names that, with everything below them, the block lists of this entry do not "
        "hold for.",
    )
    watch: bool = Field(
        default=True, description="Read a file of this entry again when it has changed."
    )
