"""The section of the configuration for those who look after a server.

Knows: keys and units. Does not know: HTTP, what is counted.
"""

from pydantic import Field

from resolver.config.entries import Section
from resolver.config.units import Duration, OptionalListenAddress


class MetricsSettings(Section):
    """Counters for Prometheus, and whether the server is well: `/metrics`, `/healthz` and `/ready`
    over HTTP (docs/metrics.md). Needs `pip install 'rootward[metrics]'`."""

    listen: OptionalListenAddress = Field(
        default=None,
        description='Address of the HTTP listener, with its port; `""` has none. Whoever reaches '
        "it may read it: keep it to this machine or to a network of your own.",
    )
    zones: int = Field(
        default=1000,
        ge=0,
        le=1_000_000,
        description="Zones that have series of their own, those in trouble before others.",
    )
    servers: int = Field(
        default=20,
        ge=0,
        le=10_000,
        description="Servers of others that have series of their own: those asked most.",
    )
    ready_secondaries: bool = Field(
        default=True,
        description="Whether `/ready` says 503 while a secondary zone has no data or has expired.",
    )
    unready_after: Duration = Field(
        default=15.0,
        description="How long every other server must have been silent before `/ready` says 503; "
        "0 never does.",
    )
