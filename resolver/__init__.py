"""Rootward: a DNS resolver and name server."""

__version__ = "0.1.0"
