"""What a UDP listener hands queries to.

A class and no Protocol: a compiled copy calls its method without looking for it by its name.
"""

from abc import ABC, abstractmethod
from typing import Literal

from resolver.effects import Steps
from resolver.native import mypyc_attr
from resolver.wire.peek import Peek


@mypyc_attr(allow_interpreted_subclasses=True)
class Responder(ABC):
    """The full path: a reply, None for silence, or steps that lead to one of them."""

    __slots__ = ()

    @abstractmethod
    def respond(
        self,
        packet: bytes,
        peer: bytes,
        look: Peek | None = None,
        since: float | None = None,
        *,
        stream: Literal[False],
    ) -> bytes | Steps[bytes | None] | None:
        """To a packet from this packed address that came at `since`, of which `look` is the peek if
        it is known."""
