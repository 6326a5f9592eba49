"""Whose work is next, when there is more of it than a processor can do.

Every client whose questions need other servers has an account of the time that was spent on them.
While there is time for all, everything is begun at once. When there is not, questions wait, each
client's in a queue of its own, and the next one is that of the client who has had the least time so
far: who asks for a lot waits behind himself, and who asks for a little is not behind him. This is
start-time fair queueing (Goyal, Vin and Cheng, 1996), with the cost of work known afterwards only.
A client comes in at the time that those before him have been given by then, so nobody saves up for
a burst by being silent.

Bounds: of the places for work under way, and of those to wait in, nobody has more than are free. So
one client alone has at most half of them, two have a third each, and there is always one left for a
newcomer until there are as many clients as places. Of more questions that wait the oldest of the
same client is given up, as is one that has waited too long: its client has asked again by then.

A client is an IPv4 address, or an IPv6 /64: whoever has one of these has all of it.

Knows: addresses, seconds. Does not know: what the work is, clocks.
"""

from collections import deque
from heapq import heappop, heappush
from typing import Final, Generic, TypeVar

IPV6_CLIENT_OCTETS: Final = 8
# As long as a stub resolver waits before it asks again, more or less.
PATIENCE_S: Final = 1.9

# Clients are remembered when they have no work any more, lest whoever has had a lot be new again.
# When there are so many, those without work are forgotten.
MAX_REMEMBERED = 4096
# So many clients without a place look again whenever work ends.
_WOKEN: Final = 2

# To look them up each time takes as long as their work.
_heappop: Final = heappop
_heappush: Final = heappush

T = TypeVar("T")


def client_of(peer: bytes) -> bytes:
    """Who that is, by packed address: an IPv4 address, or the first octets of an IPv6 address."""
    return peer if len(peer) == 4 else peer[:IPV6_CLIENT_OCTETS]


def most_of_one(places: int) -> int:
    """How many of these places a client has who is alone."""
    return (places + 1) // 2


class Account(Generic[T]):
    """One client with work under way or waiting. `spent_s` counts from when nobody had any."""

    __slots__ = ("blocked", "key", "listed", "queue", "running", "spent_s")

    def __init__(self, key: bytes, spent_s: float) -> None:
        self.key = key
        self.spent_s = spent_s
        self.running = 0
        self.queue: deque[tuple[float, T]] = deque()
        self.listed = False  # in the order of turns
        self.blocked = False  # for want of a place


class Fairness(Generic[T]):
    """The accounts, and the questions of type T that wait. `places`: work under way, of all
    clients; `queue_places`: questions waiting."""

    __slots__ = (
        "_accounts",
        "_blocked",
        "_listed",
        "_order",
        "_places",
        "_queue_places",
        "_reached_s",
        "running",
        "waiting",
    )

    def __init__(self, places: int, queue_places: int) -> None:
        self._places = places
        self._queue_places = queue_places
        self._accounts: dict[bytes, Account[T]] = {}
        self._order: list[tuple[float, int, Account[T]]] = []
        self._blocked: deque[Account[T]] = deque()
        self._listed = 0  # so often: who has been listed first is first of equals
        self._reached_s = 0.0
        self.running = 0
        self.waiting = 0

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def is_full(self) -> bool:
        """Whether no place is left for anybody."""
        return self.running >= self._places

    @property
    def has_one_in_turn(self) -> bool:
        """Whether no more than one client waits for a turn."""
        return len(self._order) <= 1 and not self._blocked

    def enter(self, peer: bytes) -> Account[T]:
        """The account of a client who asks now, by packed address. To be followed by `begin` or
        `wait`."""
        key = client_of(peer)
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= MAX_REMEMBERED:
                self._forget_idle()
            account = self._accounts[key] = Account(key, self._reached_s)
        elif not account.queue and account.spent_s < self._reached_s:
            account.spent_s = self._reached_s
        return account

    def may_begin(self, account: Account[T], *, busy: bool) -> bool:
        """Whether a question is to be begun at once. `busy`: there is more to do already than time
        for it."""
        if account.queue or not self._has_place(account):
            return False
        return not busy or account.spent_s <= self._reached_s

    def begin(self, account: Account[T]) -> None:
        """Work for this client has begun."""
        account.running += 1
        self.running += 1
        self._reached_s = max(self._reached_s, account.spent_s)

    def end(self, account: Account[T]) -> None:
        """Work for this client has ended."""
        account.running -= 1
        self.running -= 1
        if self.waiting:
            self._list(account)
        if self._blocked:
            # One place more: there may be one for those who had to wait for others, too.
            self._wake(min(_WOKEN, len(self._blocked)))

    def wait(self, account: Account[T], item: T, now: float) -> T | None:
        """Put a question behind the others of its client; the one that is given up for it."""
        given_up: T | None = None
        if len(account.queue) >= self._queue_places - self.waiting:
            if not account.queue:
                return item
            given_up = account.queue.popleft()[1]
            self.waiting -= 1
        account.queue.append((now, item))
        self.waiting += 1
        self._list(account)
        return given_up

    def take(self, now: float) -> tuple[Account[T], T, bool] | None:
        """The question whose turn it is, and whether it is still to be answered; None when none
        waits that may begin. To be followed by `begin` if it is."""
        while self._order or (self._blocked and not self.running):
            if not self._order:
                self._wake(len(self._blocked))  # nothing will end that could
                continue
            spent_s, _, account = _heappop(self._order)
            account.listed = False
            if not account.queue:
                continue
            if not self._has_place(account):
                if not account.blocked:
                    account.blocked = True
                    self._blocked.append(account)
                continue
            if account.spent_s > spent_s:
                self._list(account)
                continue
            since, item = account.queue.popleft()
            self.waiting -= 1
            is_wanted = now - since <= PATIENCE_S
            self._list(account)
            return account, item, is_wanted
        return None

    def clear(self) -> list[T]:
        """Give up everything that waits."""
        accounts = list(self._accounts.values())
        items = [item for account in accounts for _, item in account.queue]
        for account in accounts:
            account.queue.clear()
        self.waiting = 0
        return items

    def _has_place(self, account: Account[T]) -> bool:
        return account.running < self._places - self.running

    def _wake(self, count: int) -> None:
        for _ in range(count):
            woken = self._blocked.popleft()
            woken.blocked = False
            self._list(woken)

    def _list(self, account: Account[T]) -> None:
        if account.queue and not account.listed:
            account.listed = True
            self._listed += 1
            _heappush(self._order, (account.spent_s, self._listed, account))

    def _forget_idle(self) -> None:
        self._accounts = {k: a for k, a in self._accounts.items() if a.running or a.queue}
