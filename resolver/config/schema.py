"""The configuration: every key, its type, its careful default, and its help text.

`Config()` is what runs without a file. Each section is a frozen model that is handed to whoever it
is for; hot code copies what it needs out of it at start. Times are seconds, sizes octets, names
lower-case wire form. docs/config.md and docs/config.schema.json are made from these classes
(config/reference.py).

Knows: keys and units. Does not know: files and lines (config/load.py), or what is built yet
(config/unbuilt.py). Sources of the defaults: RFC 9715 (UDP size), RFC 7766 section 6.2.3 (idle
time), RFC 9156 (minimisation), RFC 8767 (stale data), RFC 2308 section 5 (negative TTL).
"""

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from resolver.config.access import ANYBODY, NEIGHBOURS, NOBODY, AccessList
from resolver.config.entries import (
    ForwardSettings,
    KeySettings,
    LocalSettings,
    Section,
    StubSettings,
)
from resolver.config.monitoring import MetricsSettings
from resolver.config.protection import CookieSettings, RateLimitSettings
from resolver.config.recorder import RecorderSettings
from resolver.config.rules import check
from resolver.config.secondary import SecondarySettings
from resolver.config.units import (
    Duration,
    FilePath,
    Ip,
    Items,
    ListenAddress,
    Name,
    OptionalPath,
    Prefix,
    Size,
    read_name,
    show_name,
    show_toml,
)
from resolver.config.zones import CatalogSettings, ZoneDirectorySettings, ZoneSettings
from resolver.model import Address

DAY_S = 86400.0
HOUR_S = 3600.0
MIB_OCTETS = 1024 * 1024
# RFC 6891 section 6.2.3: smaller counts as 512; section 6.2.5 suggests 4096 as the largest to try.
MIN_UDP_OCTETS = 512
MAX_UDP_OCTETS = 4096

UdpSize = Annotated[int, Field(ge=MIN_UDP_OCTETS, le=MAX_UDP_OCTETS)]
_NEVER_ASKED = ("127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128")


class ServerSettings(Section):
    """The process: where it listens and what it tells about itself."""

    listen: Items[ListenAddress] = Field(
        default=(Address("127.0.0.1", 1053), Address("::1", 1053)),
        description='Addresses for UDP and TCP: `"192.0.2.1"` (port 53), `"192.0.2.1:1053"`, '
        '`"[2001:db8::1]:1053"`; `"0.0.0.0"` and `"::"` are all addresses of a family.',
    )
    user: str = Field(
        default="", description='User to become after binding; `""` stays who started it.'
    )
    state_dir: FilePath = Field(
        default=Path("var"),
        description="Folder for journals, copies of secondary zones and the cache snapshot.",
    )
    identity: str = Field(
        default="",
        description="Told to whoever asks for NSID (RFC 5001) or `id.server` (RFC 4892); "
        '`""` hides it.',
    )
    version: str = Field(default="", description='Answer to `version.bind`; `""` hides it.')
    minimal_responses: bool = Field(
        default=True,
        description="Leave authority and additional data out where nothing needs it.",
    )
    any: Literal["minimal", "full", "hinfo"] = Field(
        default="minimal",
        description="Answer to queries for ANY and RRSIG in own zones (RFC 8482): `minimal` is one "
        "RRset over UDP and all over TCP, `full` all over both, `hinfo` a made-up HINFO record for "
        "ANY where the answer is not signed.",
    )
    udp_max_size: UdpSize = Field(
        default=1232, description="Longest UDP response in octets, whatever the client accepts."
    )
    waiting_per_network: int = Field(
        default=1000,
        ge=1,
        le=1_000_000,
        description="Questions over UDP from one network (/24, /56) that may wait for other "
        "servers; more are dropped. No client has more of these places than are free, so one "
        "alone has half of them.",
    )
    discard_after: Duration = Field(
        default=1.9,
        description="When many of one network wait, a reply over UDP that took longer is not sent, "
        "so that nobody can have thousands of them sent at once (DNSBomb); 0 sends all. A few who "
        "wait long always get theirs.",
    )
    tcp_idle_timeout: Duration = Field(
        default=10.0, description="How long a TCP connection may be silent before it is closed."
    )
    tcp_connections: int = Field(
        default=1000, ge=1, le=1_000_000, description="TCP connections open at the same time."
    )
    transfers_out: int = Field(
        default=10,
        ge=0,
        le=10_000,
        description="Zone transfers handed out at the same time; one more gets SERVFAIL and tries "
        "again later.",
    )
    transfers_out_per_client: int = Field(
        default=5, ge=0, le=10_000, description="How many of them go to one address."
    )
    notify_name_servers: bool = Field(
        default=True,
        description="Tell the name servers of a zone of every change (NOTIFY), not only those in "
        "its `also_notify`.",
    )
    keep_file_versions: int = Field(
        default=100_000,
        ge=0,
        le=100_000_000,
        description="Zones from files that somebody may transfer are kept in the journal as they "
        "were last served, if they have at most so many records: a file that was edited while the "
        "server was stopped then reaches secondaries as a difference. 0: none.",
    )
    workers: int = Field(
        default=1, ge=1, le=256, description="Processes that share the listening addresses."
    )


class AccessSettings(Section):
    """Who may ask for what. Each is a list of prefixes, `"any"`, `"none"`, `"localhost"` (the
    loopback addresses), `"localnets"` (the networks this machine is directly attached to) or
    `"key:NAME"` (whoever signs with that key)."""

    query: AccessList = Field(default=ANYBODY, description="Answers from own zones.")
    recursion: AccessList = Field(default=NEIGHBOURS, description="Recursion (RD=1).")
    cache: AccessList = Field(
        default=NEIGHBOURS, description="Answers from the cache to queries without RD."
    )
    transfer: AccessList = Field(default=NOBODY, description="Zone transfers (AXFR, IXFR).")
    notify: AccessList = Field(
        default=NOBODY, description="NOTIFY, beside the primaries of each zone."
    )
    update: AccessList = Field(default=NOBODY, description="Dynamic updates (RFC 2136).")


def _read_special_names(value: object) -> bool | tuple[bytes, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(read_name(v) for v in value)
    raise ValueError(f"must be true, false or a list of names to leave out, not {show_toml(value)}")


def _show_special_names(value: bool | tuple[bytes, ...]) -> bool | list[str]:
    return value if isinstance(value, bool) else [show_name(n) for n in value]


SpecialNames: TypeAlias = Annotated[
    bool | tuple[bytes, ...],
    PlainValidator(_read_special_names),
    PlainSerializer(_show_special_names),
    WithJsonSchema(
        {
            "anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}],
            "x-kind": "true, false or a list of names",
        }
    ),
]


class RecursionSettings(Section):
    """Resolving names of others by walking the tree from the root."""

    enabled: bool = Field(default=True, description="Whether to resolve names of others at all.")
    root_hints: OptionalPath = Field(
        default=None,
        description="File with the names and addresses of the root servers; absent: built in.",
    )
    priming: bool = Field(
        default=True, description="Ask a root server for the current root servers (RFC 9609)."
    )
    qname_minimisation: Literal["strict", "relaxed", "off"] = Field(
        default="relaxed",
        description="Show each server no more of a name than it needs (RFC 9156). `relaxed` asks "
        "for the full name where a server gets minimised names wrong.",
    )
    minimised_type: Literal["A", "AAAA", "NS"] = Field(
        default="A", description="Type of minimised questions."
    )
    case_mixing: bool = Field(
        default=True,
        description="Mix the case of names in questions and want it back in replies (0x20).",
    )
    harden_glue: bool = Field(
        default=True, description="Believe glue only below the zone that gave it."
    )
    prefetch: bool = Field(
        default=True, description="Renew popular answers shortly before they expire."
    )
    serve_stale: Duration = Field(
        default=DAY_S,
        description="How long after its expiry data may be served when nobody can be reached "
        "(RFC 8767); 0 switches it off.",
    )
    do_not_query: Items[Prefix] = Field(
        default=tuple(ip_network(p) for p in _NEVER_ASKED),
        description="Servers in these prefixes are never asked; hints, stubs and forwarders "
        "excepted.",
    )
    special_names: SpecialNames = Field(
        default=True,
        description="Answer names that are of no concern to the root here (RFC 6303, RFC 6761); "
        "a list names those to leave out.",
    )
    private_addresses: Items[Prefix] = Field(
        default=(),
        description="Prefixes that public names may not point at (DNS rebinding): such addresses "
        "are removed from answers. Own zones and `[[local]]` are excepted.",
    )
    private_domains: Items[Name] = Field(
        default=(),
        description="Names that may, with everything below them, point at `private_addresses`; "
        "stub and forward zones are to be listed, too.",
    )
    max_time: Duration = Field(default=8.0, description="Longest work on one client question.")
    max_upstream_queries: int = Field(
        default=100,
        ge=1,
        le=100_000,
        description="Queries sent for one client question in all; never reset.",
    )
    max_fetches_per_zone: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Questions to the servers of one zone under way, of all clients; one more gets "
        "SERVFAIL at once. The root and top-level domains are excepted.",
    )
    max_asks_per_server: int = Field(
        default=400,
        ge=1,
        le=1_000_000,
        description="Queries to one address under way; for one more another server is asked.",
    )
    max_fetch_rate_per_zone: int = Field(
        default=5000,
        ge=1,
        le=1_000_000,
        description="Questions to the servers of one zone within a second, of all clients; one "
        "more gets SERVFAIL at once; of a stub zone forty times as many. The root and top-level "
        "domains are excepted.",
    )
    max_ask_rate_per_server: int = Field(
        default=5000,
        ge=1,
        le=1_000_000,
        description="Queries to one address within a second; for one more another server is asked. "
        "To a server of a stub or forward zone forty times as many.",
    )


class OutgoingSettings(Section):
    """How other servers are asked."""

    source: Items[Ip] = Field(
        default=(),
        description="Addresses of this machine to ask from; empty: the system's choice.",
    )
    ipv4: bool = Field(default=True, description="Ask over IPv4.")
    ipv6: bool = Field(default=True, description="Ask over IPv6.")
    edns_size: UdpSize = Field(
        default=1232, description="Longest UDP response in octets that is asked for (EDNS)."
    )
    cookies: bool = Field(
        default=True,
        description="Send DNS cookies and want them back from servers that know them (RFC 7873).",
    )
    port: int = Field(
        default=53,
        ge=1,
        le=65535,
        description="Port of the servers that iteration asks; another one only for test networks.",
    )


class CacheSettings(Section):
    """What is remembered, and for how long."""

    size: Size = Field(default=64 * MIB_OCTETS, description="Memory for all caches together.")
    min_ttl: Duration = Field(default=0.0, description="Shorter TTLs count as this.")
    max_ttl: Duration = Field(default=DAY_S, description="Longer TTLs count as this.")
    max_negative_ttl: Duration = Field(
        default=HOUR_S, description="Longest that the absence of a name or type is remembered."
    )
    snapshot: bool = Field(
        default=True, description="Keep the cache over a restart, in `server.state_dir`."
    )
    snapshot_interval: Duration = Field(
        default=900.0,
        description="How often it is written, beside at the end; 0 writes it at the end only.",
    )


class DnssecSettings(Section):
    """Validation of signatures."""

    validation: Literal["on", "off", "log"] = Field(
        default="off", description="`log` validates and reports, but refuses nothing."
    )
    trust_anchors: Items[FilePath] = Field(
        default=(),
        description="Files with DS or DNSKEY records; empty: the built-in root anchor.",
    )
    negative_trust_anchors: Items[Name] = Field(
        default=(), description="Names below which nothing is validated."
    )


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["error", "warning", "info", "debug"] = Field(
        default="info", description="Least important kind of message that is written."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="`json` writes one object a line."
    )
    queries: bool = Field(default=False, description="Log queries and what came of them.")
    query_file: OptionalPath = Field(
        default=None,
        description="File for that; absent: standard error, among everything else. SIGUSR2 opens "
        "it again after it has been moved away.",
    )
    query_sample: int = Field(
        default=1, ge=1, le=1_000_000_000, description="Log one query of so many."
    )
    query_failures: bool = Field(
        default=True,
        description="Log failures, stale and slow answers (`recorder.slow`) whatever the sample.",
    )


class ControlSettings(Section):
    """The socket through which a running server is controlled."""

    socket: OptionalPath = Field(
        default=Path("var/control.sock"),
        description="Path of the socket, open to who runs the server; absent: `control.sock` in "
        '`server.state_dir`; `""` has none.',
    )
    group: str = Field(default="", description="Group that may use it, too.")
    read_only_socket: OptionalPath = Field(
        default=None, description="Path of a second socket, through which nothing can be changed."
    )
    read_only_group: str = Field(default="", description="Group that may use that one.")


class Config(Section):
    """Everything that can be configured."""

    server: ServerSettings = ServerSettings()
    access: AccessSettings = AccessSettings()
    recursion: RecursionSettings = RecursionSettings()
    outgoing: OutgoingSettings = OutgoingSettings()
    cookies: CookieSettings = CookieSettings()
    rate_limit: RateLimitSettings = RateLimitSettings()
    cache: CacheSettings = CacheSettings()
    dnssec: DnssecSettings = DnssecSettings()
    log: LogSettings = LogSettings()
    recorder: RecorderSettings = RecorderSettings()
    metrics: MetricsSettings = MetricsSettings()
    control: ControlSettings = ControlSettings()
    secondary: SecondarySettings = SecondarySettings()
    zone: Items[ZoneSettings] = ()
    zone_directory: Items[ZoneDirectorySettings] = ()
    catalog: Items[CatalogSettings] = ()
    key: Items[KeySettings] = ()
    forward: Items[ForwardSettings] = ()
    stub: Items[StubSettings] = ()
    local: Items[LocalSettings] = ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        check(self)
        return self
