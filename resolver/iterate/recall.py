"""What the caches know of a name, in the words of a server's reply.

One place reads RRsets, denials and failures together and says what they mean for a question: as a
server would have said it, as a failure that is too fresh to try again (RFC 9520), or as an answer
that has expired and is better than none (RFC 8767). The same place keeps what servers say.

Knows: caches, ranks, aliases. Does not know: servers, clients, time-outs.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Final

from resolver import names
from resolver.cache.failures import Failures
from resolver.cache.negative import NXDOMAIN_KEY, Denial, Negatives
from resolver.cache.rrsets import CachedRRset, RRsets, key_of
from resolver.cache.shards import SHARD_SHIFT
from resolver.codes import Ede, Rcode, RRType
from resolver.iterate import scrub
from resolver.iterate.response import Aliased, Answered
from resolver.model import ExtendedError, Rank, RRset
from resolver.native import i64

_CNAME: Final = int(RRType.CNAME)
_DNAME: Final = int(RRType.DNAME)
_OF_ALIASES: Final = (_CNAME, int(RRType.ANY))  # types that an alias answers itself
_CNAME_KEY: Final = key_of(b"", _CNAME)

# An answer to ANY with more types than this is passed on but not kept (BIND's max-types-per-name).
MAX_TYPES_KEPT: Final = 100
STALE_TTL_S: Final = 30  # of stale data in answers (RFC 8767 section 4)


@dataclass(slots=True)
class Failed:
    """No server of some zone on the way had a usable answer. `lasting` failures are worth
    remembering: they do not come from what else was going on. `errors` says it all; `cause` is the
    number of the record of an earlier failure that is remembered."""

    errors: tuple[ExtendedError, ...]
    lasting: bool = True
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Recall:
    """Reading and writing of the caches for one service. `max_stale_s` 0 keeps no stale data.

    `outdated` are names below which nothing is learned any more: other servers are to be asked for
    them from now on.
    """

    rrsets: RRsets
    negatives: Negatives
    failures: Failures
    max_stale_s: float
    outdated: list[bytes] = field(default_factory=list)

    def is_outdated(self, name: bytes) -> bool:
        """Whether nothing is to be learned of this lower-case name."""
        return any(names.is_within(name, above) for above in self.outdated)

    def fresh(
        self,
        name: bytes,
        qtype: int,
        top: bytes,
        now: float,
        *,
        renewing: bool = False,
        is_new: bool = False,
    ) -> Answered | Aliased | Failed | None:
        """What is known of lower-case `name`, of which nothing is if it `is_new`. What denies or
        redirects the tree above `top` says nothing about it. With `renewing`, what expires soon
        counts as unknown."""
        if not is_new:
            if held := self.rrsets.inspect(name, qtype, now):
                due = renewing and now >= held.renew_at
                return None if due else self._answered(held, name, now)
            if qtype not in _OF_ALIASES and (held := self.rrsets.inspect(name, _CNAME, now)):
                due = renewing and now >= held.renew_at
                return None if due else self._aliased(held, qtype, now)
            if denial := self.negatives.lookup(name, qtype, now):
                return _denied(denial, name)
        if name[0] and (denial := self.negatives.lookup_cut(name, top, now)):
            return _denied(denial, name)
        if self.rrsets.has_dnames and (found := self._redirected(name, top, now)):
            return found
        if failure := self.failures.lookup(name, qtype, now):
            text = (
                f"failed {now - failure.since:.0f} s ago, not tried again for"
                f" {failure.until - now:.0f} s"
            )
            again = ExtendedError(Ede.CACHED_ERROR, text)
            return Failed((failure.error, again), lasting=False, cause=failure.cause)
        return None

    def is_new(self, name: bytes, key: bytes) -> bool:
        """Whether the caches have nothing at this very name, not even what has expired: then there
        is no need to look for this and that. `key` is that of name and type."""
        place: i64 = hash(key)
        rrsets = self.rrsets.map.shards
        if key in rrsets[place >> SHARD_SHIFT]:
            return False
        if self.rrsets.has_aliases:
            alias = name + _CNAME_KEY
            alias_place: i64 = hash(alias)
            if alias in rrsets[alias_place >> SHARD_SHIFT]:
                return False
        if not len(self.negatives):
            return True
        denials, denial = self.negatives.map.shards, name + NXDOMAIN_KEY
        denial_place: i64 = hash(denial)
        return (
            key not in denials[place >> SHARD_SHIFT]
            and denial not in denials[denial_place >> SHARD_SHIFT]
        )

    def _answered(self, held: CachedRRset, name: bytes, now: float) -> Answered:
        rrset = held.left(held.expires_at - int(now))
        renew_at = self._renew_at(held, name, rrset.rrtype, now)
        return Answered([], name, [rrset], renew_at=renew_at)

    def _aliased(self, held: CachedRRset, qtype: int, now: float) -> Aliased:
        rrset = held.left(held.expires_at - int(now))
        renew_at = self._renew_at(held, rrset.owner.lower(), qtype, now)
        return Aliased([rrset], rrset.rdatas[0].lower(), renew_at=renew_at)

    def _renew_at(self, held: CachedRRset, name: bytes, qtype: int, now: float) -> float:
        """When to renew: not while it is too early to try again."""
        renew_at = held.renew_at
        if now >= renew_at and self.failures.lookup(name, qtype, now) is not None:
            return inf
        return renew_at

    def _redirected(self, name: bytes, top: bytes, now: float) -> Answered | Aliased | None:
        ancestor = name
        while len(ancestor) > len(top):
            ancestor = ancestor[ancestor[0] + 1 :]
            if dname := self.rrsets.lookup(ancestor, _DNAME, now):
                cname = scrub.synthesize_cname(dname, name)
                if cname is None:
                    return Answered([dname], name, [], Rcode.YXDOMAIN)
                return Aliased([dname, cname], cname.rdatas[0].lower())
        return None

    def is_known(self, name: bytes, qtype: int, now: float) -> bool:
        """Whether asking this very question would teach nothing: there is data, or none."""
        if self.rrsets.inspect(name, qtype, now) is not None:
            return True
        denial = self.negatives.lookup(name, qtype, now)
        return denial is not None and denial.rcode == Rcode.NOERROR

    def stale(self, name: bytes, qtype: int, now: float) -> Answered | Aliased | None:
        """What was known of a name not too long ago, its TTL STALE_TTL_S; the latest word counts.

        Data that is still fresh counts too, for it may be a link of a chain.
        """
        if not self.max_stale_s or self.is_new(name, key_of(name, qtype)):
            return None
        oldest = now - self.max_stale_s
        held = self.rrsets.recall(name, qtype)
        if held is None and qtype not in _OF_ALIASES:
            held = self.rrsets.recall(name, _CNAME)
        denied = self.negatives.recall(name, qtype)
        if denied is not None:
            denial, learned_at, expires_at = denied
            if expires_at > oldest and (held is None or learned_at > held.learned_at):
                soa = denial.soa
                soa = RRset(soa.owner, soa.rrtype, soa.rrclass, STALE_TTL_S, soa.rdatas)
                return Answered([], name, [], denial.rcode, soa)
        if held is None or held.expires_at <= oldest:
            return None
        rrset = held.left(STALE_TTL_S)
        if rrset.rrtype == _CNAME and qtype not in _OF_ALIASES:
            return Aliased([rrset], rrset.rdatas[0].lower())
        return Answered([], name, [rrset])

    def learn(
        self,
        found: Answered | Aliased,
        qtype: int,
        now: float,
        *,
        below: bool = True,
        key: bytes | None = None,
    ) -> None:
        """Keep what a server said. CNAMEs that follow from a DNAME are made anew each time. `below`
        False: what is below a name that was denied may exist all the same. `key` is that of the
        data's owner and `qtype`, when it is at hand."""
        rank = Rank.AUTHORITATIVE_ANSWER if found.authoritative else Rank.NON_AUTHORITATIVE_ANSWER
        if self.outdated and self._is_outdated(found):
            return
        implied = False
        for rrset in found.chain:
            if not implied:
                self._keep(rrset, rank, found, now)
            implied = rrset.rrtype == _DNAME
        if type(found) is Aliased:
            return
        assert isinstance(found, Answered)
        if len(found.data) <= MAX_TYPES_KEPT:
            for rrset in found.data:
                self._keep(rrset, rank, found, now, key if rrset.rrtype == qtype else None)
        if not found.data and found.soa is not None:
            self.negatives.learn(
                found.name,
                qtype,
                found.rcode,
                found.soa,
                now=now,
                below=below,
                proof=found.proof,
            )

    def _is_outdated(self, found: Answered | Aliased) -> bool:
        owners = {rrset.owner.lower() for rrset in found.chain}
        if isinstance(found, Answered):
            owners.add(found.name.lower())
        return any(map(self.is_outdated, owners))

    def _keep(
        self,
        rrset: RRset,
        rank: Rank,
        found: Answered | Aliased,
        now: float,
        key: bytes | None = None,
    ) -> None:
        # Clients are told no other TTL than later from the cache.
        rrset.ttl = self.rrsets.clamp(rrset.ttl)
        signatures: tuple[bytes, ...] = ()
        if found.signatures:
            covered = rrset.rrtype.to_bytes(2, "big")  # RFC 4034 section 3.1.1
            signatures = tuple(
                rdata
                for signed in found.signatures
                if signed.owner == rrset.owner
                for rdata in signed.rdatas
                if rdata[:2] == covered
            )
        informant = found.informant
        self.rrsets.learn(rrset, rank, now=now, signatures=signatures, informant=informant, key=key)


def _denied(denial: Denial, name: bytes) -> Answered:
    return Answered([], name, [], denial.rcode, denial.soa, proof=denial.proof)
