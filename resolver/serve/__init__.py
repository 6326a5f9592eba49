"""One request, one reply. Layer 5: synchronous, no sockets, no event loop."""
