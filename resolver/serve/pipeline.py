"""The order in which a query is looked at: the first handler with an answer ends it.

Each handler sees what those before it let pass and knows nothing of those after it.
"""

from typing import Final

from resolver.codes import META_TYPES, RRClass, RRType
from resolver.metrics import Metrics
from resolver.resolve import Recursion
from resolver.serve import basics
from resolver.serve.any_type import AnyAnswer
from resolver.serve.chaos import Chaos
from resolver.serve.own_zones import OwnZones
from resolver.serve.recursion import Recurse, Refuse
from resolver.serve.request import Handled, Handler, Identity, Request, Stage
from resolver.zone.store import ZoneStore

_IN: Final = int(RRClass.IN)
_OPCODE_BITS: Final = 0x7800
_NO_DATA: Final = META_TYPES - {int(RRType.ANY)}


def handlers(
    zones: ZoneStore,
    recursion: Recursion | None,
    *,
    identity: Identity,
    metrics: Metrics,
    minimal: bool,
    transfers: Handler | None = None,
    notify: Handler | None = None,
    updates: Handler | None = None,
    expire: Handler | None = None,
    cookies: Handler | None = None,
    keepalive: Handler | None = None,
    any_answer: AnyAnswer = "minimal",
) -> list[Stage]:
    """All handlers in order. `recursion` None makes a server that only serves own zones, without
    `transfers` every transfer is refused, without `notify` and `updates` these opcodes are not
    known, without `expire` nobody is told how long a copy lives on, without `cookies` and
    `keepalive` these options of clients are passed over."""
    unusual: list[Handler] = [
        *([keepalive] if keepalive is not None else []),
        *([cookies] if cookies is not None else []),
        *([notify] if notify is not None else []),
        *([updates] if updates is not None else []),
        basics.opcode,
        basics.one_question,
        basics.edns_version,
        Chaos(identity),
        basics.question_class,
        *([expire] if expire is not None else []),
        *([transfers] if transfers is not None else []),
        basics.question_type,
    ]
    return [
        Unusual(unusual),
        OwnZones(zones, recursion, minimal=minimal, any_answer=any_answer),
        *([Recurse(recursion, metrics)] if recursion is not None else []),
        Refuse(metrics, recursion=recursion is not None),
    ]


class Unusual(Stage):
    """The handlers that have nothing to say to a query like most: of one question for data of class
    IN, without options. It is seen once that they need not be asked."""

    def __init__(self, order: list[Handler]) -> None:
        self._order = order

    def handle(self, request: Request) -> Handled:
        """What the first of them that takes the request makes of it."""
        if request.look is not None and request.look.optionless:
            return None
        message = request.message
        edns = message.edns
        if (
            len(message.questions) == 1
            and not message.flags & _OPCODE_BITS
            and (edns is None or not (edns.options or edns.version))
        ):
            question = message.questions[0]
            if question.qclass == _IN and question.qtype not in _NO_DATA:
                return None
        for handler in self._order:
            handled = handler(request)
            if handled is not None:
                return handled
        return None


def handle(request: Request, order: list[Stage]) -> Handled:
    """What the first stage that takes the request makes of it."""
    for stage in order:
        handled = stage.handle(request)
        if handled is not None:
            return handled
    return None
