"""Requests of every kind that clients and servers send us, as seeds for damage.

Queries with and without EDNS and its options, NOTIFY (RFC 1996), UPDATE (RFC 2136), transfers (RFC
1995, RFC 5936), other opcodes, cookies, and requests that are signed (RFC 8945), some of them after
the damage, so that what lies behind the signature sees it.
"""

import random
import struct

from mutations import mutated

from resolver import names
from resolver.codes import EdnsOption, Opcode, RRClass, RRType
from resolver.model import Edns, EdnsOptionValue, Message, Question, RRset
from resolver.wire.build import build
from resolver.wire.tsig import ALGORITHMS, Key, Signer

OWN, COPIED = names.read("own.test."), names.read("copied.test.")
KEY = Key(names.read("admin."), ALGORITHMS["hmac-sha256"], b"0123456789abcdef")
UNKNOWN_KEY = Key(names.read("nobody."), ALGORITHMS["hmac-sha256"], b"fedcba9876543210")

QUERY_NAMES = (
    "www.own.test.",
    "Own.Test.",
    "no.such.own.test.",
    "a.wild.own.test.",
    "to.own.test.",
    "below.sub.own.test.",
    "x.tree.own.test.",
    "www.copied.test.",
    "www.example.com.",
    "deep.a.b.c.example.com.",
    "loop.example.com.",
    "localhost.",
    "1.0.0.127.in-addr.arpa.",
    "version.bind.",
    ".",
)
QUERY_TYPES = (1, 2, 5, 6, 15, 16, 28, 33, 43, 46, 48, 249, 250, 251, 252, 253, 255, 65280)
CLASSES = (RRClass.IN, RRClass.IN, RRClass.IN, RRClass.CH, RRClass.ANY, RRClass.NONE, 7)
OPTIONS = (
    EdnsOptionValue(EdnsOption.NSID, b""),
    EdnsOptionValue(EdnsOption.COOKIE, b"12345678"),
    EdnsOptionValue(EdnsOption.COOKIE, b"12345678" + b"s" * 16),
    EdnsOptionValue(EdnsOption.PADDING, bytes(40)),
    EdnsOptionValue(8, b"\0\1\x18\0\xc0\0\2"),  # client subnet
    EdnsOptionValue(65001, b"local"),
)
_U32 = struct.Struct("!I")
SIGNED_SHARE = 0.1
SIGNED_AFTER_SHARE = 0.05


def soa(origin: bytes, serial: int) -> RRset:
    """The SOA record of a zone."""
    names_of = b"\2ns" + origin + b"\4host" + origin
    data = names_of + b"".join(_U32.pack(v) for v in (serial, 7200, 900, 1209600, 300))
    return RRset(origin, RRType.SOA, RRClass.IN, 300, (data,))


def opcode(code: int) -> int:
    """The opcode where it stands in the flags."""
    return code << 11


def queries(rng: random.Random, count: int) -> list[bytes]:
    """Ordinary ones."""
    made = []
    for _ in range(count):
        question = Question(
            names.read(rng.choice(QUERY_NAMES)), rng.choice(QUERY_TYPES), rng.choice(CLASSES)
        )
        edns = None
        if rng.random() < 0.6:
            options = tuple(rng.sample(OPTIONS, rng.randrange(3)))
            size = rng.choice((0, 512, 1232, 4096, 65535))
            edns = Edns(size, rng.choice((0, 0, 0, 1)), rng.random() < 0.5, options)
        flags = rng.choice((0, 0x0100, 0x0110, 0x0120))
        made.append(build(Message(rng.randrange(65536), flags, [question], edns=edns)))
    return made


def transfers() -> list[bytes]:
    """AXFR, and IXFR from an old version and from the present one."""
    made = []
    for origin in (OWN, COPIED, names.read("example.com.")):
        made.append(build(Message(7, 0, [Question(origin, RRType.AXFR)])))
        for serial in (0, 1, 5):
            ixfr = Message(8, 0, [Question(origin, RRType.IXFR)], authority=[soa(origin, serial)])
            made.append(build(ixfr))
    return made


def notifies() -> list[bytes]:
    """With and without the new SOA."""
    made = []
    for origin in (OWN, COPIED, names.read("sub.own.test.")):
        for answer in ([], [soa(origin, 99)]):
            flags = opcode(Opcode.NOTIFY) | 0x0400
            made.append(build(Message(9, flags, [Question(origin, RRType.SOA)], answer)))
    return made


def updates() -> list[bytes]:
    """With each kind of prerequisite and change (RFC 2136 sections 2.4 and 2.5)."""
    made = []
    for origin in (OWN, COPIED):
        www, new = b"\3www" + origin, b"\3new" + origin
        prerequisites = [
            RRset(www, RRType.ANY, RRClass.ANY, 0, (b"",)),
            RRset(www, RRType.A, RRClass.ANY, 0, (b"",)),
            RRset(new, RRType.ANY, RRClass.NONE, 0, (b"",)),
            RRset(www, RRType.A, RRClass.IN, 0, (b"\xc0\0\2\1",)),
        ]
        changes = [
            RRset(new, RRType.A, RRClass.IN, 60, (b"\xc0\0\2\7",)),
            RRset(new, RRType.TXT, RRClass.IN, 60, (b"\5hello",)),
            RRset(new, RRType.A, RRClass.ANY, 0, (b"",)),
            RRset(new, RRType.ANY, RRClass.ANY, 0, (b"",)),
            RRset(www, RRType.A, RRClass.NONE, 0, (b"\xc0\0\2\x63",)),
            soa(origin, 50),
        ]
        question = [Question(origin, RRType.SOA)]
        for prerequisite in [None, *prerequisites]:
            for change in changes:
                before = [prerequisite] if prerequisite else []
                flags = opcode(Opcode.UPDATE)
                made.append(build(Message(10, flags, question, before, [change])))
    return made


def odd_opcodes() -> list[bytes]:
    """What is not implemented, here or anywhere."""
    question = [Question(OWN, RRType.A)]
    return [build(Message(11, opcode(code), question)) for code in range(16)]


class Requests:
    """Damaged requests without end, the same for the same seed."""

    def __init__(self, seed: int, now_s: float) -> None:
        self.rng = rng = random.Random(seed)
        self._now_s = now_s
        plain = [*queries(rng, 300), *transfers(), *notifies(), *updates(), *odd_opcodes()]
        signed = [self._sign(packet) for packet in [*rng.sample(plain, 60), *transfers() * 3]]
        self.seeds = plain + signed

    def _sign(self, packet: bytes) -> bytes:
        key = KEY if self.rng.random() < 0.8 else UNKNOWN_KEY
        return Signer(key).sign(packet, self._now_s)

    def take(self) -> bytes:
        """The next one; one in ten is whole or is signed after the damage."""
        rng = self.rng
        dice = rng.random()
        if dice < SIGNED_AFTER_SHARE:
            packet = mutated(rng, self.seeds)
            can_count = len(packet) >= 12 and packet[10:12] != b"\xff\xff"
            return self._sign(packet) if can_count else packet
        if dice < SIGNED_SHARE:
            return rng.choice(self.seeds)
        return mutated(rng, self.seeds)
