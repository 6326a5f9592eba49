"""What an ALIAS in a signed zone lends: signed for who wants that, and denied without denying too
much (A08)."""

import dns.flags
import dns.message
import dns.rdatatype
import pytest
import zone_signing
from zone_signing import alias, pair

from resolver import codes, names
from resolver.codes import Flag, RRType
from resolver.model import Answer, Edns, Message, Question
from resolver.policy.acl import QUERY
from resolver.serve.own_zones import OwnZones
from resolver.serve.request import Identity, Request, envelope
from resolver.testing import Internet, World, zone
from resolver.testing.watch import Watch
from resolver.zone.file import read_zone_text
from resolver.zone.private_key import read_private_key
from resolver.zone.signer import SAVED_WORK_S, Signatures, Signer, SigningKey
from resolver.zone.store import ZoneStore

ORIGIN = "signed.test."


OWN = f"""$TTL 3600
@ SOA ns1.signed.test. host.signed.test. 1 7200 900 1209600 600
@ NS ns1.signed.test.
ns1 A 192.0.2.1
@ 300 {alias("www.example.com.")}
four {alias("only4.example.com.")}
gone {alias("gone.example.com.")}
broken {alias("www.dead.test.")}
*.wild {alias("only4.example.com.")}
*.to CNAME a.wild.signed.test.
*.too CNAME m.too.signed.test.
m.too {alias("only4.example.com.")}
z TXT "last"
"""
COM = """
www 200 A 192.0.2.7
www 200 A 192.0.2.8
www 100 AAAA 2001:db8::7
only4 200 A 192.0.2.9
"""
KSK, ZSK = pair(13, 257), pair(13, 256)
SIGNED = zone_signing.sign(OWN, ORIGIN, KSK, ZSK)


class Asking:
    """A server of signed.test. in a fake Internet, asked with DO."""

    def __init__(self, *, key: zone_signing.Pair = ZSK) -> None:
        net = Internet()
        net.root(".", "198.51.100.1")
        net.host("com.", "198.51.100.2")
        net.host("example.com.", "198.51.100.3", zone("example.com.", COM))
        net.host("dead.test.", "198.51.100.9", zone("dead.test.", "www A 192.0.2.99"))
        net.unreachable("198.51.100.9")
        self.world = World(net)
        store = ZoneStore()
        keys = [SigningKey("key", read_private_key(ZSK.private))]
        report = read_zone_text(SIGNED, names.read(ORIGIN), alias_keys=keys)
        assert report.zone is not None, report.errors
        store.swap(report.zone)
        self.lent, self.denials = Signatures(self.world.clock), Signatures(self.world.clock)
        keys = [SigningKey("key", read_private_key(key.private))]
        signer = Signer(keys, 14 * 86_400, lent=self.lent, denials=self.denials)
        store.signers = {names.read(ORIGIN): signer}
        self.zones = OwnZones(store, self.world.recursion, minimal=True)

    def ask(self, qname: str, qtype: str, *, dnssec_ok: bool = True) -> dns.message.Message:
        """The reply, on the wire and back."""
        number = codes.read_type(qtype)
        assert number is not None
        query = Message(1, 0, [Question(names.read(qname), number)], edns=Edns(dnssec_ok=dnssec_ok))
        request = Request(query, b"\x7f\0\0\1", QUERY, stream=True)
        handled = self.zones.handle(request)
        if not isinstance(handled, Answer):
            ends: list[Answer] = []
            self.world.driver.start(handled, ends.append, Watch())  # type: ignore[arg-type]
            self.world.driver.run()
            (handled,) = ends
        return dns.message.from_wire(envelope(request, handled, Identity(), recursion=True))

    def checked(self, qname: str, qtype: str) -> tuple[dns.message.Message, list[str]]:
        """The reply, and what in it is signed well, which must be all of it."""
        reply = self.ask(qname, qtype)
        now = self.world.clock.wall()
        return reply, zone_signing.verify(reply, ORIGIN, KSK, ZSK, now=now)


def data(reply: dns.message.Message) -> list[str]:
    return [
        f"{rrset.name} {rrset.ttl} {rd}"
        for rrset in reply.answer
        if rrset.rdtype != dns.rdatatype.RRSIG
        for rd in sorted(map(str, rrset))
    ]


def denying(reply: dns.message.Message) -> dict[str, set[str]]:
    """The types of each NSEC record; every name has one at most."""
    found: dict[str, set[str]] = {}
    for rrset in reply.authority:
        if rrset.rdtype == dns.rdatatype.NSEC:
            assert str(rrset.name) not in found
            (record,) = rrset
            found[str(rrset.name)] = set(str(record).split()[1:])
    return found


def test_addresses_are_signed_and_count_down_under_one_signature() -> None:
    asking = Asking()
    reply, signed = asking.checked("Signed.test.", "A")
    assert data(reply) == ["Signed.test. 200 192.0.2.7", "Signed.test. 200 192.0.2.8"]
    assert signed == ["Signed.test. A"]
    assert reply.flags & Flag.AA
    (before,) = reply.answer[1]
    assert before.original_ttl == 300
    asking.world.clock.advance(150)
    reply, _ = asking.checked("signed.test.", "A")
    assert [rrset.ttl for rrset in reply.answer] == [50, 50]
    assert list(reply.answer[1]) == [before]
    assert asking.lent.made == 1


def test_only_for_who_wants_signatures() -> None:
    asking = Asking()
    reply = asking.ask("signed.test.", "A", dnssec_ok=False)
    assert [rrset.rdtype for rrset in reply.answer] == [dns.rdatatype.A]
    reply = asking.ask("four.signed.test.", "AAAA", dnssec_ok=False)
    assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]
    assert asking.lent.made == asking.denials.made == 0


@pytest.mark.parametrize(
    ("qname", "qtype", "there", "missing"),
    [
        ("four", "AAAA", {"A", "TYPE65401"}, {"AAAA"}),
        ("gone", "AAAA", {"A", "TYPE65401"}, {"AAAA"}),
        ("gone", "A", {"AAAA", "TYPE65401"}, {"A"}),
        ("four", "TXT", {"A", "AAAA", "TYPE65401"}, {"TXT"}),
        ("four", "HTTPS", {"A", "AAAA", "TYPE65401"}, {"HTTPS"}),
    ],
)
def test_absence_denies_what_was_asked_for_and_no_more(
    qname: str, qtype: str, there: set[str], missing: set[str]
) -> None:
    reply, signed = Asking().checked(f"{qname}.signed.test.", qtype)
    assert reply.rcode() == dns.rcode.NOERROR
    assert signed == ["signed.test. SOA", f"{qname}.signed.test. NSEC"]
    (types,) = denying(reply).values()
    assert there <= types
    assert not missing & types


def test_record_that_covers_other_names_denies_no_addresses() -> None:
    reply, _ = Asking().checked("foux.signed.test.", "A")
    assert reply.rcode() == dns.rcode.NXDOMAIN
    found = denying(reply)
    assert set(found) == {"four.signed.test.", "signed.test."}
    assert all({"A", "AAAA", "TYPE65401"} <= types for types in found.values())


@pytest.mark.parametrize("qtype", ["NSEC", "ANY"])
@pytest.mark.parametrize("dnssec_ok", [False, True])
def test_record_that_is_asked_for_is_the_same(qtype: str, *, dnssec_ok: bool) -> None:
    reply = Asking().ask("four.signed.test.", qtype, dnssec_ok=dnssec_ok)
    records = [str(rrset[0]) for rrset in reply.answer if rrset.rdtype == dns.rdatatype.NSEC]
    assert [text.partition(" ")[2] for text in records] == (
        ["A AAAA RRSIG NSEC TYPE65401"] if qtype == "NSEC" or records else []
    )
    if qtype == "NSEC":
        assert len(records) == 1


def test_what_a_wildcard_lends_is_signed_once_for_all_names() -> None:
    asking = Asking()
    for label in ("x", "y", "a.b"):
        reply, signed = asking.checked(f"{label}.wild.signed.test.", "A")
        assert data(reply) == [f"{label}.wild.signed.test. 200 192.0.2.9"]
        assert signed[0] == f"{label}.wild.signed.test. A"
        assert denying(reply), "that nothing is nearer must be proven"
    assert asking.lent.made == 1
    reply, _ = asking.checked("x.wild.signed.test.", "AAAA")
    assert denying(reply)["*.wild.signed.test."] == {"A", "RRSIG", "NSEC", "TYPE65401"}


def test_one_record_that_proves_both_ends_of_a_chain() -> None:
    """That nothing is nearer than the wildcard, and that its target has no such address: the one
    that lacks the type asked for does for both."""
    reply, signed = Asking().checked("x.too.signed.test.", "AAAA")
    assert signed == ["x.too.signed.test. CNAME", "signed.test. SOA", "m.too.signed.test. NSEC"]
    assert denying(reply) == {"m.too.signed.test.": {"A", "RRSIG", "NSEC", "TYPE65401"}}


def test_chain_of_a_wildcard_to_a_wildcard() -> None:
    asking = Asking()
    reply, signed = asking.checked("x.to.signed.test.", "AAAA")
    assert signed[0] == "x.to.signed.test. CNAME"
    assert denying(reply)["*.wild.signed.test."] == {"A", "RRSIG", "NSEC", "TYPE65401"}
    reply, signed = asking.checked("x.to.signed.test.", "A")
    assert signed[:2] == ["x.to.signed.test. CNAME", "a.wild.signed.test. A"]


def test_absence_lives_no_longer_than_its_soa() -> None:
    reply, _ = Asking().checked("four.signed.test.", "AAAA")
    ttls = {rrset.ttl for rrset in reply.authority}
    assert len(ttls) == 1
    assert max(ttls) <= 600


@pytest.mark.parametrize("where", ["lent", "denials"])
def test_failure_when_there_is_no_time_to_sign(where: str) -> None:
    asking = Asking()
    signatures: Signatures = getattr(asking, where)
    signatures._left_s = -SAVED_WORK_S
    asked = {"lent": ("signed.test.", "A"), "denials": ("four.signed.test.", "TXT")}[where]
    reply = asking.ask(*asked)
    assert (reply.rcode(), reply.answer) == (dns.rcode.SERVFAIL, [])
    assert "too many signatures" in str(reply.extended_errors()[0])
    asking.world.clock.advance(60)
    assert asking.ask(*asked).rcode() == dns.rcode.NOERROR


def test_target_that_cannot_be_resolved_is_a_failure() -> None:
    reply = Asking().ask("broken.signed.test.", "A")
    assert (reply.rcode(), reply.answer, reply.authority) == (dns.rcode.SERVFAIL, [], [])


def test_keys_of_another_zone_sign_nothing() -> None:
    """A copy from another server may have lost the key that is configured here."""
    asking = Asking(key=pair(13))
    reply = asking.ask("signed.test.", "A")
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert "no key of the zone to sign with" in str(reply.extended_errors()[0])
    reply, _ = asking.checked("four.signed.test.", "TXT")
    assert denying(reply)["four.signed.test."] == {"RRSIG", "NSEC", "TYPE65401"}


def test_record_itself_is_that_of_the_file() -> None:
    _, signed = Asking().checked("signed.test.", "TYPE65401")
    assert signed == ["signed.test. TYPE65401"]
    assert int(RRType.ALIAS) == 65401
