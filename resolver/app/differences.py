"""What is not the same in two configurations, in the words of an operator.

Knows: keys and their values. Does not know: what becomes of a change.
"""

from collections.abc import Iterable, Iterator

from resolver.config.entries import Section
from resolver.config.schema import Config
from resolver.config.units import show_name

# What a process cannot change while it runs.
FIXED = (
    "server.state_dir",
    "server.user",
    "server.workers",
    "control.socket",
    "control.group",
    "control.read_only_socket",
    "control.read_only_group",
    "metrics.listen",
)


def keep_fixed(before: Config, after: Config) -> tuple[Config, list[str]]:
    """The new configuration with what cannot be changed as it was, and a sentence for each such key
    that was to be changed."""
    notes = []
    for path in FIXED:
        section, _, key = path.partition(".")
        old, new = getattr(before, section), getattr(after, section)
        if getattr(old, key) != getattr(new, key):
            notes.append(f"{path} has changed and needs a restart")
            kept = new.model_copy(update={key: getattr(old, key)})
            after = after.model_copy(update={section: kept})
    return after, notes


def changes(before: Config, after: Config) -> Iterator[str]:
    """Every key and every entry that is another one."""
    for section in type(before).model_fields:
        old, new = getattr(before, section), getattr(after, section)
        if old == new:
            continue
        if isinstance(old, tuple):
            yield from _entries(section, old, new)
        else:
            for key in type(old).model_fields:
                if getattr(old, key) != getattr(new, key):
                    yield f"{section}.{key} changed"


def _entries(section: str, old: Iterable[Section], new: Iterable[Section]) -> Iterator[str]:
    """By name where entries have one; others as a whole."""
    were = {_name(entry): entry for entry in old}
    are = {_name(entry): entry for entry in new}
    if "" in were or "" in are:
        yield f"[[{section}]] changed"
        return
    for name, entry in are.items():
        if name not in were:
            yield f"[[{section}]] {name} added"
        elif entry != were[name]:
            yield f"[[{section}]] {name} changed"
    for name in were:
        if name not in are:
            yield f"[[{section}]] {name} removed"


def _name(entry: Section) -> str:
    name = getattr(entry, "name", None)
    return show_name(name) if name is not None else str(getattr(entry, "path", ""))


def rerouted(before: Config, after: Config) -> list[bytes]:
    """Stub and forward zones that other servers are asked for now, or nobody in particular."""
    old, new = _routes(before), _routes(after)
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _routes(config: Config) -> dict[bytes, tuple[object, str]]:
    return {
        **{stub.name: (stub.to, "stub") for stub in config.stub},
        **{entry.name: (entry.to, entry.mode) for entry in config.forward},
    }


def asks_otherwise(before: Config, after: Config) -> bool:
    """Whether other servers are asked in another way, or others for the same name."""
    ports = {address.port for address in before.server.listen}
    return (
        before.outgoing != after.outgoing
        or bool(rerouted(before, after))
        or not ports >= {address.port for address in after.server.listen}
    )
