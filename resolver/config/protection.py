"""The sections `[cookies]` and `[rate_limit]`: what keeps clients from each other's throats, and
strangers from using us against others.

Knows: keys and units. Does not know: how they are carried out (policy/cookies.py,
policy/rate_limit.py). Sources of the defaults: RFC 7873, RFC 9018; NSD, Knot and BIND for rates.
"""

from pydantic import Field

from resolver.config.entries import Section
from resolver.config.units import OptionalPath


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
