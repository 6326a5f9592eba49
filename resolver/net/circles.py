"""Transports that refer to themselves, and are freed at once when that ends.

asyncio's TCP transports keep a bound method of their own, so a closed one lives on until garbage is
searched for; with a large cache that search is what we avoid (app/garbage.py). Knows: names inside
of asyncio, which may change: then nothing is done, and a test says so.
"""

import asyncio

# CPython 3.11; from 3.12 on also the second.
_OWN_METHODS = ("_read_ready_cb", "_write_ready")


def end_circle(transport: asyncio.BaseTransport | None) -> None:
    """Let go of a transport whose connection is lost; nothing uses it any more."""
    own = getattr(transport, "__dict__", None)
    if own is not None:
        for name in _OWN_METHODS:
            own.pop(name, None)
