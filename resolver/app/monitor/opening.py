"""Whether there is an HTTP listener at all: its libraries are imported only then.

Knows: the configuration. Does not know: HTTP.
"""

from typing import TYPE_CHECKING

from resolver.errors import ConfigError, Finding

if TYPE_CHECKING:
    from resolver.app.monitor.listener import Monitor
    from resolver.app.server import Server


def open_monitor(server: "Server") -> "Monitor | None":
    """What listens on `metrics.listen`, if that is set. Raises ConfigError."""
    address = server.config.metrics.listen
    if address is None:
        return None
    try:
        from resolver.app.monitor.listener import Monitor
    except ImportError as error:
        reason = f"{error.name} is not installed: pip install 'rootward[metrics]'"
        raise ConfigError([Finding("metrics.listen", 0, reason)]) from error
    return Monitor(server, address)
