"""The sections `[cookies]` and `[rate_limit]`: what keeps clients from each other's throats, and
strangers from using us against others.

Knows: keys and units. Does not know: how they are carried out (policy/cookies.py,
policy/rate_limit.py). Sources of the defaults: RFC 7873, RFC 9018; NSD, Knot and BIND for rates.
"""

from pydantic import Field

from resolver.config.access import NEIGHBOURS, AccessList
from resolver.config.entries import Section
from resolver.config.units import Duration, OptionalPath


class CookieSettings(Section):
    """DNS cookies given to clients (RFC 7873, RFC 9018); those for other servers are
    `outgoing.cookies`."""

    enabled: bool = Field(
        default=True, description="Answer clients that send a cookie with a server cookie."
    )
    required: bool = Field(
        default=False,
        description="Whoever sends cookies over UDP, but no valid server cookie, gets BADCOOKIE "
        "and has to ask again. Clients without cookies are answered as always.",
    )
    secret_file: OptionalPath = Field(
        default=None,
        description="File with one secret of 32 hexadecimal digits a line, the same on all servers "
        "that share an address: the first makes cookies, all are accepted. It must not be open to "
        "every user. Absent: a secret that is drawn at start.",
    )


class RateLimitSettings(Section):
    """How often one network is told the same over UDP, where addresses are easily forged. TCP,
    signed queries and clients with a valid cookie are never limited."""

    responses_per_second: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Replies with the same data to one network; 0 switches all limits off. For a "
        "server that strangers ask, 20 to 200 is usual.",
    )
    nxdomains_per_second: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Replies that a name of one zone does not exist; absent: as "
        "`responses_per_second`, like the three that follow.",
    )
    nodata_per_second: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Replies that a name of one zone has no data of a type.",
    )
    referrals_per_second: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Referrals to one delegated zone."
    )
    errors_per_second: int | None = Field(
        default=None, ge=1, le=1_000_000, description="All other replies, such as REFUSED."
    )
    window: Duration = Field(
        default=1.0,
        description="So many seconds' worth of replies may be sent at once; 1 second at least.",
    )
    slip: int = Field(
        default=2,
        ge=0,
        le=100,
        description="Of the replies over the limit every so-manieth is sent truncated, so that "
        "real clients ask over TCP, the others are dropped; 0 drops all.",
    )
    ipv4_prefix: int = Field(
        default=24, ge=1, le=32, description="Length of the prefix that is one network."
    )
    ipv6_prefix: int = Field(default=56, ge=1, le=128, description="The same for IPv6.")
    exempt: AccessList = Field(default=NEIGHBOURS, description="Who is never limited.")
    table_size: int = Field(
        default=65_536,
        ge=1024,
        le=16_777_216,
        description="Accounts that are kept, of 24 octets each; when there are more, those with "
        "the fewest replies are forgotten.",
    )
    dry_run: bool = Field(
        default=False, description="Count and log what would be limited, and send it."
    )
