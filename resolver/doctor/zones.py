"""An own zone as others find it: delegation, glue, and every server that it is said to be on.

Knows: RFC 1034 section 4.2.2, RFC 1912 section 2.8 (lame servers), RFC 2181 section 10.3 (no
aliases for name servers), RFC 2182 section 5 (more than one server), RFC 9210 (TCP for all). Does
not know: where the zone came from, how the finding is shown.
"""

from dataclasses import dataclass, field
from typing import Final

from resolver import names
from resolver.codes import Flag, Rcode, RRType, show_rcode
from resolver.doctor.diagnosis import Diagnosis, Findings
from resolver.doctor.parent import (
    Delegated,
    NotDelegated,
    Resolve,
    Unknown,
    addresses,
    delegation,
    show_ip,
)
from resolver.doctor.probe import Heard, Silent, probe, records
from resolver.doctor.signatures import check_chain, check_signatures
from resolver.effects import Steps
from resolver.model import Address, Question
from resolver.zone.content import Zone, read_soa
from resolver.zone.serial import serial_gt

# What is looked at of one zone; the rest is not.
MAX_SERVERS: Final = 16
MAX_ADDRESSES: Final = 32


@dataclass(frozen=True, slots=True)
class Terms:
    """From where the zone is looked at: port of the servers, wall clock, and whether this machine
    has a way out over IPv6."""

    port: int = 53
    wall_s: float = 0.0
    has_ipv6: bool = True


def examine(zone: Zone, resolve: Resolve, terms: Terms) -> Steps[list[Diagnosis]]:
    """Everything that is wrong with a zone, worst first."""
    examination = _Examination(zone, resolve, terms)
    yield from examination.run()
    return sorted(examination.findings.found, key=lambda d: -d.level)


@dataclass(slots=True)
class _Examination:
    zone: Zone
    resolve: Resolve
    terms: Terms
    findings: Findings = field(init=False)

    def __post_init__(self) -> None:
        self.findings = Findings(f"zone {names.show(self.zone.origin)}")

    def run(self) -> Steps[None]:
        zone = self.zone
        check_signatures(zone, self.findings, self.terms.wall_s)
        said: Delegated | NotDelegated | Unknown | None = None
        if zone.origin != names.ROOT:
            said = yield from delegation(zone.origin, self.resolve, self.terms.port)
        hosts = {rdata.lower() for rdata in zone.ns.rdatas}
        if isinstance(said, Delegated):
            self._compare(said, hosts)
            check_chain(zone, said.ds, self.findings)
            hosts |= said.servers
        elif said is not None:
            self._not_found(said)
        servers = yield from self._find_servers(sorted(hosts), said)
        if len({ip for _, ip in servers}) == 1:
            self.findings.warning(
                "single-server",
                f"all name servers are one address, {servers[0][1]}",
                "Add a server elsewhere: when this one is away, the zone is away.",
            )
        for host, ip in servers[:MAX_ADDRESSES]:
            yield from self._visit(names.show(host), ip)

    def _not_found(self, said: NotDelegated | Unknown) -> None:
        if isinstance(said, NotDelegated):
            self.findings.warning(
                "not-delegated",
                f"its parent {names.show(said.parent)} has no delegation for it",
                "Nobody finds it from the root. If it is for your own network only, all is well.",
            )
        else:
            self.findings.warning(
                "parent-silent",
                f"its parent could not be asked: {said.reason}",
                "See what is wrong with the way out, or with the parent's servers.",
            )

    def _compare(self, said: Delegated, own: set[bytes]) -> None:
        parent = names.show(said.parent)
        for host in sorted(said.servers - own):
            self.findings.warning(
                "ns-only-at-parent",
                f"{parent} sends resolvers to {names.show(host)}, which the zone does not list",
                "Add the NS record to the zone, or have it removed from the parent.",
            )
        for host in sorted(own - said.servers):
            self.findings.warning(
                "ns-only-in-zone",
                f"the zone lists {names.show(host)}, which {parent} does not know",
                "Have the NS record added to the parent, or remove it from the zone.",
            )
        for host, glue in sorted(said.glue.items()):
            held = self._own_addresses(host)
            if host in said.servers and held and glue != held:
                self.findings.error(
                    "glue-differs",
                    f"{parent} says that {names.show(host)} is {_listed(glue)}, the zone says"
                    f" {_listed(held)}",
                    "Have the glue changed at the parent: resolvers begin with what it says.",
                )

    def _own_addresses(self, host: bytes) -> frozenset[str] | None:
        """The addresses that the zone has for a name in it; None for names elsewhere."""
        if not names.is_within(host, self.zone.origin):
            return None
        node = self.zone.node(host)
        if node is None:
            return frozenset()
        found = [*node.of_type(RRType.A), *node.of_type(RRType.AAAA)]
        return frozenset(show_ip(rdata) for rrset in found for rdata in rrset.rdatas)

    def _find_servers(
        self, hosts: list[bytes], said: Delegated | NotDelegated | Unknown | None
    ) -> Steps[list[tuple[bytes, str]]]:
        """Every server with each of its addresses."""
        found = []
        for host in hosts[:MAX_SERVERS]:
            ips = self._own_addresses(host)
            if ips is None:
                ips = frozenset((yield from addresses(host, self.resolve)))
            if not ips:
                yield from self._explain_missing(host)
            if isinstance(said, Delegated):
                ips |= said.glue.get(host, frozenset())
            found += [(host, ip) for ip in sorted(ips)]
        return found

    def _explain_missing(self, host: bytes) -> Steps[None]:
        """Why a name server has no address."""
        node = self.zone.node(host) if names.is_within(host, self.zone.origin) else None
        is_alias = node is not None and bool(node.of_type(RRType.CNAME))
        if node is None:
            answer = yield from self.resolve(Question(host, RRType.A))
            is_alias = bool(records(list(answer.answer), host, RRType.CNAME))
        if is_alias:
            self.findings.error(
                "ns-is-alias",
                f"the name server {names.show(host)} is an alias (CNAME)",
                "Name the host itself in the NS record (RFC 2181 section 10.3).",
            )
        else:
            self.findings.error(
                "ns-without-address",
                f"the name server {names.show(host)} has no address",
                "Add an A or AAAA record for it, or remove the NS record.",
            )

    def _visit(self, host: str, ip: str) -> Steps[None]:
        """Ask one address for the SOA, over both transports."""
        server = f"{host} ({ip})"
        if ":" in ip and not self.terms.has_ipv6:
            self.findings.note(
                "not-looked-at",
                f"{server} was not asked: this machine has no way out over IPv6",
                "Run the doctor where there is IPv6, too.",
            )
            return
        question = Question(self.zone.origin, RRType.SOA)
        address = Address(ip, self.terms.port)
        udp = yield from probe(address, question)
        tcp = yield from probe(address, question, stream=True)
        if isinstance(udp, Heard):
            self._judge(server, udp)
        else:
            self._silent(server, udp, over_tcp=isinstance(tcp, Heard))
        if isinstance(tcp, Silent) and isinstance(udp, Heard):
            self.findings.error(
                "no-tcp",
                f"{server} answers over UDP, but not over TCP: {tcp.reason}",
                "Let TCP port 53 through: large answers need it (RFC 9210).",
            )

    def _silent(self, server: str, heard: Silent, *, over_tcp: bool) -> None:
        if over_tcp:
            self.findings.error(
                "no-udp",
                f"{server} answers over TCP, but not over UDP: {heard.reason}",
                "Let UDP port 53 through.",
            )
        else:
            self.findings.error(
                "server-silent",
                f"{server}: {heard.reason}",
                "Start the server, open port 53, or take it out of the NS records.",
            )

    def _judge(self, server: str, heard: Heard) -> None:
        message = heard.message
        soa = records(message.answer, self.zone.origin, RRType.SOA)
        if message.rcode != Rcode.NOERROR or not soa or not message.flags & Flag.AA:
            how = show_rcode(message.rcode) if message.rcode else "no authoritative answer"
            self.findings.error(
                "lame-server",
                f"{server} is lame: asked for the SOA, it says {how}",
                "Configure the zone there, or take the server out of the NS records.",
            )
            return
        self._compare_serial(server, read_soa(soa[0])[0])
        if "no EDNS" in heard.needs:
            self.findings.warning(
                "no-edns",
                f"{server} answers only questions without EDNS",
                "Update the server, or whatever stands before it: resolvers ask with EDNS first.",
            )
        if "kept case" in heard.needs:
            self.findings.note(
                "case-not-kept",
                f"{server} does not keep the case of names in questions",
                "Update the server: case protects resolvers from forged answers.",
            )

    def _compare_serial(self, server: str, serial: int) -> None:
        own = self.zone.serial
        if serial == own:
            return
        if serial_gt(own, serial):
            self.findings.error(
                "serial-behind",
                f"{server} has serial {serial}, behind {own} here",
                "See there why it does not get the zone: NOTIFY, address lists, TSIG key, clock.",
            )
        else:
            self.findings.warning(
                "serial-ahead",
                f"{server} has serial {serial}, ahead of {own} here",
                "If that is the primary, see here why the zone does not come; if not, set the"
                " serial here past it.",
            )


def _listed(ips: frozenset[str]) -> str:
    return ", ".join(sorted(ips)) or "nowhere"
