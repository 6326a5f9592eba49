"""Rootward: a DNS resolver and name server.

    from resolver import Config, Server

    async with Server(zone="$ORIGIN example.test.\\n@ 300 SOA …") as server:
        ...  # answers on server.addresses

The public names are imported on first use, so that the command starts quickly.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver.app.server import Server
    from resolver.config.schema import Config

__version__ = "0.1.0"
__all__ = ["Config", "Server", "__version__"]


def __getattr__(name: str) -> Any:
    match name:
        case "Server":
            from resolver.app.server import Server

            return Server
        case "Config":
            from resolver.config.schema import Config

            return Config
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
