"""Whom a NOTIFY goes to, what it says, and what answers it (RFC 1996)."""

import dns.flags
import dns.message
import dns.opcode

from resolver import names
from resolver.codes import Flag, Opcode, Rcode, RRType
from resolver.model import Message, Question
from resolver.wire.build import build
from resolver.zone.content import Zone
from resolver.zone.file import read_zone_text
from resolver.zone.notify import hosts, is_answer, notification, show_addresses


def zone(*lines: str) -> Zone:
    text = "\n".join(["@ 300 SOA Ns1 admin 7 7200 900 1209600 300", *lines])
    report = read_zone_text(text, names.read("example.test."))
    assert report.zone is not None, report.errors
    return report.zone


def test_name_servers_but_the_primary_are_told() -> None:
    served = zone(
        "@ 300 NS ns1",
        "@ 300 NS NS2",
        "@ 300 NS ns.elsewhere.test.",
        "sub 300 NS ns.sub",
        "ns1 300 A 192.0.2.1",
        "ns2 300 A 192.0.2.2",
        "ns.sub 300 A 192.0.2.3",
    )
    told = [names.show(host) for host in hosts(served)]
    assert told == ["ns2.example.test.", "ns.elsewhere.test."]


def test_message_is_what_others_understand() -> None:
    served = zone("@ 300 NS ns1", "ns1 300 A 192.0.2.1")
    message = dns.message.from_wire(build(notification(served, 4711)))
    assert message.id == 4711
    assert message.opcode() == dns.opcode.NOTIFY
    assert message.flags & 0x87FF == dns.flags.AA
    assert message.question[0].to_text() == "example.test. IN SOA"
    assert message.answer[0][0].serial == 7


def test_answers_are_told_from_other_messages() -> None:
    sent = notification(zone("@ 300 NS ns1", "ns1 300 A 192.0.2.1"), 7)

    def answers(
        number: int = 7,
        flags: int = Flag.QR | Opcode.NOTIFY << 11,
        question: str | None = "EXAMPLE.test.",
    ) -> bool:
        questions = [] if question is None else [Question(names.read(question), RRType.SOA)]
        return is_answer(sent, Message(number, flags, questions, rcode=Rcode.NOTIMP))

    assert answers()
    assert answers(question=None)
    assert not answers(number=8)
    assert not answers(flags=Opcode.NOTIFY << 11)
    assert not answers(flags=Flag.QR)
    assert not answers(question="other.test.")


def test_addresses_are_shown() -> None:
    served = zone("@ 300 NS ns1", "ns1 300 A 192.0.2.1", "ns1 300 AAAA 2001:db8::1")
    node = served.node(names.read("ns1.example.test."))
    assert node is not None
    shown = [show_addresses(rrset) for rrset in node.all()]
    assert shown == [["192.0.2.1"], ["2001:db8::1"]]
