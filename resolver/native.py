"""A hint for the compiler, which means nothing to the interpreter.

An object of an `acyclic` class is never part of a circle, so a compiled copy does not search it for
garbage: a million of them then cost no time, and each two words of memory less. It must be true:
what is in a circle all the same is never freed. (mypyc knows the hint by the name it has for the
type checker, which is that of mypy_extensions.mypyc_attr; nothing needs that package to run.)
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr as mypyc_attr
else:

    def mypyc_attr(**_: bool) -> Callable[[type[T]], type[T]]:
        """Leave the class as it is."""
        return lambda cls: cls
