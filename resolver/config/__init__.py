"""The configuration file: its schema (layer 0) and its loader (layer 7)."""
