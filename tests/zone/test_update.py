"""Dynamic updates (RFC 2136 section 3) of a version; messages are made by dnspython."""

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.update
import pytest
from reading import HEAD, name, records, zone
from stages import pauses
from versions import assert_same

from resolver.codes import Rcode
from resolver.errors import WireError
from resolver.slices import finish
from resolver.zone import update as updates
from resolver.zone.content import Zone
from resolver.zone.diff import apply
from resolver.zone.update import Changed, Outcome, Rejected, Unchanged
from resolver.zone.zonemd import Algorithm, Right, verify, with_digest

BODY = """
www 300 A 192.0.2.10
www 300 A 192.0.2.11
www 300 TXT "hello"
alias CNAME www
sub NS ns.sub
ns.sub A 192.0.2.53
below.ent TXT "x"
d DNAME example.net.
* TXT "wild"
"""


def change() -> dns.update.UpdateMessage:
    return dns.update.UpdateMessage("example.test.")


def perform(message: dns.update.UpdateMessage, base: Zone | None = None) -> Outcome:
    base = base or zone(BODY)
    update = updates.read(message.to_wire())
    return finish(
        updates.perform(
            base, update, may=lambda owner, rrtype: True, bump=lambda serial: serial + 1
        )
    )


def after(message: dns.update.UpdateMessage) -> set[str]:
    """Records that are there after an update and were not before, with +, or the other way."""
    base = zone(BODY)
    outcome = perform(message, base)
    assert isinstance(outcome, Changed), outcome
    assert_same(outcome.zone, finish(apply(base, outcome.diff)))
    old, new = set(records(base)), set(records(outcome.zone))
    return {f"+{r}" for r in new - old} | {f"-{r}" for r in old - new}


def rcode(message: dns.update.UpdateMessage) -> Rcode:
    outcome = perform(message)
    if isinstance(outcome, Rejected):
        return Rcode(outcome.rcode)
    return Rcode.NOERROR


def raw(owner: str, ttl: int, rrclass: str, rrtype: str, data: bytes = b"") -> dns.rrset.RRset:
    """A record as no sane client sends it."""
    rrset = dns.rrset.RRset(
        dns.name.from_text(owner),
        dns.rdataclass.from_text(rrclass),
        dns.rdatatype.from_text(rrtype),
    )
    generic = dns.rdata.GenericRdata(rrset.rdclass, rrset.rdtype, data)
    rrset.items[generic] = None
    rrset.ttl = ttl
    return rrset


class TestPrerequisites:
    @pytest.mark.parametrize(
        ("owner", "rcode_if_absent"),
        [("www", 0), ("nowhere", 3), ("ent", 3), ("x", 3), ("*", 0)],
    )
    def test_name_is_in_use(self, owner: str, rcode_if_absent: int) -> None:
        # Neither an empty non-terminal nor what a wildcard covers is in use.
        message = change()
        message.present(owner)
        assert rcode(message) == rcode_if_absent

    @pytest.mark.parametrize(("owner", "expected"), [("www", 6), ("ent", 0), ("nowhere", 0)])
    def test_name_is_not_in_use(self, owner: str, expected: int) -> None:
        message = change()
        message.absent(owner)
        assert rcode(message) == expected

    @pytest.mark.parametrize(("rrtype", "expected"), [("A", 0), ("MX", 8)])
    def test_rrset_exists(self, rrtype: str, expected: int) -> None:
        message = change()
        message.present("www", rrtype)
        assert rcode(message) == expected

    @pytest.mark.parametrize(("rrtype", "expected"), [("A", 7), ("MX", 0)])
    def test_rrset_does_not_exist(self, rrtype: str, expected: int) -> None:
        message = change()
        message.absent("www", rrtype)
        assert rcode(message) == expected

    @pytest.mark.parametrize(
        ("addresses", "expected"),
        [
            (["192.0.2.10", "192.0.2.11"], 0),
            (["192.0.2.11", "192.0.2.10"], 0),
            (["192.0.2.10"], 8),
            (["192.0.2.10", "192.0.2.11", "192.0.2.12"], 8),
        ],
    )
    def test_rrset_has_these_values(self, addresses: list[str], expected: int) -> None:
        message = change()
        for address in addresses:
            message.present("WWW", "A", address)
        assert rcode(message) == expected

    def test_values_are_compared_without_regard_to_case(self) -> None:
        message = change()
        message.present("alias", "CNAME", "WWW")
        assert rcode(message) == Rcode.NOERROR

    def test_outside_the_zone(self) -> None:
        message = change()
        message.present("example.net.")
        assert rcode(message) == Rcode.NOTZONE

    @pytest.mark.parametrize(
        "record",
        [
            raw("www.example.test.", 1, "ANY", "A"),
            raw("www.example.test.", 0, "NONE", "A", b"\1\2\3\4"),
            raw("www.example.test.", 0, "CH", "TXT", b"\1a"),
            raw("www.example.test.", 0, "IN", "ANY"),
        ],
    )
    def test_malformed(self, record: dns.rrset.RRset) -> None:
        message = change()
        message.sections[1].append(record)
        assert rcode(message) == Rcode.FORMERR

    def test_nothing_is_done_when_one_fails(self) -> None:
        message = change()
        message.present("www")
        message.present("nowhere")
        message.add("new", 60, "A", "192.0.2.1")
        assert rcode(message) == Rcode.NXDOMAIN


class TestChanges:
    def test_add(self) -> None:
        message = change()
        message.add("New", 60, "A", "192.0.2.1")
        assert after(message) == {"+New.example.test. 60 A 192.0.2.1"}

    def test_add_beside_others_sets_the_ttl_of_all(self) -> None:
        message = change()
        message.add("www", 60, "A", "192.0.2.12")
        assert after(message) == {
            "-www.example.test. 300 A 192.0.2.10",
            "-www.example.test. 300 A 192.0.2.11",
            "+www.example.test. 60 A 192.0.2.10",
            "+www.example.test. 60 A 192.0.2.11",
            "+www.example.test. 60 A 192.0.2.12",
        }

    def test_what_is_there_already_changes_nothing_not_even_the_serial(self) -> None:
        message = change()
        message.add("www", 300, "A", "192.0.2.10")
        message.delete("nowhere")
        message.delete("www", "A", "192.0.2.99")
        assert perform(message) == Unchanged()

    def test_what_comes_and_goes_changes_nothing(self) -> None:
        message = change()
        message.add("new", 300, "A", "192.0.2.10")
        message.delete("new")
        assert perform(message) == Unchanged()

    def test_delete_record_rrset_name(self) -> None:
        message = change()
        message.delete("www", "A", "192.0.2.10")
        assert after(message) == {"-www.example.test. 300 A 192.0.2.10"}
        message = change()
        message.delete("www", "A")
        assert len(after(message)) == 2
        message = change()
        message.delete("www")
        assert len(after(message)) == 3

    def test_the_order_counts(self) -> None:
        # Delete, add, delete, add of one RRset: put together they would mean something else.
        message = change()
        message.add("www", 300, "A", "192.0.2.1")
        message.delete("www", "A")
        message.add("www", 300, "A", "192.0.2.2")
        assert after(message) == {
            "-www.example.test. 300 A 192.0.2.10",
            "-www.example.test. 300 A 192.0.2.11",
            "+www.example.test. 300 A 192.0.2.2",
        }

    def test_the_serial_moves_on(self) -> None:
        message = change()
        message.add("new", 60, "A", "192.0.2.1")
        outcome = perform(message)
        assert isinstance(outcome, Changed)
        assert (outcome.zone.serial, outcome.diff.from_serial, outcome.diff.to_serial) == (2, 1, 2)


class TestAliases:
    def test_cname_beside_other_data_is_ignored(self) -> None:
        message = change()
        message.add("www", 60, "CNAME", "elsewhere")
        assert perform(message) == Unchanged()

    def test_other_data_beside_a_cname_is_ignored(self) -> None:
        message = change()
        message.add("alias", 60, "A", "192.0.2.1")
        message.add("alias", 60, "DNAME", "example.net.")
        assert perform(message) == Unchanged()

    def test_cname_takes_the_place_of_a_cname(self) -> None:
        message = change()
        message.add("alias", 3600, "CNAME", "elsewhere")
        assert after(message) == {
            "-alias.example.test. 3600 CNAME www.example.test.",
            "+alias.example.test. 3600 CNAME elsewhere.example.test.",
        }

    def test_dname_takes_the_place_of_a_dname_and_a_cname_beside_it_is_ignored(self) -> None:
        message = change()
        message.add("d", 3600, "DNAME", "example.org.")
        message.add("d", 3600, "CNAME", "example.org.")
        assert after(message) == {
            "-d.example.test. 3600 DNAME example.net.",
            "+d.example.test. 3600 DNAME example.org.",
        }

    def test_cname_after_the_name_was_deleted(self) -> None:
        message = change()
        message.delete("www")
        message.add("www", 60, "CNAME", "alias")
        assert "+www.example.test. 60 CNAME alias.example.test." in after(message)


class TestApex:
    def soa(self, serial: int) -> str:
        return f"ns1 hostmaster {serial} 7200 3600 1209600 300"

    @pytest.mark.parametrize("serial", [1, 0, (1 << 31) + 1])
    def test_soa_that_is_not_newer_is_ignored(self, serial: int) -> None:
        message = change()
        message.add("@", 3600, "SOA", self.soa(serial))
        assert perform(message) == Unchanged()

    def test_soa_that_is_newer_sets_the_serial(self) -> None:
        message = change()
        message.add("@", 3600, "SOA", self.soa(70))
        message.add("new", 60, "A", "192.0.2.1")
        outcome = perform(message)
        assert isinstance(outcome, Changed)
        assert outcome.zone.serial == outcome.diff.to_serial == 70

    def test_soa_elsewhere_is_ignored(self) -> None:
        message = change()
        message.add("www", 3600, "SOA", self.soa(70))
        assert perform(message) == Unchanged()

    def test_soa_and_last_ns_stay(self) -> None:
        message = change()
        message.delete("@")
        message.delete("@", "NS")
        message.delete("@", "SOA")
        message.delete("@", "NS", "ns1")
        message.delete("@", "SOA", self.soa(1))
        assert perform(message) == Unchanged()

    def test_ns_can_be_exchanged(self) -> None:
        message = change()
        message.add("@", 3600, "NS", "ns.example.net.")
        message.delete("@", "NS", "ns1")
        outcome = perform(message)
        assert isinstance(outcome, Changed)
        assert outcome.zone.ns.rdatas == (name("ns.example.net."),)

    def test_name_server_must_keep_its_address(self) -> None:
        message = change()
        message.delete("ns1")
        outcome = perform(message)
        assert isinstance(outcome, Rejected)
        assert outcome.rcode == Rcode.REFUSED
        assert "ns1.example.test." in outcome.reason


class TestRefusals:
    @pytest.mark.parametrize(
        "record",
        [
            raw("www.example.test.", 1, "ANY", "A"),
            raw("www.example.test.", 0, "ANY", "AXFR"),
            raw("www.example.test.", 1, "NONE", "TXT", b"\1a"),
            raw("www.example.test.", 0, "NONE", "ANY"),
            raw("www.example.test.", 0, "IN", "ANY"),
            raw("www.example.test.", 0, "CH", "TXT", b"\1a"),
            raw("www.example.test.", 60, "IN", "TXT", b"\5a"),
            raw("www.example.test.", 60, "IN", "CAA", b"\0"),
        ],
    )
    def test_malformed(self, record: dns.rrset.RRset) -> None:
        message = change()
        message.add("new", 60, "A", "192.0.2.1")
        message.sections[2].append(record)
        assert rcode(message) == Rcode.FORMERR

    def test_wrong_length_of_data(self) -> None:
        message = change()
        message.sections[2].append(raw("www.example.test.", 60, "IN", "A", b"\1"))
        with pytest.raises(WireError):
            updates.read(message.to_wire())

    def test_outside_the_zone(self) -> None:
        message = change()
        message.add("new", 60, "A", "192.0.2.1")
        message.add("www.example.net.", 60, "A", "192.0.2.1")
        assert rcode(message) == Rcode.NOTZONE

    def test_ns_at_a_wildcard(self) -> None:
        message = change()
        message.add("*.y", 60, "NS", "ns.example.net.")
        assert rcode(message) == Rcode.REFUSED

    def test_proofs_belong_to_the_signer(self) -> None:
        message = change()
        message.delete("www", "NSEC")
        assert rcode(message) == Rcode.REFUSED

    def test_signed_zone(self) -> None:
        signature = "SOA 13 2 3600 20380101000000 20200101000000 1 @ aaaa"
        signed = zone(BODY + f"@ RRSIG {signature}\n", head=HEAD)
        message = change()
        message.add("new", 60, "A", "192.0.2.1")
        assert signed.signed
        assert isinstance(perform(message, signed), Rejected)


class TestDigest:
    """A ZONEMD record is about one serial (RFC 8976 section 3)."""

    def test_is_made_anew(self) -> None:
        digested = finish(with_digest(zone(BODY), [Algorithm.SHA384]))
        message = change()
        message.add("new", 60, "A", "192.0.2.1")
        outcome = perform(message, digested)
        assert isinstance(outcome, Changed)
        assert finish(verify(outcome.zone)) == Right(Algorithm.SHA384)
        assert_same(outcome.zone, finish(apply(digested, outcome.diff)))


class TestRights:
    def asked(
        self, message: dns.update.UpdateMessage, *, allowed: str
    ) -> tuple[Outcome, list[str]]:
        seen: list[str] = []

        def may(owner: bytes, rrtype: int) -> bool:
            seen.append(f"{owner.split(bytes((7,)))[0].decode('latin-1')[1:]} {rrtype}")
            return owner == name(allowed)

        update = updates.read(message.to_wire())
        outcome = finish(updates.perform(zone(BODY), update, may=may, bump=lambda s: s + 1))
        return outcome, seen

    def test_each_record_is_asked_for(self) -> None:
        message = change()
        message.add("NEW", 60, "A", "192.0.2.1")
        message.add("www", 60, "A", "192.0.2.1")
        outcome, seen = self.asked(message, allowed="new")
        assert outcome == Rejected(Rcode.REFUSED, "www.example.test. A: no right to it")
        assert seen == ["new 1", "www 1"]

    def test_deleting_a_name_takes_the_right_to_all_its_types(self) -> None:
        message = change()
        message.delete("www")
        _, seen = self.asked(message, allowed="www")
        assert sorted(seen) == ["www 1", "www 16"]

    def test_prerequisites_come_first(self) -> None:
        message = change()
        message.present("nowhere")
        message.add("www", 60, "A", "192.0.2.1")
        outcome, _ = self.asked(message, allowed="new")
        assert isinstance(outcome, Rejected)
        assert outcome.rcode == Rcode.NXDOMAIN


def test_a_large_update_is_made_in_slices_from_beginning_to_end() -> None:
    message = change()
    for i in range(1_500):
        message.absent(f"h{i}")
    for i in range(1_500):
        message.add(f"h{i}", 300, "A", "192.0.2.1")
    update = updates.read(message.to_wire())
    stages = pauses(
        updates.perform(zone(BODY), update, may=lambda *_: True, bump=lambda serial: serial + 1)
    )
    for stage in ("_look_at_prerequisites", "perform", "difference", "errors"):
        assert stages[stage] >= 5, stage
