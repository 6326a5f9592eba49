"""What was ordered of zones by command, in a file, so that a restart does not undo it: which zones
were added, and which are frozen.

One JSON file in `server.state_dir`, written beside the old one and put in its place. A file that
cannot be read is told and left as it is: nothing is ordered any more until somebody has looked.

Knows: the form of the file. Does not know: how a zone is served.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from resolver import names
from resolver.app.zoning import Zoning
from resolver.config.schema import Config
from resolver.config.zones import ZoneSettings
from resolver.durable import bring_to_disk, put_in_place
from resolver.errors import ConfigError, Finding

FILE = "zones.json"  # in `server.state_dir`
_VERSION = 1

_log = logging.getLogger(__name__)


class ZoneOrders(NamedTuple):
    """Zones that were added, and the origins of primary zones that are frozen."""

    zones: tuple[ZoneSettings, ...] = ()
    frozen: frozenset[bytes] = frozenset()


def path_of(config: Config) -> Path:
    """Where the file is."""
    return config.server.state_dir / FILE


def read(path: Path) -> ZoneOrders:
    """What the file says; nothing without one. Raises ConfigError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']!r}, not {_VERSION}")
        return ZoneOrders(
            tuple(ZoneSettings.model_validate(entry) for entry in content["zones"]),
            frozenset(names.read(name).lower() for name in content.get("frozen", ())),
        )
    except FileNotFoundError:
        return ZoneOrders()
    except OSError as error:
        raise ConfigError([Finding(str(path), 0, error.strerror or str(error))]) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError([Finding(str(path), 0, f"not a list of zones: {error}")]) from error


def write(path: Path, orders: ZoneOrders) -> None:
    """Put these orders in the place of those before. Blocks. Raises OSError."""
    content = {
        "version": _VERSION,
        "zones": [zone.model_dump(mode="json", exclude_unset=True) for zone in orders.zones],
        "frozen": sorted(map(names.show, orders.frozen)),
    }
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        bring_to_disk(file)
    put_in_place(temporary, path)


def bring_back(config: Config, zoning: Zoning, keys: Iterable[bytes]) -> None:
    """Be as it was ordered; to be called before the server is started."""
    try:
        orders = read(path_of(config))
    except ConfigError as error:
        _log.error("what was ordered of zones by command is not done: %s", error)
        return
    known = set(keys)
    zoning.primaries.stay_frozen(orders.frozen)
    for terms in orders.zones:
        shown = names.show(terms.name)
        peers = (*terms.primaries, *terms.also_notify)
        missing = [peer.key for peer in peers if peer.key is not None and peer.key not in known]
        if missing:
            key = names.show(missing[0])
            _log.error("zone %s: added by command, but there is no key %s now", shown, key)
        elif not zoning.bring_back(terms, config):
            _log.warning(
                "zone %s: added by command and configured, too: the configuration counts", shown
            )
