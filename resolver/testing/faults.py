"""What can go wrong with a server of the fake Internet, as verbs.

A fault is a callable on a query and the response to it; it returns what is sent instead: a
Response, several, or None for silence. Faults of one server act in the order they were added, each
on what the one before made. Verbs return a Rule, which counts its hits and can be lifted.

Each verb takes, as keywords, when it acts (see When). The server is its address; "*" means all.

Does not know: sockets, clocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias, TypedDict, Unpack

import dnslib

from resolver.codes import Rcode, RRType, read_type
from resolver.testing.messages import (
    CLIENT_COOKIE_OCTETS,
    Query,
    Response,
    add_cookie,
    cookie_of,
    pack,
    start_response,
    truncate,
)
from resolver.testing.zones import key_of, records

Fault: TypeAlias = Callable[[Query, Response], "Response | list[Response] | None"]
ALL = "*"
_SERVER_COOKIE = b"of-this-server!!"


class When(TypedDict, total=False):
    """When a fault acts; all that are given must hold.

    `name` (with everything below it) and `rrtype` (mnemonic) of the question; `over` one transport
    only; `first` so many queries and then no more; `share` of the queries, by the dice of the tree.
    """

    name: str
    rrtype: str
    over: Literal["udp", "tcp"]
    first: int
    share: float


@dataclass(slots=True)
class Rule:
    """A fault in force. `hits` counts the queries it acted on."""

    server: str
    fault: Fault
    when: When
    hits: int = 0
    lifted: bool = False

    def lift(self) -> None:
        """The server is well again."""
        self.lifted = True

    def concerns(self, server: str) -> bool:
        """Whether it may act on queries to this server."""
        return not self.lifted and self.server in (ALL, server)

    def acts(self, query: Query, rng: Random) -> bool:
        """Whether it acts on this query; counts it if so."""
        when = self.when
        transport = "tcp" if query.stream else "udp"
        if when.get("over", transport) != transport:
            return False
        if when.get("rrtype", query.rrtype).upper() != query.rrtype:
            return False
        above = key_of(when.get("name", "."))
        if above and query.key[-len(above) :] != above:
            return False
        if self.hits >= when.get("first", self.hits + 1):
            return False
        if rng.random() >= when.get("share", 1.0):
            return False
        self.hits += 1
        return True


class Faults:
    """The verbs; a part of Internet."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.rules: list[Rule] = []

    def fault(self, server: str, fault: Fault, **when: Unpack[When]) -> Rule:
        """Any callable on query and response. Raises ValueError for an unknown type or share."""
        if read_type(when.get("rrtype", "A")) is None:
            raise ValueError(f"{when['rrtype']} is no record type")
        if not 0 <= when.get("share", 1.0) <= 1:
            raise ValueError(f"a share is between 0 and 1: {when['share']}")
        rule = Rule(server, fault, when)
        # A new list, since a loopback thread may be reading the old one.
        self.rules = [*self.rules, rule]
        return rule

    def lose(self, server: str, **when: Unpack[When]) -> Rule:
        """No response: the query or the reply is lost."""
        return self.fault(server, lambda query, response: None, **when)

    def dead(self, server: str, **when: Unpack[When]) -> Rule:
        """Never any response."""
        return self.lose(server, **when)

    def delay(self, server: str, seconds: float, **when: Unpack[When]) -> Rule:
        """Responses take so much longer."""

        def delayed(query: Query, response: Response) -> Response:
            response.delay_s += seconds
            return response

        return self.fault(server, delayed, **when)

    def truncate(self, server: str, **when: Unpack[When]) -> Rule:
        """TC and no content over UDP; with over="tcp" there."""

        def truncated(query: Query, response: Response) -> Response:
            truncate(response)
            return response

        when.setdefault("over", "udp")
        return self.fault(server, truncated, **when)

    def error(self, server: str, rcode: str, **when: Unpack[When]) -> Rule:
        """An empty response with this rcode, as in "SERVFAIL"."""
        number = Rcode[rcode]
        return self.fault(server, lambda query, response: start_response(query, number), **when)

    def refuse(self, server: str, **when: Unpack[When]) -> Rule:
        """REFUSED."""
        return self.error(server, "REFUSED", **when)

    def servfail(self, server: str, **when: Unpack[When]) -> Rule:
        """SERVFAIL."""
        return self.error(server, "SERVFAIL", **when)

    def lame(
        self,
        server: str,
        how: Literal["refused", "upward", "not_aa"] = "refused",
        **when: Unpack[When],
    ) -> Rule:
        """A server that knows nothing of the zone: it refuses, refers to the root, or gives an
        empty response without AA."""

        def lame(query: Query, response: Response) -> Response:
            response = start_response(query, Rcode.REFUSED if how == "refused" else Rcode.NOERROR)
            if how == "upward":
                response.record.add_auth(*records(". 518400 NS a.root."))
            return response

        return self.fault(server, lame, **when)

    def no_authority(self, server: str, **when: Unpack[When]) -> Rule:
        """The right content without AA."""

        def without_aa(query: Query, response: Response) -> Response:
            response.record.header.aa = 0
            return response

        return self.fault(server, without_aa, **when)

    def loop(self, server: str, **when: Unpack[When]) -> Rule:
        """A referral to the very zone that the server was asked as a server of."""

        def referred(query: Query, response: Response) -> Response:
            response = start_response(query)
            if query.zone is not None:
                response.record.add_auth(*query.zone.rrset(query.zone.origin, RRType.NS))
            return response

        return self.fault(server, referred, **when)

    def wrong_id(self, server: str, **when: Unpack[When]) -> Rule:
        """Another id than the query's."""

        def changed(query: Query, response: Response) -> Response:
            response.record.header.id ^= 0x5555
            return response

        return self.fault(server, changed, **when)

    def wrong_question(self, server: str, **when: Unpack[When]) -> Rule:
        """The question section names something else."""

        def changed(query: Query, response: Response) -> Response:
            asked = query.record.q
            other = dnslib.DNSLabel((b"other", *key_of(asked.qname)))
            response.record.questions = [dnslib.DNSQuestion(other, asked.qtype, asked.qclass)]
            return response

        return self.fault(server, changed, **when)

    def garbage(self, server: str, **when: Unpack[When]) -> Rule:
        """A header with the right id, and noise behind the question."""

        def noisy(query: Query, response: Response) -> Response:
            whole = pack(query, start_response(query, edns=False))
            # One answer is announced; its owner is a pointer beyond the end of the message.
            noise = b"\xff\xff" + self.rng.randbytes(30)
            response.packet = whole[:6] + b"\0\1\0\0\0\0" + whole[12:] + noise
            return response

        return self.fault(server, noisy, **when)

    def spoof(
        self,
        server: str,
        text: str,
        section: Literal["answer", "authority", "additional"] = "additional",
        **when: Unpack[When],
    ) -> Rule:
        """Adds records, given as master-file text with full names, to a section of the response."""
        added = records(text)

        def spoofed(query: Query, response: Response) -> Response:
            record = response.record
            {"answer": record.rr, "authority": record.auth, "additional": record.ar}[
                section
            ].extend(added)
            return response

        return self.fault(server, spoofed, **when)

    def forge(self, server: str, text: str, *, guesses: int = 1, **when: Unpack[When]) -> Rule:
        """Somebody else is faster: forged answers with wrong ids come before the response."""
        forged_records = records(text)

        def forged(query: Query, response: Response) -> list[Response]:
            packets: list[Response] = []
            for guess in range(guesses):
                forgery = start_response(query)
                forgery.record.header.aa = 1
                forgery.record.header.id = (forgery.record.header.id + 1 + guess) & 0xFFFF
                forgery.record.add_answer(*forged_records)
                packets.append(forgery)
            return [*packets, response]

        return self.fault(server, forged, **when)

    def no_edns(
        self,
        server: str,
        how: Literal["FORMERR", "NOTIMP", "header_only", "silence", "ignore"] = "FORMERR",
        **when: Unpack[When],
    ) -> Rule:
        """A server that knows no OPT: an error without OPT, an error that is a header and nothing
        else, silence, or the answer as if no OPT had been there."""

        def old(query: Query, response: Response) -> Response | None:
            if query.edns_size is None:
                return response
            if how == "silence":
                return None
            if how == "ignore":
                response.record.ar = [rr for rr in response.record.ar if rr.rtype != RRType.OPT]
                return response
            failure = start_response(
                query, Rcode.NOTIMP if how == "NOTIMP" else Rcode.FORMERR, edns=False
            )
            if how == "header_only":
                failure.packet = bytes(failure.record.pack())[:4] + bytes(8)
            return failure

        return self.fault(server, old, **when)

    def badvers(self, server: str, **when: Unpack[When]) -> Rule:
        """BADVERS to any query with OPT (RFC 6891 section 6.1.3)."""

        def refused(query: Query, response: Response) -> Response:
            return response if query.edns_size is None else start_response(query, Rcode.BADVERS)

        return self.fault(server, refused, **when)

    def cookies(
        self,
        server: str,
        how: Literal["send", "demand", "refuse", "FORMERR"] = "send",
        **when: Unpack[When],
    ) -> Rule:
        """A server that knows DNS cookies (RFC 7873): sends its own beside the client's; or demands
        it over UDP, with BADCOOKIE; or says BADCOOKIE whatever it is shown. With "FORMERR" it knows
        EDNS and takes offence at the option."""

        def knowing(query: Query, response: Response) -> Response:
            sent = cookie_of(query)
            if sent is None:
                return response
            if how == "FORMERR":
                return start_response(query, Rcode.FORMERR)
            is_known = sent[CLIENT_COOKIE_OCTETS:] == _SERVER_COOKIE
            if how == "refuse" or (how == "demand" and not is_known and not query.stream):
                response = start_response(query, Rcode.BADCOOKIE)
            add_cookie(response, sent[:CLIENT_COOKIE_OCTETS] + _SERVER_COOKIE)
            return response

        return self.fault(server, knowing, **when)

    def lose_case(self, server: str, **when: Unpack[When]) -> Rule:
        """The question comes back in lower case."""

        def lowered(query: Query, response: Response) -> Response:
            response.keep_case = False
            return response

        return self.fault(server, lowered, **when)
