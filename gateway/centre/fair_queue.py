"""Who is next among those who wait: classes by weight, villages in turn, callers in turn within a village.

```
class (weights 8:4:2:1, stride)  ►  village (deficit round robin)  ►  caller (round robin)  ►  tickets
```

A ticket may stand in several places when askers of several villages share it: the first place that comes up
serves it, its price is split among the villages, and what is left of it elsewhere is dead. Dead entries are
skipped, and swept out when they outnumber the living. Within a line the oldest goes first; once the oldest has
waited longer than `patience`, the newest does: those who asked long ago have mostly left.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from gateway.centre.link import Flight

WEIGHTS = {Priority.URGENT: 8.0, Priority.COUNTER: 4.0, Priority.ONLINE: 2.0, Priority.BACKGROUND: 1.0}
"""Shares of the classes while all of them wait; the least is 1/15."""

MOST_DEBT = 4.0
"""Turns a village may owe for shared tickets."""

SWEEP = 16
"""Dead entries a line may always hold."""


class Ticket:
    """A place in the queue.

    Attributes:
        flight: Whom it is for and until when.
        since: Monotonic seconds when it began to wait.
        waiting: False once it was served or gave up.
        places: Where it stands.
    """

    __slots__ = ("flight", "places", "since", "waiting")

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self.since = 0.0
        self.waiting = False
        self.places: list[Place] = []


T = TypeVar("T", bound=Ticket)


class Line(Generic[T]):
    """Tickets of one caller of one village in one class."""

    __slots__ = ("live", "name", "tickets")

    def __init__(self, name: str) -> None:
        self.name = name
        self.tickets: deque[T] = deque()
        self.live = 0

    def pop(self, now: float, patience: float) -> T:
        """Take the oldest, or the newest once the oldest waited longer than `patience`."""
        tickets = self.tickets
        while not tickets[0].waiting:
            tickets.popleft()
        if now - tickets[0].since <= patience:
            return tickets.popleft()
        while not tickets[-1].waiting:
            tickets.pop()
        return tickets.pop()

    def sweep(self) -> None:
        """Drop dead entries if they outnumber the living."""
        if len(self.tickets) > 2 * self.live + SWEEP:
            self.tickets = deque(ticket for ticket in self.tickets if ticket.waiting)


class Village(Generic[T]):
    """Lines of one village in one class.

    Attributes:
        debt: Turns it owes (or, negative, has in hand) for tickets shared with other villages.
    """

    __slots__ = ("debt", "lines", "live", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: OrderedDict[str, Line[T]] = OrderedDict()
        self.live = 0
        self.debt = 0.0


class Rank(Generic[T]):
    """Villages of one class."""

    __slots__ = ("live", "passed", "stride", "villages", "weight")

    def __init__(self, weight: float) -> None:
        self.villages: OrderedDict[str, Village[T]] = OrderedDict()
        self.live = 0
        self.passed = 0.0
        self.weight = weight
        self.stride = 1.0 / weight

    def line(self, village: str, caller: str) -> tuple[Village[T], Line[T]]:
        """The caller's line, made if there is none."""
        group = self.villages.get(village)
        if group is None:
            group = self.villages[village] = Village(village)
        line = group.lines.get(caller)
        if line is None:
            line = group.lines[caller] = Line(caller)
        return group, line

    def next_village(self) -> Village[T]:
        """Whose turn it is; a village in debt lets its turn pass."""
        villages = self.villages
        group = next(iter(villages.values()))
        while group.debt >= 1.0 and len(villages) > 1:
            group.debt -= 1.0
            villages.move_to_end(group.name)
            group = next(iter(villages.values()))
        return group


Place = tuple[Rank[Any], Village[Any], Line[Any]]
"""Where a ticket stands."""


class FairQueue(Generic[T]):
    """All that wait (pure).

    Args:
        patience: Seconds after which a line is served newest first.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._ranks: dict[Priority, Rank[T]] = {priority: Rank(weight) for priority, weight in WEIGHTS.items()}
        self._virtual = 0.0
        self._active = 0.0
        self.waiting = 0

    def push(self, ticket: T, priority: Priority, village: str, caller: str) -> None:
        """Let a ticket wait in a (further) place."""
        rank = self._ranks[priority]
        group, line = rank.line(village, caller)
        if any(place[2] is line for place in ticket.places):
            return
        if not ticket.waiting:
            ticket.waiting = True
            self.waiting += 1
        if not rank.live:
            rank.passed = max(rank.passed, self._virtual)
            self._active += rank.weight
        line.tickets.append(ticket)
        ticket.places.append((rank, group, line))
        rank.live += 1
        group.live += 1
        line.live += 1

    def take(self, now: float) -> T | None:
        """The next ticket, no longer waiting; None if nobody waits."""
        if not self.waiting:
            return None
        rank = min((rank for rank in self._ranks.values() if rank.live), key=_passed)
        self._virtual = rank.passed
        rank.passed += rank.stride
        group = rank.next_village()
        line = next(iter(group.lines.values()))
        ticket = line.pop(now, self._patience)
        group.lines.move_to_end(line.name)
        self._charge(ticket, rank, group)
        self.remove(ticket)
        return ticket

    def remove(self, ticket: T) -> None:
        """Take a ticket out of all its places; harmless if it does not wait."""
        if not ticket.waiting:
            return
        ticket.waiting = False
        self.waiting -= 1
        for rank, group, line in ticket.places:
            rank.live -= 1
            group.live -= 1
            line.live -= 1
            if not line.live:
                del group.lines[line.name]
            else:
                line.sweep()
            if not group.live:
                del rank.villages[group.name]
                self._active -= 0.0 if rank.live else rank.weight
        ticket.places.clear()

    def ahead(self, now: float, priority: Priority, village: str, caller: str) -> float:
        """About how many calls go before a new one of this class, village and caller."""
        rank = self._ranks[priority]
        if not self.waiting:
            return 0.0
        turns = self._before_in_village(now, rank, village, caller) * (
            len(rank.villages) + (village not in rank.villages)
        )
        active = self._active if rank.live else self._active + rank.weight
        return min(float(self.waiting), (turns + 0.5) * active / rank.weight)

    def lengths(self, priority: Priority, village: str) -> tuple[int, int]:
        """Tickets waiting in a class, and of them those of a village."""
        rank = self._ranks[priority]
        group = rank.villages.get(village)
        return rank.live, group.live if group else 0

    def _before_in_village(self, now: float, rank: Rank[T], village: str, caller: str) -> float:
        group = rank.villages.get(village)
        if group is None:
            return 0.5
        line = group.lines.get(caller)
        callers = len(group.lines) + (line is None)
        if line is None or now - line.tickets[0].since > self._patience:
            return 0.5 * callers
        return (line.live + 0.5) * callers

    def _charge(self, ticket: T, rank: Rank[T], group: Village[T]) -> None:
        """Give the turn back to the end of the ring; villages that share the ticket each pay a part."""
        villages = {place[1].name for place in ticket.places} if len(ticket.places) > 1 else None
        if villages is not None and len(villages) > 1:
            part = 1.0 / len(villages)
            for other in filter(None, (rank.villages.get(name) for name in villages)):
                other.debt = min(MOST_DEBT, other.debt + part)
            group.debt -= 1.0
        if group.debt <= -1.0:
            group.debt += 1.0
        else:
            rank.villages.move_to_end(group.name)


def _passed(rank: Rank[T]) -> float:
    return rank.passed
