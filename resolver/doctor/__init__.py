"""Looks after a server's surroundings: its own zones as others see them, and the way out."""
