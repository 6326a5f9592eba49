"""Where long work pauses, for tests of what must not be done all at once."""

from collections import Counter
from typing import Any

from resolver.slices import Slices


def pauses(slices: Slices[Any]) -> Counter[str]:
    """How often each function paused until the work was done."""
    found: Counter[str] = Counter()
    for _ in slices:
        inner: Any = slices
        while inner.gi_yieldfrom is not None:
            inner = inner.gi_yieldfrom
        found[inner.gi_code.co_name] += 1
    return found
