"""A fake Internet to test against. Public; nothing else in the package imports it.

Describe a root, TLDs and zones in a few lines, inject faults, then drive the resolver through it
without sockets on a virtual clock (`run`, `World`), or bind the same tree to real sockets on
loopback addresses (`Loopback`). docs/testing.md is the guide.

The servers of the fake are made with dnslib and share no code with the servers and the codec under
test. dnslib is an extra: `pip install 'rootward[testing]'`. Names are imported on first use, so
that the pytest plugin costs nothing in projects that do not use it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resolver.testing.clock import ManualClock
    from resolver.testing.internet import Internet
    from resolver.testing.loopback import Loopback
    from resolver.testing.messages import Query, Response
    from resolver.testing.watch import Result, Watch
    from resolver.testing.world import World, drive, route, run
    from resolver.testing.zones import Zone, records, zone

__all__ = [
    "Internet",
    "Loopback",
    "ManualClock",
    "Query",
    "Response",
    "Result",
    "Watch",
    "World",
    "Zone",
    "drive",
    "records",
    "route",
    "run",
    "zone",
]

_HOMES = {
    "Internet": "internet",
    "Loopback": "loopback",
    "ManualClock": "clock",
    "Query": "messages",
    "Response": "messages",
    "Result": "watch",
    "Watch": "watch",
    "World": "world",
    "Zone": "zones",
    "drive": "world",
    "records": "zones",
    "route": "world",
    "run": "world",
    "zone": "zones",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{home}")
    except ModuleNotFoundError as error:
        if error.name != "dnslib":
            raise
        raise ImportError(
            "resolver.testing needs dnslib: pip install 'rootward[testing]'"
        ) from error
    return getattr(module, name)
