"""The section [recorder]: how much is kept of failures and slow answers.

Knows: keys and their bounds. Does not know: what is kept.
"""

from pydantic import Field

from resolver.config.entries import Section
from resolver.config.units import Duration, Size

_MIB_OCTETS = 1024 * 1024


class RecorderSettings(Section):
    """What is remembered of questions that failed or took long, for `rootward ctl why --last`."""

    records: int = Field(
        default=500,
        ge=0,
        le=1_000_000,
        description="Failures that are kept, and as many slow answers, each with every step that "
        "was taken; 0 keeps nothing.",
    )
    size: Size = Field(
        default=8 * _MIB_OCTETS, description="Memory for all of them; the oldest go first."
    )
    slow: Duration = Field(
        default=1.0, description="An answer that took longer is slow; 0 keeps no slow answers."
    )
