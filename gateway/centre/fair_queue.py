"""Who is next among those who wait: classes by weight, villages by what they had, callers in turn within a village.

```
class (weights 8:4:2:1, stride)  ►  village (least virtual time first)  ►  caller (round robin)  ►  tickets
```

Max-min fair: each turn moves a village's virtual time on by one, and the village furthest behind goes next. The
clock of a class is the furthest turn it gave; a village that asks less than its share falls behind the clock and
keeps up to `CREDIT` turns for its next questions, so that it hardly waits even where a full round takes longer than
anybody's patience. The heavy ones share what the others leave.

Before the first rounds are over nobody has fallen behind, and turns alone cannot tell who asks little. So each
question, let in or not, also moves its village back by one, up to `PRESSING` in all, and each round brings it
forward again: who asks once a round stands where its turns put it, and all who press stand equally far behind.

A ticket may stand in several places when askers of several villages share it: the first place that comes up
serves it, its price is split among the villages, and what is left of it elsewhere is dead. Dead entries are
skipped, and swept out when they outnumber the living. Within a line the oldest goes first; once the oldest has
waited longer than `patience`, the newest does: those who asked long ago have mostly left.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from heapq import heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from gateway.centre.link import Flight

WEIGHTS = {Priority.URGENT: 8.0, Priority.COUNTER: 4.0, Priority.ONLINE: 2.0, Priority.BACKGROUND: 1.0}
"""Shares of the classes while all of them wait; the least is 1/15."""

CREDIT = 8.0
"""Turns a village that asks less than its share has in hand."""

PRESSING = 8.0
"""Questions beyond one a round that count against a village, at most: who presses harder stands no further behind."""

SWEEP = 16
"""Dead entries a line may always hold."""

REMEMBERED = 256
"""Villages with nothing waiting that a class may always remember."""


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

    def oldest(self) -> T:
        """The ticket that has waited longest; the line must have one."""
        tickets = self.tickets
        while not tickets[0].waiting:
            tickets.popleft()
        return tickets[0]

    def pop(self, now: float, patience: float) -> T:
        """Take the oldest, or the newest once the oldest waited longer than `patience`."""
        tickets = self.tickets
        if now - self.oldest().since <= patience:
            return tickets.popleft()
        while not tickets[-1].waiting:
            tickets.pop()
        return tickets.pop()

    def sweep(self) -> None:
        """Drop the dead entries."""
        self.tickets = deque(ticket for ticket in self.tickets if ticket.waiting)


class Village(Generic[T]):
    """Lines of one village in one class.

    Attributes:
        turn: Virtual time of its next turn.
        place: Where it stands among the villages that wait: the lower, the sooner.
        pressing: Questions it asked beyond one a round, up to `PRESSING`.
        pressed_at: The class's clock when it last asked.
        listed: Whether it stands in its class's heap.
    """

    __slots__ = ("lines", "listed", "live", "name", "place", "pressed_at", "pressing", "step", "turn")

    def __init__(self, name: str, turn: float) -> None:
        self.name = name
        self.lines: OrderedDict[str, Line[T]] = OrderedDict()
        self.live = 0
        self.turn = self.place = turn
        self.pressing = 0.0
        self.pressed_at = turn
        self.step = 0
        self.listed = False


class Rank(Generic[T]):
    """Villages of one class.

    Attributes:
        clock: Virtual time of the furthest turn given.
        base: Nobody's credit reaches back behind this: the clock when the class began to wait.
        active: Villages with something waiting.
    """

    __slots__ = (
        "_furthest",
        "_heap",
        "_order",
        "active",
        "base",
        "clock",
        "live",
        "passed",
        "steps",
        "stride",
        "villages",
        "weight",
    )

    def __init__(self, weight: float) -> None:
        self.villages: dict[str, Village[T]] = {}
        self.steps: dict[int, int] = {}
        self.live = 0
        self.active = 0
        self.clock = 0.0
        self.base = 0.0
        self.passed = 0.0
        self.weight = weight
        self.stride = 1.0 / weight
        self._heap: list[tuple[float, int, Village[T]]] = []
        self._order = 0
        self._furthest = 0.0

    def line(self, village: str, caller: str) -> tuple[Village[T], Line[T]]:
        """The caller's line, made if there is none."""
        group = self.villages.get(village)
        if group is None:
            self._forget()
            group = self.villages[village] = Village(village, self.base)
        line = group.lines.get(caller)
        if line is None:
            line = group.lines[caller] = Line(caller)
        return group, line

    def enter(self, group: Village[T]) -> None:
        """A village has something waiting again; what it did not use is forgotten beyond its credit."""
        if not self.active:
            self.base = self.clock = self._furthest
        self.active += 1
        group.turn = max(group.turn, self.clock - CREDIT, self.base)
        if group.pressed_at < self.base:
            group.pressing = 0.0
        group.place = group.turn + group.pressing
        group.step = int(group.place)
        self._count(group.step, 1)
        if not group.listed:
            group.listed = True
            self._order += 1
            heappush(self._heap, (group.place, self._order, group))

    def next_village(self) -> Village[T]:
        """Whose turn it is: the one furthest behind; some village must wait."""
        heap = self._heap
        while True:
            place, order, group = heap[0]
            if not group.live:
                heappop(heap)
                group.listed = False
            elif group.place > place:
                heapreplace(heap, (group.place, order, group))
            else:
                self.clock = max(self.clock, group.turn)
                return group

    def charge(self, group: Village[T], price: float) -> None:
        """A village had (a part of) a turn."""
        group.turn += price
        self._stand(group)
        self._furthest = max(self._furthest, group.turn)

    def press(self, village: str) -> None:
        """A village asks, whether or not it is let in."""
        group = self.villages.get(village)
        if group is None or not self.active:
            return
        passed = self.clock - group.pressed_at
        group.pressing = min(PRESSING, max(0.0, group.pressing - passed) + 1.0)
        group.pressed_at = self.clock
        if group.live:
            self._stand(group)

    def turns_before(self, village: str, more: int = 0) -> float:
        """Turns of others before a village's next turn but `more`."""
        group = self.villages.get(village)
        if group is None:
            own = int(max(self.clock - CREDIT, self.base)) + 1
        elif group.live:
            own = group.step + more
        else:
            own = int(max(group.turn, self.clock - CREDIT, self.base) + group.pressing) + 1 + more
        return sum([(own - step) * count for step, count in self.steps.items() if step < own])

    def left(self, group: Village[T]) -> None:
        """Nothing of a village waits any more."""
        self.active -= 1
        self._count(group.step, -1)

    def _stand(self, group: Village[T]) -> None:
        """Count a waiting village where it stands now."""
        group.place = group.turn + group.pressing
        step = int(group.place)
        if step != group.step:
            steps = self.steps
            if steps[group.step] == 1:
                del steps[group.step]
            else:
                steps[group.step] -= 1
            steps[step] = steps.get(step, 0) + 1
            group.step = step

    def _count(self, step: int, change: int) -> None:
        count = self.steps.get(step, 0) + change
        if count:
            self.steps[step] = count
        else:
            del self.steps[step]

    def _forget(self) -> None:
        """Drop villages about which nothing is worth remembering, now and then."""
        if len(self.villages) > 2 * self.active + REMEMBERED:
            fresh = self.clock - CREDIT
            self.villages = {name: one for name, one in self.villages.items() if one.live or one.turn > fresh}


Place = tuple[Rank[Any], Village[Any], Line[Any]]
"""Where a ticket stands."""


class FairQueue(Generic[T]):
    """All that wait (pure).

    Args:
        patience: Seconds after which a line is served newest first.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._ranks: tuple[Rank[T], ...] = tuple(Rank(WEIGHTS[priority]) for priority in Priority)
        self._virtual = 0.0
        self._active = 0.0
        self.waiting = 0

    def push(self, ticket: T, priority: Priority, village: str, caller: str) -> None:
        """Let a ticket wait in a (further) place."""
        rank = self._ranks[priority]
        group, line = rank.line(village, caller)
        if ticket.places and any(place[2] is line for place in ticket.places):
            return
        if not ticket.waiting:
            ticket.waiting = True
            self.waiting += 1
        if not rank.live:
            rank.passed = max(rank.passed, self._virtual)
            self._active += rank.weight
        if not group.live:
            rank.enter(group)
        line.tickets.append(ticket)
        ticket.places.append((rank, group, line))
        rank.live += 1
        group.live += 1
        line.live += 1

    def take(self, now: float) -> T | None:
        """The next ticket, no longer waiting; None if nobody waits."""
        if not self.waiting:
            return None
        rank = self._next_rank()
        self._virtual = rank.passed
        rank.passed += rank.stride
        group = rank.next_village()
        line = next(iter(group.lines.values()))
        ticket = line.pop(now, self._patience)
        if len(group.lines) > 1:
            group.lines.move_to_end(line.name)
        if len(ticket.places) == 1:
            rank.charge(group, 1.0)
        else:
            _split(ticket)
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
            elif len(line.tickets) > 2 * line.live + SWEEP:
                line.sweep()
            if not group.live:
                rank.left(group)
            if not rank.live:
                self._active -= rank.weight
        ticket.places.clear()

    def press(self, priority: Priority, village: str) -> None:
        """A village asks, whether or not it is let in."""
        self._ranks[priority].press(village)

    def rounds(self, priority: Priority, village: str, more: int = 0) -> tuple[float, float]:
        """Calls that go before a village's next turn, and calls from one of its turns to the next.

        Args:
            priority: Class.
            village: Village; one that is not known yet has credit.
            more: Turns it has before the one meant.
        """
        rank = self._ranks[priority]
        weights = (self._active if rank.live else self._active + rank.weight) / rank.weight
        return rank.turns_before(village, more) * weights, max(1, rank.active) * weights

    def ahead(self, priority: Priority, village: str, caller: str) -> float:
        """About how many calls go before a new one of this class, village and caller, were it served in order."""
        if not self.waiting:
            return 0.0
        before, each = self.rounds(priority, village)
        group = self._ranks[priority].villages.get(village)
        line = group.lines.get(caller) if group else None
        own = line.live * len(group.lines) if group and line else 0
        return min(float(self.waiting), before + own * each)

    def oldest_of(self, priority: Priority, village: str, caller: str) -> T:
        """The ticket of a line that has waited longest; the line must have one."""
        return self._ranks[priority].villages[village].lines[caller].oldest()

    def lengths(self, priority: Priority, village: str, caller: str = "") -> tuple[int, int, int]:
        """Tickets waiting in a class, of them those of a village, and of them those of a caller."""
        rank = self._ranks[priority]
        group = rank.villages.get(village)
        if group is None:
            return rank.live, 0, 0
        line = group.lines.get(caller)
        return rank.live, group.live, line.live if line else 0

    def _next_rank(self) -> Rank[T]:
        """Of the classes with something waiting, the one that had least for its weight."""
        found: Rank[T] | None = None
        for rank in self._ranks:
            if rank.live and (found is None or rank.passed < found.passed):
                found = rank
        if found is None:
            raise LookupError("nobody waits")
        return found


def _split(ticket: Ticket) -> None:
    """The turn is over; villages that share the ticket each pay a part."""
    payers = {id(place[1]): place for place in ticket.places}
    for rank, village, _ in payers.values():
        rank.charge(village, 1.0 / len(payers))
