"""Zones that were added by command, in a file, so that a restart serves them again.

One JSON file in `server.state_dir`, written beside the old one and put in its place. A file that
cannot be read is told and left as it is: nothing is added or removed until somebody has looked.

Knows: the form of the file. Does not know: how a zone is served.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from resolver import names
from resolver.app.zoning import Zoning
from resolver.config.schema import Config
from resolver.config.zones import ZoneSettings
from resolver.durable import bring_to_disk, put_in_place
from resolver.errors import ConfigError, Finding

FILE = "zones.json"  # in `server.state_dir`
_VERSION = 1

_log = logging.getLogger(__name__)


def path_of(config: Config) -> Path:
    """Where the file is."""
    return config.server.state_dir / FILE


def read(path: Path) -> list[ZoneSettings]:
    """The zones of the file; none without one. Raises ConfigError."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']!r}, not {_VERSION}")
        return [ZoneSettings.model_validate(entry) for entry in content["zones"]]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigError([Finding(str(path), 0, error.strerror or str(error))]) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError([Finding(str(path), 0, f"not a list of zones: {error}")]) from error


def write(path: Path, zones: Iterable[ZoneSettings]) -> None:
    """Put these zones in the place of those before. Blocks. Raises OSError."""
    entries = [zone.model_dump(mode="json", exclude_unset=True) for zone in zones]
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump({"version": _VERSION, "zones": entries}, file, indent=1)
        bring_to_disk(file)
    put_in_place(temporary, path)


def bring_back(config: Config, zoning: Zoning, keys: Iterable[bytes]) -> None:
    """Serve them again; to be called before the server is started."""
    try:
        zones = read(path_of(config))
    except ConfigError as error:
        _log.error("zones that were added by command are not served: %s", error)
        return
    known = set(keys)
    for terms in zones:
        shown = names.show(terms.name)
        missing = [p.key for p in terms.primaries if p.key is not None and p.key not in known]
        if missing:
            key = names.show(missing[0])
            _log.error("zone %s: added by command, but there is no key %s now", shown, key)
        elif not zoning.bring_back(terms):
            _log.warning(
                "zone %s: added by command and configured, too: the configuration counts", shown
            )
