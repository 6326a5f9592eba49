"""What is counted of answers: source, rcode, type and time; batches of finished packets at once."""

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.model import Answer, Message, Question, Source
from resolver.serve.popular import Popular, show_question
from resolver.serve.request import Request
from resolver.serve.tally import MAX_TYPES, OTHER_TYPES, PACKETS, Tally
from resolver.wire.build import build

CLIENT = bytes((192, 0, 2, 7))
OTHER_CLIENT = bytes((192, 0, 2, 8))


def request(name: str = "www.example.", qtype: int = RRType.A, peer: bytes = CLIENT) -> Request:
    return Request(Message(1, 0, [Question(names.read(name), qtype)]), peer, 7, False)


def reply(name: str, rcode: Rcode) -> bytes:
    return build(Message(1, 0x8000, [Question(names.read(name), RRType.A)], rcode=rcode))


class Batch:
    """Datagrams, and the replies to them."""

    def __init__(self, *packets: bytes) -> None:
        self.packets = packets

    def packet(self, slot: int) -> bytes:
        return self.packets[slot]

    def peer(self, slot: int) -> bytes:
        return CLIENT

    def fourth_octets(self, count: int) -> bytes:
        return bytes(packet[3] for packet in self.packets[:count])


def test_full_path_is_counted_by_source_rcode_type_and_time() -> None:
    tally = Tally()
    tally.saw(request(), Answer(source=Source.OWN), 0.0001)
    tally.saw(request(qtype=RRType.MX), Answer(Rcode.NXDOMAIN, source=Source.OWN), 0.0001)
    tally.saw(request(), Answer(Rcode.SERVFAIL, source=Source.RECURSION), 3.0)
    counts = tally.rcodes()
    assert counts["own", Rcode.NOERROR] == counts["own", Rcode.NXDOMAIN] == 1
    assert counts["recursion", Rcode.SERVFAIL] == 1
    assert tally.types() == {RRType.A: 2, RRType.MX: 1}
    times = tally.histograms()
    assert (times["own"].count, times["recursion"].count) == (2, 1)
    assert (times["recursion"].percentile(50) or 0) > 1 > (times["own"].percentile(99) or 0)


def test_query_without_a_question_has_no_type() -> None:
    tally = Tally()
    bare = Request(Message(1, 0), CLIENT, 0, False)
    tally.saw(bare, Answer(Rcode.FORMERR, source=Source.MALFORMED), 0.0)
    assert tally.types() == {}
    assert tally.rcodes()["malformed", Rcode.FORMERR] == 1


def test_types_are_bounded() -> None:
    tally = Tally()
    for qtype in range(1000, 1000 + 2 * MAX_TYPES):
        tally.saw(request(qtype=qtype), Answer(), 0.0)
    assert len(tally.types()) <= MAX_TYPES + 1
    assert tally.types()[OTHER_TYPES] == MAX_TYPES


def test_batch_of_finished_packets_is_counted_by_rcode() -> None:
    tally = Tally()
    found, denied = reply("a.example.", Rcode.NOERROR), reply("b.example.", Rcode.NXDOMAIN)
    tally.saw_batch(Batch(found, denied, denied), 3, [], 0.002)
    assert tally.rcodes() == {(PACKETS, Rcode.NOERROR): 1, (PACKETS, Rcode.NXDOMAIN): 2}
    assert tally.packets.count == 3
    assert tally.packets.sum_s == 0.006


def test_packet_over_tcp_counts_as_one() -> None:
    tally = Tally()
    tally.saw_packet(reply("b.example.", Rcode.NXDOMAIN), CLIENT, 0.001)
    assert tally.rcodes() == {(PACKETS, Rcode.NOERROR): 0, (PACKETS, Rcode.NXDOMAIN): 1}


def test_one_hit_stands_for_its_batch_while_somebody_looks() -> None:
    tally = Tally()
    missed, hit = reply("a.example.", Rcode.NOERROR), reply("B.example.", Rcode.NOERROR)
    tally.saw_batch(Batch(missed, hit, hit), 3, [0], 0.001)
    tally.sampler = popular = Popular()
    tally.saw_batch(Batch(missed, hit, hit), 3, [0], 0.001)
    tally.saw_packet(hit, OTHER_CLIENT, 0.001)
    (question,) = popular.questions.top(9)
    assert (show_question(question.key), question.times) == ("b.example. A", 3)
    assert {c.key: c.times for c in popular.clients.top(9)} == {CLIENT: 2, OTHER_CLIENT: 1}


def test_popular_names_and_clients_of_the_full_path() -> None:
    popular = Popular()
    for _ in range(3):
        popular.saw(request("WWW.example."), Answer(), 0.0)
    popular.saw(request("a.example.", RRType.AAAA, OTHER_CLIENT), Answer(), 0.0)
    assert [(show_question(f.key), f.times) for f in popular.questions.top(1)] == [
        ("www.example. A", 3)
    ]
    assert [f.key for f in popular.clients.top(2)] == [CLIENT, OTHER_CLIENT]


def test_sample_that_is_no_message_is_passed_over() -> None:
    popular = Popular()
    popular.sample(bytes(12) + b"\x3fabc", CLIENT, 1)
    assert popular.questions.top(1) == []
    assert popular.clients.total == 1
