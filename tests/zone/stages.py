"""Where long work pauses, for tests of what must not be done all at once."""

from collections import Counter
from types import GeneratorType
from typing import Any

import pytest

from resolver.slices import Slices


def pauses(slices: Slices[Any]) -> Counter[str]:
    """How often each function paused until the work was done."""
    found: Counter[str] = Counter()
    for _ in slices:
        inner: Any = slices
        while isinstance(inner, GeneratorType) and inner.gi_yieldfrom is not None:
            inner = inner.gi_yieldfrom
        if not isinstance(inner, GeneratorType):
            pytest.skip("compiled generators do not tell where they pause")
        found[inner.gi_code.co_name] += 1
    return found
