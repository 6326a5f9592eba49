"""The way from this machine to the rest of the DNS: is there one, and does anybody meddle with it?

The root servers are asked a few questions with well-known answers, over each family and transport.

Knows: RFC 1034 section 3.6 (referrals have no answer), RFC 4034 section 3.1.5 (dates of
signatures), RFC 6891 section 6.2.5 (size of datagrams). Does not know: own zones, which server this
is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from resolver import names
from resolver.codes import Flag, RRType
from resolver.doctor.diagnosis import Diagnosis, Findings
from resolver.doctor.probe import Heard, Silent, probe
from resolver.effects import Ask, Reply, Steps, Timeout
from resolver.model import Address, Message, Question

# So many root servers of each family have to be silent before it is not their fault.
ASKED: Final = 3
LARGE_OCTETS: Final = 4096
# A documentation address (RFC 5737): nobody is there, so who answers from there stands in between.
NOBODY: Final = "192.0.2.53"
CLOCK_SLACK_S: Final = 300.0

_DAY_S: Final = 86_400
_DATES: Final = 8  # where expiration and inception are in the data of an RRSIG
# A name that no root server has an answer for, only a referral.
_BELOW: Final = names.read("www.example.com.")


@dataclass(frozen=True, slots=True)
class Outlook:
    """What was found, worst first, and whether there is a way out over IPv6."""

    found: list[Diagnosis]
    has_ipv6: bool


def look_around(
    roots: Sequence[Address], *, wall_s: float, ipv4: bool = True, ipv6: bool = True
) -> Steps[Outlook]:
    """Try the way out to these root servers. `ipv4` and `ipv6`: what the configuration wants to be
    used. `wall_s` since the epoch."""
    findings = Findings("this machine")
    reached4 = reached6 = None
    if ipv4:
        reached4 = yield from _first_heard([r for r in roots if ":" not in r.ip])
    reached6 = yield from _first_heard([r for r in roots if ":" in r.ip])
    reached = reached4 or reached6
    if reached is None:
        yield from _explain_silence(roots, findings)
    else:
        if ipv4 and reached4 is None:
            findings.warning(
                "no-ipv4",
                "no root server answers over IPv4",
                "Repair IPv4, or set outgoing.ipv4 = false so that no time is lost with it.",
            )
        if ipv6 and reached6 is None and any(":" in r.ip for r in roots):
            findings.warning(
                "no-ipv6",
                "no root server answers over IPv6",
                "Repair IPv6, or set outgoing.ipv6 = false so that no time is lost with it.",
            )
        yield from _examine(reached[0], reached[1], findings, wall_s)
    found = sorted(findings.found, key=lambda d: -d.level)
    return Outlook(found, reached6 is not None)


def _first_heard(roots: Sequence[Address]) -> Steps[tuple[Address, Heard] | None]:
    for root in roots[:ASKED]:
        heard = yield from probe(root, Question(names.ROOT, RRType.SOA))
        if isinstance(heard, Heard):
            return root, heard
    return None


def _explain_silence(roots: Sequence[Address], findings: Findings) -> Steps[None]:
    for root in roots[:ASKED]:
        heard = yield from probe(root, Question(names.ROOT, RRType.SOA), stream=True)
        if isinstance(heard, Heard):
            findings.error(
                "udp-blocked",
                "root servers answer over TCP, but not over UDP",
                "Let UDP to port 53 out, or forward to a server that can be reached.",
            )
            return
    findings.error(
        "no-way-out",
        "no root server answers, neither over UDP nor over TCP",
        "Let UDP and TCP to port 53 out, or forward to a server that can be reached ([[forward]]).",
    )


def _examine(root: Address, heard: Heard, findings: Findings, wall_s: float) -> Steps[None]:
    """Look closer at the way to one root server that answers."""
    below = yield from probe(root, Question(_BELOW, RRType.A))
    yield from _look_for_meddlers(root, below, findings)
    if "no EDNS" in heard.needs:
        findings.error(
            "edns-blocked",
            "questions with EDNS get no answer, without EDNS they do",
            "Something on the way drops EDNS: replace it; DNSSEC and large answers need EDNS.",
        )
    if isinstance(below, Heard) and "kept case" in below.needs:
        findings.warning(
            "case-changed",
            "something on the way changes the case of names in questions",
            "Set recursion.case_mixing = false if it cannot be replaced.",
        )
    over_tcp = yield from probe(root, Question(names.ROOT, RRType.SOA), stream=True)
    if isinstance(over_tcp, Silent):
        findings.error(
            "tcp-blocked",
            f"root servers do not answer over TCP: {over_tcp.reason}",
            "Let TCP to port 53 out: large answers need it.",
        )
    if "no EDNS" not in heard.needs:
        yield from _look_for_large(root, findings)
    _check_clock(heard.message, findings, wall_s)


def _look_for_meddlers(root: Address, below: Silent | Heard, findings: Findings) -> Steps[None]:
    """Whether somebody answers in the place of others, going by what the root server said about a
    name far below."""
    proof = ""
    if isinstance(below, Heard) and (below.message.answer or below.message.flags & Flag.RA):
        proof = f"{root.ip} is a root server and answers like a resolver"
    elif not ip_address(root.ip).is_loopback:  # a fake root has nobody in between
        nobody = yield Ask(Address(NOBODY, root.port), Question(names.ROOT, RRType.SOA), 2.0)
        if isinstance(nobody, Reply):
            proof = f"an answer came from {NOBODY}, where nobody is"
    if proof:
        findings.error(
            "intercepted",
            f"somebody on the way answers in the place of other servers: {proof}",
            "Resolving from the root does not work here: have the interception of port 53 ended,"
            " or forward to a server that can be trusted.",
        )


def _look_for_large(root: Address, findings: Findings) -> Steps[None]:
    """Whether a datagram that is larger than what fits in a frame gets through."""
    ask = Ask(
        root,
        Question(names.ROOT, RRType.DNSKEY),
        2.0,
        edns_size=LARGE_OCTETS,
        mix_case=False,
        dnssec_ok=True,
        cookie=False,
    )
    for _ in range(2):
        outcome = yield ask
        if not isinstance(outcome, Timeout):
            return
    findings.note(
        "large-lost",
        "large replies over UDP get lost on the way",
        "Keep outgoing.edns_size at 1232: then servers send such answers over TCP.",
    )


def _check_clock(message: Message, findings: Findings, wall_s: float) -> None:
    """The signatures of the root are never older than days, so they tell the date."""
    spans = [
        (
            int.from_bytes(rdata[_DATES + 4 : _DATES + 8], "big"),
            int.from_bytes(rdata[_DATES : _DATES + 4], "big"),
        )
        for rrset in message.answer
        if rrset.rrtype == RRType.RRSIG and rrset.owner == names.ROOT
        for rdata in rrset.rdatas
    ]
    if not spans:
        return
    begins, ends = max(begin for begin, _ in spans), min(end for _, end in spans)
    if begins - CLOCK_SLACK_S <= wall_s <= ends + CLOCK_SLACK_S:
        return
    off_s = begins - wall_s if wall_s < begins else wall_s - ends
    way = "slow" if wall_s < begins else "fast"
    findings.error(
        "clock-wrong",
        f"the clock is at least {off_s / _DAY_S:.1f} days {way}, by the root's signatures",
        "Set the clock (NTP): signed transfers fail, and validation will.",
    )
