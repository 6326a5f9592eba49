"""Sockets, timers and the event loop. Layer 6: the only package beside app that waits."""
