"""Transports that refer to themselves, and are freed at once when that ends.

asyncio's TCP transports keep a bound method of their own, so a closed one lives on until garbage is
searched for; with a large cache that search is what we avoid (app/garbage.py). Knows: names inside
of asyncio, which may change: then nothing is done, and a test says so.
"""

import asyncio

# CPython 3.11; from 3.12 on also the second.
_OWN_METHODS = ("_read_ready_cb", "_write_ready")


def with_socket(transport: asyncio.BaseTransport) -> asyncio.BaseTransport:
    """The transport that has the circle: below one for TLS, which lets go of it at its end, there
    is another one. To be called while it is open."""
    below: asyncio.BaseTransport | None
    below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
    return transport if below is None else below


def end_circle(transport: asyncio.BaseTransport | None) -> None:
    """Let go of a transport whose connection is lost; nothing uses it any more."""
    own = getattr(transport, "__dict__", None)
    if own is not None:
        for name in _OWN_METHODS:
            own.pop(name, None)
