"""The section `[secondary]`: how zones are transferred in, and what that may take.

Knows: keys and units. Does not know: which zones are secondary (config/entries.py). Sources of the
defaults: BIND's (refresh, retry, transfers-in, transfers-per-ns, max-transfer-time-in,
min-transfer-rate-in), RFC 1982, RFC 5936 section 6.
"""

from pydantic import Field

from resolver.config.entries import Section
from resolver.config.units import Duration, Size

MIB_OCTETS = 1024 * 1024


class SecondarySettings(Section):
    """Transfers of secondary zones from their primaries: how often, how many, how long."""

    min_refresh: Duration = Field(
        default=300.0, description="Shorter refresh times in an SOA count as this."
    )
    max_refresh: Duration = Field(
        default=2_419_200.0, description="Longer refresh times in an SOA count as this."
    )
    min_retry: Duration = Field(
        default=500.0, description="Shorter retry times in an SOA count as this."
    )
    max_retry: Duration = Field(
        default=1_209_600.0, description="Longer retry times in an SOA count as this."
    )
    transfers: int = Field(
        default=10, ge=1, le=1000, description="Transfers under way at the same time."
    )
    transfers_per_primary: int = Field(
        default=2, ge=1, le=1000, description="Those from one address."
    )
    queries: int = Field(
        default=20, ge=1, le=1000, description="SOA queries under way at the same time."
    )
    max_size: Size = Field(
        default=1024 * MIB_OCTETS, description="Longest transfer in octets; longer ones end."
    )
    max_records: int = Field(
        default=20_000_000, ge=1, description="Most records of one transfer; more end it."
    )
    max_time: Duration = Field(default=7200.0, description="Longest time for one transfer.")
    idle_timeout: Duration = Field(
        default=60.0, description="Longest silence of a primary during a transfer."
    )
    min_rate: Size = Field(
        default=2048, description="A transfer that brings less than this in a minute ends."
    )
