"""The RRset cache: TTL count-down and clamps (C01), ranks (C11, RFC 2181 section 5.4.1)."""

from resolver import names
from resolver.cache.rrsets import MAX_RECORDS_KEPT, RRsets
from resolver.codes import RRClass, RRType
from resolver.model import Rank, RRset

WWW = names.read("www.example.")


def an_rrset(last_octet: int = 1, ttl: int = 300, owner: bytes = WWW) -> RRset:
    return RRset(owner, RRType.A, RRClass.IN, ttl, (bytes((192, 0, 2, last_octet)),))


def cache(min_ttl: int = 0, max_ttl: int = 86_400) -> RRsets:
    return RRsets(100_000, min_ttl=min_ttl, max_ttl=max_ttl)


def ttl_of(rrsets: RRsets, now: float) -> int | None:
    rrset = rrsets.lookup(WWW, RRType.A, now)
    return None if rrset is None else rrset.ttl


def test_the_ttl_counts_down_in_whole_seconds() -> None:
    rrsets = cache()
    assert rrsets.learn(an_rrset(), Rank.AUTHORITATIVE_ANSWER, now=1000.7)
    assert ttl_of(rrsets, 1000.9) == 300
    assert ttl_of(rrsets, 1003.9) == 297
    assert ttl_of(rrsets, 1299.9) == 1
    assert ttl_of(rrsets, 1300) is None


def test_ttl_zero_is_not_kept() -> None:
    rrsets = cache()
    assert not rrsets.learn(an_rrset(ttl=0), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert ttl_of(rrsets, 0) is None


def test_ttls_are_clamped() -> None:
    rrsets = cache(min_ttl=60, max_ttl=3600)
    rrsets.learn(an_rrset(ttl=5), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert ttl_of(rrsets, 0) == 60
    rrsets.learn(an_rrset(ttl=999_999), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert ttl_of(rrsets, 0) == 3600


def test_weaker_data_does_not_replace_stronger() -> None:
    rrsets = cache()
    rrsets.learn(an_rrset(1), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert not rrsets.learn(an_rrset(66), Rank.ADDITIONAL, now=0)
    found = rrsets.lookup(WWW, RRType.A, 0)
    assert found is not None
    assert found.rdatas == (bytes((192, 0, 2, 1)),)


def test_it_is_known_whether_there_are_aliases() -> None:
    learned, restored = cache(), cache()
    learned.learn(an_rrset(), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert not learned.has_aliases
    alias = RRset(WWW, RRType.CNAME, RRClass.IN, 300, (names.read("to.example."),))
    learned.learn(alias, Rank.AUTHORITATIVE_ANSWER, now=0)
    assert learned.has_aliases
    held = learned.inspect(WWW, RRType.CNAME, 0)
    assert held is not None
    restored.restore(held, now=0)
    assert restored.has_aliases
    assert not restored.has_dnames


def test_equal_or_stronger_data_replaces() -> None:
    rrsets = cache()
    rrsets.learn(an_rrset(1), Rank.NON_AUTHORITATIVE_ANSWER, now=0)
    assert rrsets.learn(an_rrset(2), Rank.NON_AUTHORITATIVE_ANSWER, now=0)
    assert rrsets.learn(an_rrset(3), Rank.AUTHORITATIVE_ANSWER, now=0)
    entry = rrsets.inspect(WWW, RRType.A, 0)
    assert entry is not None
    assert (entry.rank, entry.rrset.rdatas[0][3]) == (Rank.AUTHORITATIVE_ANSWER, 3)


def test_weaker_data_replaces_what_has_expired() -> None:
    rrsets = cache()
    rrsets.learn(an_rrset(1, ttl=10), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert rrsets.learn(an_rrset(2), Rank.ADDITIONAL, now=10)


def test_owners_are_found_whatever_their_case_was() -> None:
    rrsets = cache()
    rrsets.learn(an_rrset(owner=names.read("wWw.ExamplE.")), Rank.AUTHORITATIVE_ANSWER, now=0)
    assert ttl_of(rrsets, 0) == 300


def test_a_huge_rrset_is_not_kept() -> None:
    rrsets = cache()
    rdatas = tuple(i.to_bytes(4, "big") for i in range(MAX_RECORDS_KEPT + 1))
    huge = RRset(WWW, RRType.A, RRClass.IN, 300, rdatas)
    assert not rrsets.learn(huge, Rank.AUTHORITATIVE_ANSWER, now=0)


def test_memory_is_bounded_and_names_in_use_stay() -> None:
    rrsets = cache()
    rrsets.learn(an_rrset(), Rank.AUTHORITATIVE_ANSWER, now=0)
    for i in range(2000):
        owner = names.read(f"n{i}.example.")
        rrsets.learn(an_rrset(owner=owner), Rank.AUTHORITATIVE_ANSWER, now=0)
        assert ttl_of(rrsets, 0) == 300
    assert rrsets.octets <= 100_000
    assert len(rrsets) < 300
    assert rrsets.forget(WWW, RRType.A)
    assert ttl_of(rrsets, 0) is None
