"""What queries of one kind have in common is written once; kinds with one place take turns."""

from itertools import product

from upstreams import question

from resolver.codes import Flag
from resolver.effects import Ask
from resolver.model import Address, Question
from resolver.net.entropy import Entropy
from resolver.net.match import FRAMES, QueryMaker
from resolver.wire.parse import parse

SERVER = Address("192.0.2.1")
QTYPES = (1, 1 + FRAMES // 4, 28, 65535)  # the first two have one place


def test_every_kind_of_query_is_what_was_asked() -> None:
    maker = QueryMaker(Entropy())
    qname = question("www.example.").qname
    kinds = list(product(QTYPES, (1, 3), (None, 512, 1232), (False, True), (False, True)))
    for qtype, qclass, size, dnssec_ok, recursion_desired in kinds * 2:
        asked = Ask(
            SERVER,
            Question(qname, qtype, qclass),
            1.0,
            edns_size=size,
            recursion_desired=recursion_desired,
            mix_case=False,
            dnssec_ok=dnssec_ok,
        )
        sent = maker.make(asked, "192.0.2.2")
        query = parse(sent.packet)
        [read] = query.questions
        assert (read.qname, read.qtype, read.qclass) == (qname, qtype, qclass)
        assert bool(query.flags & Flag.RD) == recursion_desired
        edns = None if query.edns is None else (query.edns.udp_size, query.edns.dnssec_ok)
        assert edns == (None if size is None else (size, dnssec_ok))
