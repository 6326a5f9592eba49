"""Hints for the compiler, which mean nothing to the interpreter.

An object of an `acyclic` class is never part of a circle, so a compiled copy does not search it for
garbage: a million of them then cost no time, and each two words of memory less. It must be true:
what is in a circle all the same is never freed.

Of a class with `free_list_len` 1 the memory of one object that is gone is kept for the next: good
for what lives no longer than a call or two, and is made again and again.

A number that is an `i64` is one of 64 bits and not of any size, so a compiled copy counts with it
as the processor does. It must fit.

(mypyc knows the hints by the names they have for the type checker, which are those of
mypy_extensions; nothing needs that package to run.)
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from mypy_extensions import i64 as i64
    from mypy_extensions import mypyc_attr as mypyc_attr
else:
    i64 = int

    def mypyc_attr(**_: bool | int) -> Callable[[type[T]], type[T]]:
        """Leave the class as it is."""
        return lambda cls: cls
