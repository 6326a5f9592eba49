"""How long an idle TCP connection stays open, for clients that want to know.

A client that asks with the option learns the configured time, whatever becomes of its query; over
UDP the option means nothing. What a client writes into it is passed over.

Knows: RFC 7828 sections 3.1 to 3.3. Does not know: connections.
"""

from resolver.codes import EdnsOption
from resolver.serve.request import Handled, Request
from resolver.wire.edns import keepalive_option, option


class Keepalive:
    """Adds the option to replies over streams. `idle_s` is how long they may be silent."""

    def __init__(self, idle_s: float) -> None:
        self._option = keepalive_option(idle_s)

    def __call__(self, request: Request) -> Handled:
        """Never an answer: others give that."""
        if request.stream and option(request.message.edns, EdnsOption.TCP_KEEPALIVE) is not None:
            request.options += (self._option,)
        return None
