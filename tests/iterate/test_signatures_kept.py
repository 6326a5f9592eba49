"""Signatures and denial records stay beside what they cover, for the validation to come."""

from trees import EXAMPLE, small_tree

from resolver import names
from resolver.codes import Rcode, RRType
from resolver.iterate.budget import Budget
from resolver.iterate.work import Work
from resolver.model import Answer, Security
from resolver.testing import Internet, Query, Response, Watch, World, records
from resolver.testing.world import read_question
from resolver.trace import Trace

_REST = "08030000012C" + "00" * 20
OVER_A, OVER_CNAME, OVER_SOA = "0001" + _REST, "0005" + _REST, "0006" + _REST
OVER_MX, OVER_NSEC = "000F" + _REST, "002F" + _REST
SOA = "example.com. 300 SOA ns1.example.com. host.example.com. 1 7200 900 1209600 300"


def record(owner: str, rrtype: str, hexes: str) -> str:
    return rf"{owner} 300 {rrtype} \# {len(hexes) // 2} {hexes}"


def signed(answer: list[str], authority: list[str] | None = None, rcode: int = 0) -> Internet:
    net = small_tree()

    def fault(query: Query, response: Response) -> Response:
        response.record.header.rcode = rcode
        response.record.rr = records("\n".join(answer))
        response.record.auth = records("\n".join(authority or []))
        return response

    net.fault(EXAMPLE, fault)
    return net


def fetch(world: World, question: str, *, dnssec_ok: bool = True) -> Answer:
    """Resolve as a validating resolver would."""
    work = Work(Budget(world.clock.now() + 8, 100), Trace(), world.clock.now, dnssec_ok=dnssec_ok)
    answers: list[Answer] = []
    steps = world.recursion._resolve(read_question(question), work)
    world.driver.start(steps, answers.append, Watch())
    world.driver.run()
    return answers[0]


def signatures(world: World, name: str, rrtype: int) -> tuple[bytes, ...]:
    held = world.recursion.rrsets.inspect(names.read(name), rrtype, world.clock.now())
    assert held is not None
    assert held.security is Security.INDETERMINATE
    return held.signatures


def test_a_signature_is_kept_with_the_rrset_it_covers():
    name = "www.example.com."
    over = [record(name, "RRSIG", hexes) for hexes in (OVER_A, OVER_MX)]
    world = World(signed([f"{name} A 192.0.2.7", *over]), priming=False)
    answer = fetch(world, f"{name} A")
    assert answer.rcode == Rcode.NOERROR
    assert [rrset.rrtype for rrset in answer.answer] == [RRType.A]
    assert signatures(world, name, RRType.A) == (bytes.fromhex(OVER_A),)


def test_those_of_a_chain_are_kept_link_by_link():
    to, www = "to.example.com.", "www.example.com."
    chain = [f"{to} CNAME {www}", record(to, "RRSIG", OVER_CNAME), f"{www} A 192.0.2.7"]
    world = World(signed([*chain, record(www, "RRSIG", OVER_A)]), priming=False)
    fetch(world, f"{to} A")
    assert signatures(world, to, RRType.CNAME) == (bytes.fromhex(OVER_CNAME),)
    assert signatures(world, www, RRType.A) == (bytes.fromhex(OVER_A),)


def test_denial_records_are_kept_with_the_denial_and_foreign_ones_are_not():
    nsec = "00000140"
    authority = [
        SOA,
        record("example.com.", "RRSIG", OVER_SOA),
        record("a.example.com.", "NSEC", nsec),
        record("a.example.com.", "RRSIG", OVER_NSEC),
        record("bank.net.", "NSEC", nsec),
    ]
    world = World(signed([], authority, rcode=3), priming=False)
    fetch(world, "b.example.com. A")
    name = names.read("b.example.com.")
    denial = world.recursion.negatives.lookup(name, RRType.A, world.clock.now())
    assert denial is not None
    assert {(names.show(rrset.owner), rrset.rrtype) for rrset in denial.proof} == {
        ("example.com.", RRType.RRSIG),
        ("a.example.com.", RRType.NSEC),
        ("a.example.com.", RRType.RRSIG),
    }


def test_without_do_nothing_of_the_kind_is_asked_for_or_kept():
    name = "www.example.com."
    net = signed([f"{name} A 192.0.2.7", record(name, "RRSIG", OVER_A)])
    flags: list[int] = []

    def note(query: Query, response: Response) -> Response:
        opt = next(rr for rr in query.record.ar if rr.rtype == RRType.OPT)
        flags.append(opt.ttl >> 15 & 1)  # RFC 3225 section 3
        return response

    net.fault(EXAMPLE, note)
    world = World(net, priming=False)
    fetch(world, f"{name} A", dnssec_ok=False)
    assert signatures(world, name, RRType.A) == ()
    world.recursion.rrsets.clear()
    fetch(world, f"{name} A", dnssec_ok=True)
    assert flags == [0, 1]
