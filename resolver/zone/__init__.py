"""What this server is an authority for. Layer 2: in memory, synchronous; never sees the cache."""
