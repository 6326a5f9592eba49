"""The tables of zones: those in files, those in folders, those from other servers, and catalogs.

Field(description=…) is the help text that docs/config.md and editors show. Knows: the form of each
entry alone. Does not know: how entries depend on each other (config/rules.py), or zone data.

Sources: RFC 1996 and 5936 (what `also_notify`, `transfer` and `primaries` are about), RFC 2136 and
3007 (updates), RFC 1912 section 2.2 (dates as serials), RFC 8976 (digests), RFC 9432 (catalogs).
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from resolver.codes import META_TYPES, read_type, show_type
from resolver.config.access import AccessList
from resolver.config.entries import Peer, Section
from resolver.config.units import (
    Duration,
    FilePath,
    Items,
    Name,
    OptionalDuration,
    OptionalPath,
    show_toml,
)

SerialPolicy: TypeAlias = Literal["increment", "date", "unixtime", "file"]
DigestPolicy: TypeAlias = Literal["off", "check"]

_TRANSFER = "Who may transfer {} (AXFR, IXFR); absent: as `access.transfer`."
_UPDATE = (
    "Who may change anything in {} by dynamic update (RFC 2136); absent: as `access.update`, or "
    "nobody where `update_policy` is given."
)
_POLICY = (
    "What single keys may change beside that: "
    '`[{ key = "acme", names = ["_acme-challenge.example.test"], types = ["TXT"] }]`.'
)
_ALSO_NOTIFY = (
    "Servers to notify of a change, beside the zone's NS names; written like `primaries`."
)
_SERIAL = (
    "Serial after an update, and after an edit of the file that left it as it was: one more, "
    '`"date"` YYYYMMDDnn, `"unixtime"` seconds since 1970. With `"file"` an edit counts only '
    "when its serial is newer."
)
_SYNC = (
    "How long after an update the file is written anew, without its comments; 0: at once; "
    '`""`: never, and the journal alone has the updates.'
)
_ZONEMD = (
    '`"check"`: a version that does not fit its ZONEMD record, if it has one, is refused, from a '
    "file as from a primary. Checking takes some seconds for a million records."
)
_REVERSE = (
    "Keep a PTR record for every A and AAAA of {}, in those reverse zones of this server that are "
    "primary. PTR records from other hands are left alone."
)
_ALIAS_KEYS = (
    "Private zone signing keys of a zone that is signed elsewhere and has ALIAS records, to sign "
    "what these lend: files of `dnssec-keygen`, one for each algorithm of the zone, not open to "
    'every user: `["Kexample.test.+013+12345.private"]`.'
)
_ALIAS_VALIDITY = (
    "How long signatures made with `alias_keys` are valid; they are made anew after half of that. "
    "At least 4 days."
)
_CATALOG = "Name of the `[[catalog]]` that tells other servers of {}."
_CATALOG_GROUP = (
    "What kind of zone the catalog says that is (RFC 9432 section 4.3.2): servers that follow it "
    "may serve each group on other terms."
)
MAX_GROUP_CHARACTERS = 255


def _read_data_type(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = read_type(value) if isinstance(value, str) else None
    if found is None or found in META_TYPES:
        raise ValueError(f"must be the name of a record type, not {show_toml(value)}")
    return found


DataType = Annotated[
    int,
    PlainValidator(_read_data_type),
    PlainSerializer(show_type),
    WithJsonSchema({"type": "string", "examples": ["TXT", "A"], "x-kind": "record types"}),
]


class UpdateGrant(Section):
    """What whoever signs with one key may change in a zone."""

    key: Name = Field(description="Name of the `[[key]]`.")
    names: Items[Name] = Field(
        default=(), description="These names; empty: every name of the zone."
    )
    subtree: bool = Field(default=False, description="And every name below them.")
    types: Items[DataType] = Field(
        default=(),
        description="These record types; empty: all but SOA, NS and what signers make.",
    )


class MemberSettings(Section):
    """How zones out of a catalog are served."""

    primaries: Items[Peer] = Field(
        default=(), description="Where they are transferred from; empty: like the catalog."
    )
    transfer: AccessList | None = Field(
        default=None, description="Who may transfer them; absent: as the catalog."
    )
    also_notify: Items[Peer] = Field(default=(), description="Servers to notify of changes.")


class GroupSettings(MemberSettings):
    """How the zones of one group of a catalog are served (RFC 9432 section 4.3.2)."""

    name: str = Field(
        min_length=1,
        max_length=MAX_GROUP_CHARACTERS,
        description="The group, as the catalog calls it.",
    )


class ZoneSettings(Section):
    """One zone that this server is an authority for."""

    name: Name = Field(description="Origin of the zone.")
    role: Literal["primary", "secondary", "catalog"] = Field(
        default="primary",
        description='`"primary"`: the data is in `file`. `"secondary"`: it is transferred from '
        '`primaries`. `"catalog"`: a secondary, and a list of zones to be a secondary for, too '
        "(RFC 9432).",
    )
    file: OptionalPath = Field(
        default=None,
        description="Master file (RFC 1035 section 5). Required for a primary; a secondary keeps "
        "its copy in `server.state_dir`.",
    )
    primaries: Items[Peer] = Field(
        default=(),
        description='Where a secondary transfers from, in this order: `"192.0.2.1"` or '
        '`{ address = "192.0.2.2:5300", key = "NAME" }`.',
    )
    transfer: AccessList | None = Field(default=None, description=_TRANSFER.format("this zone"))
    also_notify: Items[Peer] = Field(default=(), description=_ALSO_NOTIFY)
    update: AccessList | None = Field(
        default=None,
        description=_UPDATE.format("this zone") + " Of a secondary: whose updates are passed on to "
        "its primaries; absent: nobody's.",
    )
    update_policy: Items[UpdateGrant] = Field(default=(), description=_POLICY)
    serial: SerialPolicy = Field(default="increment", description=_SERIAL)
    alias_keys: Items[FilePath] = Field(default=(), description=_ALIAS_KEYS)
    alias_validity: Duration = Field(default=1_209_600.0, description=_ALIAS_VALIDITY)
    watch: bool = Field(default=False, description="Read the file again when it changes.")
    zonefile_sync: OptionalDuration = Field(default=None, description=_SYNC)
    reverse: bool = Field(default=False, description=_REVERSE.format("this zone"))
    catalog: Name | None = Field(default=None, description=_CATALOG.format("this zone"))
    catalog_group: str = Field(
        default="", max_length=MAX_GROUP_CHARACTERS, description=_CATALOG_GROUP
    )
    zonemd: DigestPolicy = Field(default="off", description=_ZONEMD)
    members: MemberSettings | None = Field(
        default=None,
        description="Of a catalog: how its members differ from itself in `primaries`, `transfer` "
        "and `also_notify`.",
    )
    groups: Items[GroupSettings] = Field(
        default=(),
        description="Of a catalog: how members of a group differ from its other `members`, in "
        'these keys: `[{ name = "customers", transfer = ["none"] }]`. A member of several groups '
        "belongs to the first of them in this list.",
    )


class ZoneDirectorySettings(Section):
    """A folder of zones: every `*.zone` in it, named after the file. It is looked at all the time:
    a new file is served, a removed one is not."""

    path: FilePath = Field(description="The folder.")
    role: Literal["primary"] = Field(default="primary", description="Role of the zones in it.")
    transfer: AccessList | None = Field(default=None, description=_TRANSFER.format("these zones"))
    also_notify: Items[Peer] = Field(default=(), description=_ALSO_NOTIFY)
    update: AccessList | None = Field(default=None, description=_UPDATE.format("these zones"))
    update_policy: Items[UpdateGrant] = Field(default=(), description=_POLICY)
    serial: SerialPolicy = Field(default="increment", description=_SERIAL)
    watch: bool = Field(default=True, description="Read files again when they change.")
    zonefile_sync: OptionalDuration = Field(default=None, description=_SYNC)
    reverse: bool = Field(default=False, description=_REVERSE.format("these zones"))
    catalog: Name | None = Field(default=None, description=_CATALOG.format("these zones"))
    catalog_group: str = Field(
        default="", max_length=MAX_GROUP_CHARACTERS, description=_CATALOG_GROUP
    )
    zonemd: DigestPolicy = Field(default="off", description=_ZONEMD)


class CatalogSettings(Section):
    """A catalog made here (RFC 9432): a zone that lists the zones with its name as `catalog`, from
    which other servers learn what they are to be secondaries for."""

    name: Name = Field(description="Origin of the catalog.")
    transfer: AccessList | None = Field(default=None, description=_TRANSFER.format("the catalog"))
    also_notify: Items[Peer] = Field(
        default=(), description="Servers to notify of a change: a catalog has no NS names."
    )
    handover: Duration = Field(
        default=86_400.0,
        description="How long a zone that goes to another `[[catalog]]` stays in this one, which "
        "says so (`coo`, RFC 9432 section 4.3.1), for followers to hand it over with its data; 0: "
        "it leaves at once.",
    )
    handover_notice: Duration = Field(
        default=60.0,
        description="How long after that is said the other catalog lists it: followers must hear "
        "of it in this order.",
    )
