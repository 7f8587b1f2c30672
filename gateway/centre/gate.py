"""Who may call the centre now, who waits, who is refused at once (pure).

```
offer ─► Admit     there is room and nobody waits
      ─► Wait      into the fair queue; `next` hands out places as they come free
      ─► Refuse    it cannot be answered before its deadline, or its village holds its part of the queue already
```

The queue is bounded without letting one village fill it: a village may hold as many tickets as there are places
left, a class four times as many, so that there is always room for somebody else.

Calls that the centre keeps without answering must not hide its return: when nothing came back for as long as the
latency objective, one call more is let through. Once a later call was answered, those it overtook by that long no
longer count against the limit: whatever holds them, it is not the centre's strength.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.centre.fair_queue import FairQueue, Ticket
from gateway.centre.limit import Limit
from gateway.centre.verdict import ADMIT, Refuse, Wait
from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from random import Random

    from gateway.centre.link import Flight
    from gateway.centre.verdict import Admit
    from gateway.contract.messages import Call, CentreService
    from gateway.settings.centre import LimiterSettings

LONGEST_RETRY_AFTER = 60.0
"""Seconds; nobody is sent away for longer."""

CLASS_PART = 4
"""Tickets a class may hold for each place left."""


class Passage(Ticket):
    """A call at the gate: waiting, then in flight.

    Attributes:
        service: Service it asks.
        epoch: Epoch of the limit it was admitted in.
        started: Monotonic seconds when it was admitted.
        stuck: Whether later calls overtook it and it no longer counts against the limit.
    """

    __slots__ = ("epoch", "service", "started", "stuck")

    def __init__(self, flight: Flight, service: CentreService) -> None:
        super().__init__(flight)
        self.service = service
        self.epoch = 0
        self.started = 0.0
        self.stuck = False


P = TypeVar("P", bound=Passage)


class Gate(Generic[P]):
    """The limit and the queue before it.

    Args:
        settings: Knobs.
        random: Source of jitter.
        now: Monotonic seconds.

    Attributes:
        limit: What the centre is thought to take.
        in_flight: Calls admitted and not handed back.
        stuck: Of them, those that no longer count against the limit.
    """

    def __init__(self, settings: LimiterSettings, random: Random, now: float) -> None:
        self._settings = settings
        self._random = random
        self._queue: FairQueue[P] = FairQueue(patience=settings.objective / 2.0)
        self._progress = now
        self._started = now - settings.objective / 0.5
        self.limit = Limit(settings, now)
        self.in_flight = 0
        self.stuck = 0
        self._moving: OrderedDict[P, None] = OrderedDict()
        self._overtaken = now

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._queue.waiting

    def offer(self, now: float, passage: P, call: Call) -> Admit | Wait | Refuse:
        """A call arrives."""
        self.limit.roll(now)
        left = passage.flight.deadline - now
        if left <= 0.0:
            return self._refuse(1.0, "deadline")
        if not self._queue.waiting and self._room(now):
            self._admit(now, passage)
            return ADMIT
        return self._enqueue(now, passage, call, left)

    def join(self, passage: P, call: Call) -> None:
        """Another asker shares a waiting call: it also waits in that asker's own place."""
        if passage.waiting:
            self._queue.push(passage, call.priority, call.village, call.caller)

    def abandon(self, passage: P) -> None:
        """A waiting call gives up."""
        self._queue.remove(passage)

    def done(self, now: float, passage: P, *, seconds: float | None, answered: bool = True) -> None:
        """An admitted call ended.

        Args:
            now: Monotonic seconds.
            passage: Which.
            seconds: How long the centre took; None if it says nothing about the centre's load.
            answered: False if the centre had a fair chance and kept silent.
        """
        self.in_flight -= 1
        self._progress = now
        if passage.stuck:
            self.stuck -= 1
        else:
            del self._moving[passage]
        if seconds is not None:
            if answered:
                self._overtaken = max(self._overtaken, passage.started)
            self.limit.sample(now, epoch=passage.epoch, seconds=seconds, answered=answered)

    def next(self, now: float) -> list[tuple[P, Admit | Refuse]]:
        """Waiting calls whose turn has come; those that could not be answered in time any more are refused."""
        self.limit.roll(now)
        served: list[tuple[P, Admit | Refuse]] = []
        while self._room(now) and (passage := self._queue.take(now)) is not None:
            if passage.flight.deadline - now <= self._least():
                served.append((passage, self._refuse(self._estimate(now, Priority.COUNTER, "", ""), "late")))
                continue
            self._admit(now, passage)
            served.append((passage, ADMIT))
        return served

    def wake_at(self) -> float | None:
        """Monotonic seconds when `next` is due although no call ends; None if nobody waits."""
        if not self._queue.waiting:
            return None
        if self.limit.pause and not self._moving:
            return self._started + self.limit.pause
        return self._progress + self._settings.objective

    def estimate(self, now: float, priority: Priority) -> float:
        """Seconds a new call of this class would wait, from a village and caller with nothing in the queue."""
        if not self._queue.waiting and self._room(now):
            return 0.0
        return self._estimate(now, priority, "", "")

    def _room(self, now: float) -> bool:
        self._unstick(now)
        counted = len(self._moving)
        if self.limit.pause:
            if not counted:
                return now >= self._started + self.limit.pause
        elif counted < int(self.limit.value):
            return True
        return now >= self._progress + self._settings.objective

    def _unstick(self, now: float) -> None:
        """Stop counting calls that a later one overtook long ago."""
        while self._moving:
            oldest = next(iter(self._moving))
            if oldest.started >= self._overtaken or now - oldest.started < self._settings.objective:
                return
            del self._moving[oldest]
            oldest.stuck = True
            self.stuck += 1

    def _admit(self, now: float, passage: P) -> None:
        passage.epoch = self.limit.epoch
        passage.started = self._started = self._progress = now
        self.in_flight += 1
        self._moving[passage] = None
        self.limit.occupied(len(self._moving))

    def _enqueue(self, now: float, passage: P, call: Call, left: float) -> Wait | Refuse:
        wait = self._estimate(now, call.priority, call.village, call.caller)
        if wait + self._least() > left:
            return self._refuse(wait, "deadline")
        if self._full(call.priority, call.village):
            return self._refuse(wait, "full")
        passage.since = now
        self._queue.push(passage, call.priority, call.village, call.caller)
        return Wait(wait)

    def _full(self, priority: Priority, village: str) -> bool:
        free = self._settings.waiting - self._queue.waiting
        in_class, in_village = self._queue.lengths(priority, village)
        return free <= 0 or in_village >= free or in_class >= CLASS_PART * free

    def _estimate(self, now: float, priority: Priority, village: str, caller: str) -> float:
        """Little's law over the calls that go first; 0 while nothing is known of the centre."""
        typical = self.limit.typical
        if typical is None:
            return 0.0
        each = max(typical / max(1.0, self.limit.value), self.limit.pause)
        return each * (self._queue.ahead(now, priority, village, caller) + 0.5)

    def _least(self) -> float:
        """Seconds a call needs at the least to be worth sending."""
        return (self.limit.typical or 0.0) / 2.0

    def _refuse(self, after: float, reason: str) -> Refuse:
        """Come back when it looks better, and not all at once."""
        return Refuse(min(LONGEST_RETRY_AFTER, max(1.0, after) * self._random.uniform(0.75, 1.5)), reason)
