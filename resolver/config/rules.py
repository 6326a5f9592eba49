"""What does not go together: contradictions between keys that are each fine alone.

Every rule looks at a whole configuration and yields each fault with the path of the key to mend.
Knows: sections and their meaning for each other. Does not know: text, files and lines.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from resolver.config.access import AccessItem, AccessKey
from resolver.config.units import show_address, show_name

if TYPE_CHECKING:
    from resolver.config.entries import PeerSettings
    from resolver.config.schema import Config

KeyPath = tuple[str | int, ...]
# The kind of error that the loader tells from faults in single values.
CONTRADICTION = "contradiction"

# Half of it must be longer than a finished packet is kept.
LEAST_ALIAS_VALIDITY_S = 4 * 86_400.0

_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")


class Fault(NamedTuple):
    """One contradiction. `reads` is the other section it depends on, "" if there is none."""

    path: KeyPath
    reason: str
    reads: str = ""


def check(config: "Config") -> None:
    """Raise pydantic's ValidationError with every contradiction in the configuration."""
    faults = list(find(config))
    if faults:
        raise ValidationError.from_exception_data(
            "Config",
            [
                InitErrorDetails(
                    type=PydanticCustomError(CONTRADICTION, "{reason}", fault._asdict()),
                    loc=fault.path,
                    input=None,
                )
                for fault in faults
            ],
        )


def find(config: "Config") -> Iterator[Fault]:
    """Every contradiction, in the order of the rules below."""
    for rule in (
        _roles,
        _catalogs,
        _duplicates,
        _rivals,
        _key_references,
        _forwarders,
        _listeners,
        _outgoing,
        _times,
    ):
        yield from rule(config)


def _roles(config: "Config") -> Iterator[Fault]:
    for i, zone in enumerate(config.zone):
        where = ("zone", i)
        if zone.alias_keys and zone.role == "catalog":
            yield Fault((*where, "alias_keys"), "a catalog has no ALIAS records")
        if zone.alias_validity < LEAST_ALIAS_VALIDITY_S:
            yield Fault((*where, "alias_validity"), "must be 4 days at least")
        if zone.role == "primary":
            if zone.file is None:
                yield Fault((*where, "file"), "missing; a primary zone is read from a file")
            if zone.primaries:
                yield Fault(
                    (*where, "primaries"),
                    'a primary zone has none, did you mean role = "secondary"?',
                )
        else:
            if not zone.primaries:
                reason = "missing; a secondary zone needs servers to transfer from"
                yield Fault((*where, "primaries"), reason)
            for key in ("update_policy", "zonefile_sync", "watch", "reverse"):
                if getattr(zone, key):
                    yield Fault((*where, key), "is for primary zones")


def _catalogs(config: "Config") -> Iterator[Fault]:
    for i, zone in enumerate(config.zone):
        for key in ("members", "groups"):
            if getattr(zone, key) and zone.role != "catalog":
                yield Fault(("zone", i, key), 'is for role = "catalog"')
        told = [group.name for group in zone.groups]
        for j, name in enumerate(told):
            if name in told[:j]:
                yield Fault(("zone", i, "groups", j, "name"), f'"{name}" is there already')
    known = {catalog.name for catalog in config.catalog}
    for section in ("zone", "zone_directory"):
        for i, entry in enumerate(getattr(config, section)):
            if entry.catalog is not None and entry.catalog not in known:
                reason = f"there is no [[catalog]] named {show_name(entry.catalog)}"
                yield Fault((section, i, "catalog"), reason, reads="catalog")
            elif entry.catalog_group and entry.catalog is None:
                yield Fault((section, i, "catalog_group"), "is for zones with a catalog")


def _duplicates(config: "Config") -> Iterator[Fault]:
    for section in ("zone", "catalog", "key", "forward", "stub"):
        seen = set()
        for i, entry in enumerate(getattr(config, section)):
            if entry.name in seen:
                yield Fault((section, i, "name"), f"{show_name(entry.name)} is there already")
            seen.add(entry.name)


def _rivals(config: "Config") -> Iterator[Fault]:
    """A name is ours, or a catalog made here, or is asked of stubs' servers, or is forwarded: one
    of the four."""
    taken = {zone.name: "zone" for zone in config.zone}
    for section in ("catalog", "stub", "forward"):
        for i, entry in enumerate(getattr(config, section)):
            rival = taken.setdefault(entry.name, section)
            if rival != section:
                yield Fault(
                    (section, i, "name"),
                    f"{show_name(entry.name)} is a [[{rival}]] as well; only one can be meant",
                    reads=rival,
                )


def _key_references(config: "Config") -> Iterator[Fault]:
    known = {key.name for key in config.key}
    for path, name in _references(config):
        if name not in known:
            yield Fault(path, f"there is no [[key]] named {show_name(name)}", reads="key")


def _references(config: "Config") -> Iterator[tuple[KeyPath, bytes]]:
    access = config.access
    for field in type(access).model_fields:
        yield from _in_list(("access", field), getattr(access, field))
    for section in ("zone", "zone_directory", "catalog"):
        for i, entry in enumerate(getattr(config, section)):
            yield from _in_entry((section, i), entry)
            if getattr(entry, "members", None) is not None:
                yield from _in_entry((section, i, "members"), entry.members)
            for j, group in enumerate(getattr(entry, "groups", ())):
                yield from _in_entry((section, i, "groups", j), group)


def _in_entry(where: KeyPath, entry: object) -> Iterator[tuple[KeyPath, bytes]]:
    """Keys named in one table, whichever of these it has."""
    for field in ("transfer", "update"):
        yield from _in_list((*where, field), getattr(entry, field, None) or ())
    for field in ("primaries", "also_notify"):
        yield from _in_peers((*where, field), getattr(entry, field, ()))
    for i, grant in enumerate(getattr(entry, "update_policy", ())):
        yield (*where, "update_policy", i, "key"), grant.key


def _in_list(path: KeyPath, items: Iterable[AccessItem]) -> Iterator[tuple[KeyPath, bytes]]:
    for i, item in enumerate(items):
        if isinstance(item, AccessKey):
            yield (*path, i), item.name


def _in_peers(path: KeyPath, peers: Iterable["PeerSettings"]) -> Iterator[tuple[KeyPath, bytes]]:
    for i, peer in enumerate(peers):
        if peer.key is not None:
            yield (*path, i, "key"), peer.key


def _forwarders(config: "Config") -> Iterator[Fault]:
    for i, entry in enumerate(config.forward):
        for j, forwarder in enumerate(entry.to):
            if forwarder.ca is not None and forwarder.tls_name is None:
                yield Fault(("forward", i, "to", j, "ca"), "is for TLS, which needs tls_name")
            name = forwarder.tls_name
            if name is not None and not _HOST_NAME.fullmatch(show_name(name)):
                reason = f"{show_name(name)} is no name that a certificate can be for"
                yield Fault(("forward", i, "to", j, "tls_name"), reason)


def _listeners(config: "Config") -> Iterator[Fault]:
    if not config.server.listen:
        yield Fault(("server", "listen"), "empty; a server needs an address to listen on")
    seen = set()
    for i, address in enumerate(config.server.listen):
        if address in seen and address.port:
            yield Fault(("server", "listen", i), f"{show_address(address)} is listed twice")
        seen.add(address)
    metrics = config.metrics.listen
    if metrics is not None and metrics in seen and metrics.port:
        shown = show_address(metrics)
        yield Fault(("metrics", "listen"), f"{shown} is in server.listen", reads="server")


def _outgoing(config: "Config") -> Iterator[Fault]:
    outgoing = config.outgoing
    if config.recursion.enabled and not outgoing.ipv4 and not outgoing.ipv6:
        yield Fault(
            ("outgoing", "ipv6"),
            "ipv4 and ipv6 are both off, so nobody can be asked; recursion needs one of them",
            reads="recursion",
        )
    for i, ip in enumerate(outgoing.source):
        family = "ipv4" if ip_address(ip).version == 4 else "ipv6"
        if not getattr(outgoing, family):
            yield Fault(("outgoing", "source", i), f"{ip} is of no use while {family} is off")


def _times(config: "Config") -> Iterator[Fault]:
    if config.cache.min_ttl > config.cache.max_ttl:
        yield Fault(("cache", "min_ttl"), "is more than max_ttl")
    if config.rate_limit.window < 1:
        yield Fault(("rate_limit", "window"), "must be 1 second at least")
    for section, key in (("recursion", "max_time"), ("server", "tcp_idle_timeout")):
        if getattr(getattr(config, section), key) == 0:
            yield Fault((section, key), "must be more than 0")
