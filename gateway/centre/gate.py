"""Who may call the centre now, who waits, who is refused at once (pure).

```
offer ─► Admit     there is room and nobody waits
      ─► Wait      into the fair queue; `next` hands out places as they come free
      ─► Refuse    its village's turn does not come in time, the centre is silent, or the queue is full
```

Nobody waits longer than `WORTH` of the time it has: an answer that comes at the last moment may come too late, and
with more askers than answers a fresher one is always there. Whose village cannot have its turn by then is told so
at the door, with the time until that turn. A line holds no more than can have their turns; in an overloaded one the
newest goes first, so the oldest is refused when one too many comes.

The queue is bounded without letting one village fill it: a village may hold as many tickets as there are places
left, a class four times as many, so that there is always room for somebody else.

**Doubt.** Where answers usually come every few milliseconds, a quarter of a second without any says enough: nobody
begins to wait until the next one. Whoever waits already stays, so that a centre that only hesitated finds its work.

**Silence.** When calls are in flight and nothing came back for long, the centre is taken to be away: whoever waits
is refused, one call a second goes through as a probe, and the first answer lets the others follow. Calls that the
centre keeps without answering must not hide its return: once a later call was answered, those it overtook long ago
no longer count against the limit: whatever holds them, it is not the centre's strength.
"""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.centre.fair_queue import FairQueue, Ticket
from gateway.centre.limit import Limit
from gateway.centre.verdict import ADMIT, Refuse, Wait
from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from random import Random

    from gateway.centre.link import Asker, Flight
    from gateway.centre.shares import Leased
    from gateway.centre.verdict import Admit
    from gateway.contract.messages import CentreService
    from gateway.settings.centre import LimiterSettings

LONGEST_RETRY_AFTER = 60.0
"""Seconds; nobody is sent away for longer."""

CLASS_PART = 4
"""Tickets a class may hold for each place left."""

WORTH = 0.3
"""Share of the time left that a call may wait in the queue."""

PROBE = 1.0
"""Seconds between the calls sent to a silent centre."""

PATIENT = 6.0
"""Usual latencies without any answer after which the centre is taken to be silent, if longer than the objective."""

STEP = 0.05
"""Seconds to which the ends of waiting are rounded up."""


DOUBT = 6.0
"""Usual pauses between two answers without any after which nobody begins to wait."""

HICCUP = 0.25
"""Seconds; a shorter silence is never doubted."""

AWAKE = 0.1
"""Seconds; if nobody came for longer, the silence may be our own."""

LATE = 0.25
"""Seconds after which a look was late, and that are then given for answers to come in that already lie there."""


class Passage(Ticket):
    """A call at the gate: waiting, then in flight.

    Attributes:
        service: Service it asks.
        epoch: Epoch of the limit it was admitted in.
        load: Calls in flight when it was admitted, itself included.
        started: Monotonic seconds when it was admitted.
        until: Monotonic seconds until which it may wait.
        stuck: Whether later calls overtook it and it no longer counts against the limit.
    """

    __slots__ = ("epoch", "load", "service", "started", "stuck", "until")

    def __init__(self, flight: Flight, service: CentreService) -> None:
        super().__init__(flight)
        self.service = service
        self.epoch = 0
        self.load = 1
        self.started = 0.0
        self.until = 0.0
        self.stuck = False


P = TypeVar("P", bound=Passage)


class Gate(Generic[P]):
    """The limit and the queue before it.

    Args:
        settings: Knobs.
        random: Source of jitter.
        now: Monotonic seconds.
        limit: A share of a limit that other gateways use too; None for one of its own.

    Attributes:
        limit: What the centre is thought to take.
        in_flight: Calls admitted and not handed back.
        stuck: Of them, those that no longer count against the limit.
        silent: Whether the centre is taken to be away.
    """

    def __init__(
        self, settings: LimiterSettings, random: Random, now: float, limit: Limit | Leased | None = None
    ) -> None:
        self._settings = settings
        self._random = random
        self._queue: FairQueue[P] = FairQueue(patience=settings.objective / 4.0)
        self._started = -inf
        self._paced = False
        self._earned = 1.0
        self._earned_at = now
        self.limit = limit or Limit(settings, now)
        self.in_flight = 0
        self.stuck = 0
        self.silent = False
        self._moving: OrderedDict[P, None] = OrderedDict()
        self._heard = now
        self._spoke = now - 1.0
        self._overtaken = now
        self._grace = -inf
        self._looked = now
        self._awake = now
        self._ends: dict[int, list[P]] = {}
        self._next_ends: list[int] = []
        self._told: list[tuple[P, Admit | Refuse]] = []

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._queue.waiting

    @property
    def slow(self) -> bool:
        """Whether places come by time, not by calls that end: `wake_at` may then move to an earlier moment."""
        return self.silent or self.limit.pause > 0.0

    def offer(self, now: float, passage: P, call: Asker) -> Admit | Wait | Refuse:
        """A call arrives."""
        left = passage.flight.deadline - now
        if left <= 0.0:
            return self._refuse(1.0, "deadline")
        if not self._queue.waiting and self._room(now):
            self._admit(now, passage)
            return ADMIT
        if self.silent or self._in_doubt(now):
            return self._refuse(PROBE, "silent")
        return self._enqueue(now, passage, call, left)

    def join(self, passage: P, call: Asker) -> None:
        """Another asker shares a waiting call: it also waits in that asker's own place, and as long as it may."""
        if passage.waiting:
            self._queue.push(passage, call.priority, call.village, call.caller)
            longer = passage.since + WORTH * (passage.flight.deadline - passage.since)
            if longer > passage.until:
                self._end_at(passage, longer)

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
        if passage.stuck:
            self.stuck -= 1
        else:
            del self._moving[passage]
        if seconds is None:
            if self.silent:
                self._started = -inf  # the way there refused it: the next may try at once
            return
        if answered:
            self._heard = now
            if self.silent:
                self.silent = False
                self._spoke = now
            self._overtaken = max(self._overtaken, passage.started)
        if not self.silent and passage.started > self._spoke:
            self.limit.sample(now, epoch=passage.epoch, seconds=seconds, answered=answered, load=passage.load)

    def next(self, now: float) -> list[tuple[P, Admit | Refuse]]:
        """Waiting calls whose turn has come, and those that are refused after all."""
        self.limit.roll(now)
        told, self._told = self._told, []
        if self._next_ends and self._next_ends[0] * STEP <= now:
            self._expire(now, told)
        queue = self._queue
        while queue.waiting and self._room(now):
            passage = queue.take(now)
            if passage is None:
                break
            self._admit(now, passage)
            told.append((passage, ADMIT))
        if self.silent:
            while (waiting := queue.take(now)) is not None:
                told.append((waiting, self._refuse(PROBE, "silent")))
        return told

    def wake_at(self) -> float | None:
        """Monotonic seconds when `next` is due although no call ends; None if nobody waits."""
        if self._told:
            return -inf
        if not self._queue.waiting:
            return None
        due = self._next_ends[0] * STEP
        if self._moving:
            return min(due, max(self._silent_from(), self._grace))
        if self.limit.pause:
            return min(due, self._earned_at + (1.0 - self._earned) * self.limit.pause)
        return due

    def estimate(self, now: float, priority: Priority) -> float:
        """Seconds a new call of this class would wait, from a village and caller with nothing in the queue."""
        if not self._queue.waiting and self._room(now):
            return 0.0
        if self.silent:
            return PROBE
        return self._each() * (self._queue.ahead(priority, "", "") + 0.5)

    def place(self, priority: Priority, village: str, caller: str) -> tuple[int, float]:
        """Place in line of a new call, 1 for the next to go, and the seconds until its turn, for people."""
        before = self._queue.ahead(priority, village, caller)
        return int(before) + 1, self._each() * (before + 0.5)

    def _room(self, now: float) -> bool:
        moving = self._moving
        if moving:
            oldest = next(iter(moving))
            if now - oldest.started >= self._settings.objective:
                self._unstick(now)
                if not self.silent and self._fell_silent(now):
                    self.silent = True
                    self.limit.silenced(now)
        if self.silent:
            return now >= self._started + max(PROBE, self.limit.pause)
        value = self.limit.value
        if value >= 1.0:
            self._paced = False
            return len(moving) < int(value)
        self._earn(now)
        return not moving and self._earned >= 1.0 - 1e-9

    def _earn(self, now: float) -> None:
        """Below a limit of 1 a start is earned in a pause; by parts, so that a new pause does not line gateways up."""
        if not self._paced:
            self._paced = True
            self._earned = self._random.random()
        else:
            self._earned = min(1.0, self._earned + (now - self._earned_at) / self.limit.pause)
        self._earned_at = now

    def _fell_silent(self, now: float) -> bool:
        """Whether nothing came back for too long; if those who wait were not woken when it was due, we stood still."""
        due = self._silent_from()
        if now < due:
            return False
        if self._queue.waiting and now - due > LATE and self._grace < due:
            self._grace = now + LATE
        return now >= self._grace

    def _in_doubt(self, now: float) -> bool:
        """Whether the next answer is so overdue that nobody should begin to wait for it."""
        if now - self._looked > AWAKE:
            self._awake = now
        self._looked = now
        moving = self._moving
        if not moving or self.limit.typical is None:
            return False
        since = max(self._heard, self._awake, next(iter(moving)).started)
        return now - since > max(HICCUP, DOUBT * self.limit.typical / len(moving))

    def _silent_from(self) -> float:
        """Monotonic seconds from which the centre is silent, should nothing come back until then."""
        if not self._moving:
            return inf
        patience = max(self._settings.objective, PATIENT * (self.limit.typical or 0.0))
        return max(self._heard, next(iter(self._moving)).started) + patience

    def _unstick(self, now: float) -> None:
        """Stop counting calls that a later one overtook long ago."""
        patience = max(self._settings.objective, PATIENT * (self.limit.typical or 0.0))
        while self._moving:
            oldest = next(iter(self._moving))
            if oldest.started >= self._overtaken or now - oldest.started < patience:
                return
            del self._moving[oldest]
            oldest.stuck = True
            self.stuck += 1

    def _admit(self, now: float, passage: P) -> None:
        passage.epoch = self.limit.epoch
        passage.started = self._started = now
        if self._paced:
            self._earned = 0.0
            self._earned_at = now
        self.in_flight += 1
        self._moving[passage] = None
        passage.load = len(self._moving)

    def _enqueue(self, now: float, passage: P, call: Asker, left: float) -> Wait | Refuse:
        """Let a call wait, if its turn comes while waiting is worth it."""
        queue, each = self._queue, self._each()
        worth = min(WORTH * left, max(left - self._need(), 0.1 * left))
        wait = each * queue.waiting
        if wait > worth:
            refused, wait = self._crowded(call, each, worth)
            if refused is not None:
                return refused
        if 2 * queue.waiting >= self._settings.waiting and self._full(call):
            return self._refuse(wait + each, "full")
        passage.since = now
        queue.push(passage, call.priority, call.village, call.caller)
        self._end_at(passage, now + worth)
        return Wait(wait)

    def _crowded(self, call: Asker, each: float, worth: float) -> tuple[Refuse | None, float]:
        """More wait than can have their turns: whether this one can, and the seconds until it."""
        queue, priority, village, caller = self._queue, call.priority, call.village, call.caller
        queue.press(priority, village)
        before, between = queue.rounds(priority, village)
        _, in_village, in_line = queue.lengths(priority, village, caller)
        if each * before > worth:
            return self._refuse(each * (before + between * in_village), "deadline"), each * before
        if in_line:
            last = each * queue.rounds(priority, village, in_line)[0]
            if last > worth:
                self._overtake(queue.oldest_of(priority, village, caller), last)
        return None, each * before

    def _full(self, call: Asker) -> bool:
        """Whether there is no place left in the queue, or none for this village or class."""
        queue = self._queue
        free = self._settings.waiting - queue.waiting
        in_class, in_village, _ = queue.lengths(call.priority, call.village)
        return free <= 0 or in_village >= free or in_class >= CLASS_PART * free

    def _overtake(self, passage: P, after: float) -> None:
        """Refuse one that fresher ones of its line leave no turn to."""
        self._queue.remove(passage)
        self._told.append((passage, self._refuse(after, "overtaken")))

    def _end_at(self, passage: P, until: float) -> None:
        passage.until = until
        step = int(until / STEP) + 1
        ends = self._ends.get(step)
        if ends is None:
            ends = self._ends[step] = []
            heappush(self._next_ends, step)
        ends.append(passage)

    def _expire(self, now: float, told: list[tuple[P, Admit | Refuse]]) -> None:
        """Refuse those that waited as long as it was worth."""
        while self._next_ends and self._next_ends[0] * STEP <= now:
            for passage in self._ends.pop(heappop(self._next_ends)):
                if passage.waiting and passage.until <= now:
                    self._queue.remove(passage)
                    told.append((passage, self._refuse(self.estimate(now, Priority.COUNTER), "late")))

    def _each(self) -> float:
        """Seconds from one place coming free to the next; 0 while nothing is known of the centre."""
        typical = self.limit.typical
        return 0.0 if typical is None else max(typical / max(1.0, self.limit.value), self.limit.pause)

    def _need(self) -> float:
        """Seconds within which nine of ten calls are answered."""
        return (self.limit.typical or 0.0) + 2.0 * self.limit.spread

    def _refuse(self, after: float, reason: str) -> Refuse:
        """Come back when it looks better, and not all at once."""
        return Refuse(min(LONGEST_RETRY_AFTER, max(1.0, after) * self._random.uniform(0.75, 1.5)), reason)
