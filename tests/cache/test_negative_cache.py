"""The negative cache: lifetime of denials (C02, RFC 2308 section 5), NXDOMAIN cut (RFC 8020)."""

from resolver import names
from resolver.cache.negative import Negatives, negative_ttl
from resolver.codes import Rcode, RRClass, RRType
from resolver.model import RRset

ZONE = names.read("example.")
NAME = names.read("gone.example.")


def soa(ttl: int = 3600, minimum: int = 900) -> RRset:
    numbers = (1, 7200, 900, 1_209_600, minimum)
    rdata = ZONE + ZONE + b"".join(n.to_bytes(4, "big") for n in numbers)
    return RRset(ZONE, RRType.SOA, RRClass.IN, ttl, (rdata,))


def cache(max_ttl: int = 86_400) -> Negatives:
    return Negatives(100_000, max_ttl=max_ttl)


def test_the_lifetime_is_the_least_of_soa_ttl_minimum_and_cap() -> None:
    assert negative_ttl(soa(ttl=100, minimum=900)) == 100
    assert negative_ttl(soa(ttl=3600, minimum=900)) == 900
    negatives = cache(max_ttl=60)
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0)
    assert negatives.lookup(NAME, RRType.A, 59) is not None
    assert negatives.lookup(NAME, RRType.A, 60) is None


def test_the_soa_counts_down() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=10)
    denial = negatives.lookup(NAME, RRType.A, 13)
    assert denial is not None
    assert denial.soa.ttl == 897


def test_nodata_holds_for_its_type_only() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.AAAA, Rcode.NOERROR, soa(), now=0)
    denial = negatives.lookup(NAME, RRType.AAAA, 1)
    assert denial is not None
    assert denial.rcode == Rcode.NOERROR
    assert negatives.lookup(NAME, RRType.A, 1) is None
    assert negatives.lookup_cut(names.read("a.gone.example."), names.ROOT, 1) is None


def test_nxdomain_holds_for_every_type_and_for_all_below() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0)
    assert negatives.lookup(NAME, RRType.MX, 1) is not None
    below = names.read("a.b.gone.example.")
    denial = negatives.lookup_cut(below, names.ROOT, 1)
    assert denial is not None
    assert denial.rcode == Rcode.NXDOMAIN
    beside = names.read("b.example.")
    assert negatives.lookup_cut(beside, names.ROOT, 1) is None
    assert negatives.lookup_cut(below, names.read("b.gone.example."), 1) is None


def test_a_denial_need_not_hold_for_names_below() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0, below=False)
    assert negatives.lookup(NAME, RRType.A, 1) is not None
    assert negatives.lookup_cut(names.read("a.gone.example."), names.ROOT, 1) is None


def test_the_proof_stays_with_the_denial_and_is_paid_for() -> None:
    plain, signed = cache(), cache()
    proof = (RRset(NAME, RRType.NSEC, RRClass.IN, 300, (bytes(1000),)),)
    plain.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0)
    signed.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0, proof=proof)
    denial = signed.lookup(NAME, RRType.A, 1)
    assert denial is not None
    assert denial.proof == proof
    assert signed.octets - plain.octets >= 1000


def test_an_expired_denial_can_be_recalled() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0)
    assert negatives.lookup(NAME, RRType.A, 1_000_000) is None
    recalled = negatives.recall(NAME, RRType.A)
    assert recalled is not None
    denial, learned_at, expires_at = recalled
    assert denial.rcode == Rcode.NXDOMAIN
    assert learned_at == 0 < expires_at


def test_ttl_zero_and_the_root_are_not_kept() -> None:
    negatives = cache()
    assert not negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(minimum=0), now=0)
    assert not negatives.learn(names.ROOT, RRType.A, Rcode.NXDOMAIN, soa(), now=0)


def test_a_denial_can_be_forgotten() -> None:
    negatives = cache()
    negatives.learn(NAME, RRType.A, Rcode.NXDOMAIN, soa(), now=0)
    assert negatives.forget(NAME, RRType.A)
    assert negatives.lookup(NAME, RRType.A, 1) is None
    assert negatives.octets == 0
