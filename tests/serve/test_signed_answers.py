"""Signed zones as clients see them: with DO and without, whole and truncated, kept and new."""

from pathlib import Path

import pytest

from resolver import codes, names
from resolver.cache.answers import Answers
from resolver.codes import Ede, Flag, Rcode, RRType
from resolver.config.schema import Config
from resolver.metrics import Metrics
from resolver.model import Edns, Message, Question, RRset
from resolver.policy.acl import AccessTable
from resolver.serve import authority
from resolver.serve.any_type import AnyAnswer
from resolver.serve.fast import FastPath
from resolver.serve.pipeline import handlers
from resolver.serve.request import Identity
from resolver.serve.service import Service
from resolver.testing.clock import ManualClock
from resolver.wire.build import build
from resolver.wire.edns import extended_errors
from resolver.wire.parse import parse
from resolver.zone.file import read_zone_text
from resolver.zone.store import ZoneStore

ZONES = Path(__file__).parents[1] / "zone" / "signed"
ORIGIN = names.read("example.test.")
CLIENT = bytes((192, 0, 2, 7))
DO = Edns(dnssec_ok=True)
SECURITY = {RRType.RRSIG, RRType.NSEC, RRType.NSEC3}
UNSIGNED = """$TTL 300
@ SOA ns1 host 1 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.1
to CNAME www.example.test.
wild CNAME x.wild.example.test.
mx MX 1 www.example.test.
fat A 192.0.2.2
fat TXT "text" "more text"
fat HINFO "a" "b"
"""


class Server:
    """A service for zones, and the path of finished packets in front of it."""

    def __init__(self, *ways: str, any_answer: AnyAnswer = "minimal", minimal: bool = True) -> None:
        self.store = ZoneStore()
        texts = [(ORIGIN, (ZONES / f"{way}.zone").read_text()) for way in ways]
        for origin, text in [*texts, (names.read("plain.test."), UNSIGNED)]:
            zone = read_zone_text(text, origin).zone
            assert zone is not None
            self.store.swap(zone)
        metrics = Metrics()
        config = Config.model_validate({"access": {"query": ["any"]}})
        order = handlers(
            self.store,
            None,
            identity=Identity(),
            metrics=metrics,
            minimal=minimal,
            any_answer=any_answer,
        )
        self.service = Service(
            order=order,
            access=AccessTable(config.access, []),
            answers=Answers(1_000_000),
            identity=Identity(),
            clock=ManualClock(),
            metrics=metrics,
            recursion=False,
            on_exception=_fail,
        )
        self.fast = FastPath(self.service.answers, self.service.access.bits)

    def ask(
        self,
        name: str,
        rrtype: str,
        edns: Edns | None = DO,
        *,
        flags: int = 0,
        stream: bool = False,
    ) -> Message:
        """The reply, from the finished packets if it is among them."""
        packet = query(name, rrtype, edns, flags)
        bits = self.service.access.bits(CLIENT)
        reply = self.fast.hit(packet, CLIENT, bits, 0.0, stream=stream)
        if reply is None:
            made = self.service.respond(packet, CLIENT, stream=stream)
            assert isinstance(made, bytes)
            reply = made
        self.octets = len(reply)
        return parse(reply)


def query(name: str, rrtype: str, edns: Edns | None = DO, flags: int = 0) -> bytes:
    qtype = codes.read_type(rrtype)
    assert qtype is not None
    full = name if name.endswith(".") else f"{name}.example.test."
    return build(Message(7, flags, [Question(names.read(full), qtype)], edns=edns))


def _fail(fault: BaseException) -> None:
    raise fault


def kinds(rrsets: list[RRset]) -> list[str]:
    return [codes.show_type(rrset.rrtype) for rrset in rrsets]


def covered(rrsets: list[RRset]) -> set[str]:
    return {
        codes.show_type(int.from_bytes(rdata[:2], "big"))
        for rrset in rrsets
        if rrset.rrtype == RRType.RRSIG
        for rdata in rrset.rdatas
    }


@pytest.mark.parametrize("way", ["nsec", "nsec3", "opt-out"])
@pytest.mark.parametrize(
    "question", ["www A", "www MX", "nothing A", "x.wild A", "x.wild MX", "x.sub A", "x.safe A"]
)
@pytest.mark.parametrize("edns", [None, Edns()])
def test_without_do_there_is_nothing_of_it(way: str, question: str, edns: Edns | None) -> None:
    name, rrtype = question.split()
    found = Server(way, minimal=False).ask(name, rrtype, edns)
    everything = [*found.answer, *found.authority, *found.additional]
    assert not SECURITY & {rrset.rrtype for rrset in everything}
    assert all(rrset.rrtype != RRType.DS for rrset in everything)


@pytest.mark.parametrize("rrtype", ["DNSKEY", "NSEC3PARAM", "RRSIG"])
def test_without_do_it_is_there_when_asked_for(rrtype: str) -> None:
    found = Server("nsec3").ask("example.test.", rrtype, None, stream=True)
    assert set(kinds(found.answer)) == {rrtype}


def test_every_rrset_has_its_signature() -> None:
    found = Server("nsec", minimal=False).ask("www", "A")
    assert kinds(found.answer) == ["A", "RRSIG"]
    assert kinds(found.authority) == ["NS", "RRSIG"]
    assert kinds(found.additional) == ["A", "RRSIG"]
    assert covered(found.additional) == {"A"}


def test_signatures_of_a_wildcard_have_the_name_asked() -> None:
    found = Server("nsec").ask("X.wild", "A")
    assert {rrset.owner for rrset in found.answer} == {names.read("X.wild.example.test.")}
    assert found.answer[1].rdatas[0][3] == 3, "labels of the wildcard without its asterisk"
    assert kinds(found.authority) == ["NSEC", "RRSIG"]


def test_soa_of_a_denial_and_its_signature_share_the_lowered_ttl() -> None:
    soa, signature, *_ = Server("nsec").ask("www", "MX").authority
    assert (soa.rrtype, covered([signature])) == (RRType.SOA, {"SOA"})
    assert (soa.ttl, signature.ttl) == (60, 60), "both have 300 in the zone"


def test_a_chain_carries_the_proofs_of_its_links() -> None:
    found = Server("nsec").ask("alias", "A")
    assert kinds(found.answer) == ["CNAME", "RRSIG", "A", "RRSIG"]
    assert kinds(found.authority) == ["NSEC", "RRSIG"]


def test_one_proof_for_two_links_is_sent_once() -> None:
    server = Server()
    more = "*.v 300 CNAME x.w\n*.w 300 CNAME www\n"
    zone = read_zone_text((ZONES / "nsec.zone").read_text() + more, ORIGIN).zone
    assert zone is not None
    server.store.swap(zone)
    question = Question(names.read("x.v.example.test."), RRType.A)
    found = authority.answer(server.store, question, minimal=True, dnssec_ok=True)
    assert found is not None
    assert kinds(list(found.answer)) == ["CNAME", "CNAME", "A", "RRSIG"]
    assert kinds(list(found.authority)) == ["NSEC", "RRSIG"]


def test_a_dname_is_signed_and_its_cname_is_not() -> None:
    """RFC 6672 section 5.3.1."""
    found = Server("nsec").ask("x.red", "A")
    assert kinds(found.answer) == ["DNAME", "RRSIG", "CNAME", "A", "RRSIG"]
    assert covered(found.answer) == {"DNAME", "A"}


def test_an_alias_from_an_unsigned_zone_into_a_signed_one() -> None:
    found = Server("nsec").ask("wild.plain.test.", "A")
    assert kinds(found.answer) == ["CNAME", "A", "RRSIG"]
    assert kinds(found.authority) == ["NSEC", "RRSIG"]


def test_additional_data_from_a_signed_zone() -> None:
    found = Server("nsec").ask("mx.plain.test.", "MX")
    assert kinds(found.answer) == ["MX"]
    assert kinds(found.additional) == ["A", "RRSIG"]


def test_secure_referral() -> None:
    found = Server("nsec3").ask("x.safe", "A")
    assert kinds(found.authority) == ["NS", "DS", "RRSIG"]
    assert covered(found.authority) == {"DS"}
    assert not found.flags & Flag.AA


def test_insecure_referral_has_glue_without_signatures() -> None:
    found = Server("nsec").ask("x.sub", "A")
    assert kinds(found.authority) == ["NS", "NSEC", "RRSIG"]
    assert kinds(found.additional) == ["A"]


def test_ds_is_answered_by_the_parent() -> None:
    found = Server("nsec").ask("safe", "DS")
    assert kinds(found.answer) == ["DS", "RRSIG"]
    assert found.flags & Flag.AA


def test_a_collision_is_a_failure() -> None:
    """RFC 5155 section 7.2.9."""
    server = Server("nsec3")
    zone = server.store.get(ORIGIN)
    assert zone is not None
    denial = zone.denial
    assert denial is not None
    lines = (ZONES / "nsec3.zone").read_text().splitlines()
    copy = next(line for line in lines if line.split()[3] == "NSEC3").split()
    from resolver.zone.nsec3 import Nsec3Denial, hashed_owner

    assert isinstance(denial, Nsec3Denial)
    name = names.read("nothing.example.test.")
    copy[0] = names.show(hashed_owner(denial.parameters.hash(name), ORIGIN))
    made = read_zone_text("\n".join([*lines, " ".join(copy)]), ORIGIN).zone
    assert made is not None
    server.store.swap(made)
    found = server.ask("nothing", "A")
    assert (found.rcode, found.answer, found.authority) == (Rcode.SERVFAIL, (), ())
    assert found.edns is not None
    (error,) = extended_errors(found.edns)
    assert error.code == Ede.OTHER
    assert server.ask("nothing", "A", None).rcode == Rcode.NXDOMAIN, "without DO nothing is proven"


@pytest.mark.parametrize("flags", [0, Flag.AD, Flag.CD, Flag.AD | Flag.CD])
@pytest.mark.parametrize("stream", [False, True])
def test_ad_is_never_set_and_cd_is_copied(flags: int, stream: bool) -> None:
    """RFC 4035 sections 3.1.6 and 3.2.2. Twice: the second reply is a kept one."""
    server = Server("nsec")
    for _ in range(2):
        found = server.ask("www", "A", flags=flags, stream=stream)
        assert found.flags & (Flag.AD | Flag.CD) == flags & Flag.CD
    assert server.service.answers.entries == 1


def test_do_is_copied_into_the_reply() -> None:
    server = Server("nsec")
    for edns, wanted in ((DO, True), (Edns(), False)):
        reply = server.ask("www", "A", edns).edns
        assert reply is not None
        assert reply.dnssec_ok == wanted


def test_kept_packets_differ_by_do() -> None:
    server = Server("nsec")
    for _ in range(2):
        assert kinds(server.ask("www", "A").answer) == ["A", "RRSIG"]
        assert kinds(server.ask("www", "A", Edns()).answer) == ["A"]
        assert kinds(server.ask("www", "A", None).answer) == ["A"]
    assert server.service.answers.entries == 3


@pytest.mark.parametrize("way", ["nsec3", "opt-out"])
def test_a_signed_answer_that_does_not_fit_is_truncated(way: str) -> None:
    found = Server(way).ask("nothing", "A", Edns(udp_size=512, dnssec_ok=True))
    assert found.flags & Flag.TC
    for rrset in found.authority:
        kind = codes.show_type(rrset.rrtype)
        assert kind == "RRSIG" or kind in covered(found.authority)
    whole = Server(way).ask("nothing", "A", stream=True)
    assert not whole.flags & Flag.TC
    assert len(whole.authority) == 8


def test_any_over_udp_is_one_rrset_with_its_signature() -> None:
    """RFC 8482 section 4.1."""
    found = Server("nsec").ask("www", "ANY")
    assert kinds(found.answer) == ["A", "RRSIG"]
    assert covered(found.answer) == {"A"}
    server = Server("nsec")
    server.ask("example.test.", "ANY")
    assert server.octets < 512
    assert kinds(Server("nsec").ask("www", "RRSIG").answer) == ["RRSIG"]
    assert len(covered(Server("nsec").ask("www", "RRSIG").answer)) == 1


def test_any_over_tcp_is_everything() -> None:
    found = Server("nsec").ask("www", "ANY", stream=True)
    assert set(kinds(found.answer)) == {"A", "TXT", "NSEC", "RRSIG"}
    assert covered(found.answer) == {"A", "TXT", "NSEC"}
    assert len([r for r in found.answer if r.rrtype != RRType.RRSIG]) == 3


@pytest.mark.parametrize("stream", [False, True])
def test_any_in_full(stream: bool) -> None:
    found = Server("nsec", any_answer="full").ask("www", "ANY", stream=stream)
    assert {"A", "TXT", "NSEC"} <= set(kinds(found.answer))
    plain = Server(any_answer="full").ask("fat.plain.test.", "ANY", None, stream=stream)
    assert sorted(kinds(plain.answer)) == ["A", "HINFO", "TXT"]


@pytest.mark.parametrize("stream", [False, True])
def test_any_as_hinfo(stream: bool) -> None:
    """RFC 8482 section 4.2."""
    server = Server("nsec", any_answer="hinfo")
    (made,) = server.ask("FAT.plain.test.", "ANY", None, stream=stream).answer
    assert made.owner == names.read("FAT.plain.test.")
    assert (made.rrtype, made.rdatas) == (RRType.HINFO, (b"\x07RFC8482\x00",))
    denied = server.ask("nothing.plain.test.", "ANY", None, stream=stream)
    assert (denied.rcode, denied.answer) == (Rcode.NXDOMAIN, ())
    assert not server.ask("x.sub", "ANY", None, stream=stream).answer
    assert kinds(server.ask("www", "A", None, stream=stream).answer) == ["A"]
    signed = server.ask("www", "ANY", stream=stream)
    assert kinds(signed.answer) == ["A", "RRSIG"], "nobody would believe a made-up record"


def test_any_is_small_by_default() -> None:
    assert Config().server.any == "minimal"
    (rrset,) = Server().ask("fat.plain.test.", "ANY", None).answer
    assert rrset.rrtype == RRType.A
    assert len(Server().ask("fat.plain.test.", "ANY", None, stream=True).answer) == 3
