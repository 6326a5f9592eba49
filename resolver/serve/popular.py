"""Which names are asked for most, and by whom, from the moment somebody wants to see it.

Knows: questions and addresses. Does not know: who looks, how they are shown.
"""

from resolver import names
from resolver.codes import show_type
from resolver.errors import WireError
from resolver.model import Answer
from resolver.serve.request import Request
from resolver.sketch import Sketch
from resolver.wire.parse import read_name
from resolver.wire.peek import HEADER_OCTETS


class Popular:
    """Names with their types, and clients. An Observer, and a Sampler of finished packets."""

    def __init__(self) -> None:
        self.questions: Sketch[tuple[bytes, int]] = Sketch()
        self.clients: Sketch[bytes] = Sketch()

    def saw(self, request: Request, answer: Answer, seconds: float) -> None:
        """A query on the full path has ended (Observer)."""
        self.clients.add(request.peer)
        if request.message.questions:
            question = request.message.questions[0]
            self.questions.add((question.name, question.qtype))

    def sample(self, packet: bytes, peer: bytes, times: int) -> None:
        """A finished packet, or the query it answers, stands for so many (Sampler)."""
        self.clients.add(peer, times)
        try:
            qname, end = read_name(packet, HEADER_OCTETS)
        except WireError:
            return
        qtype = int.from_bytes(packet[end : end + 2], "big")
        self.questions.add((qname.lower(), qtype), times)


def show_question(question: tuple[bytes, int]) -> str:
    """As people write it."""
    qname, qtype = question
    return f"{names.show(qname)} {show_type(qtype)}"
