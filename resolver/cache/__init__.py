"""What was learned from others, until it expires. Layer 2: in memory, synchronous, no clock."""
