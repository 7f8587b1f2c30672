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

A silent centre (see `in_flight`) is sent one call a second as a probe, whoever waits is refused, and the first answer
lets the others follow.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Generic

from gateway.centre.fair_queue import FairQueue
from gateway.centre.in_flight import InFlight, P
from gateway.centre.limit import Limit
from gateway.centre.verdict import ADMIT, Refuse, Wait
from gateway.contract.messages import Priority

if TYPE_CHECKING:
    from random import Random

    from gateway.centre.link import Asker
    from gateway.centre.shares import Leased
    from gateway.centre.verdict import Admit
    from gateway.settings.centre import LimiterSettings

LONGEST_RETRY_AFTER = 60.0
"""Seconds; nobody is sent away for longer."""

CLASS_PART = 4
"""Tickets a class may hold for each place left."""

WORTH = 0.3
"""Share of the time left that a call may wait in the queue."""

TIMELY = 0.5
"""Share of the time callers have, on average, that the centre may take: so many calls are in flight at most."""

PROBE = 1.0
"""Seconds between the calls sent to a silent centre."""

STEP = 0.05
"""Seconds to which the ends of waiting are rounded up."""


class Gate(Generic[P]):
    """The limit and the queue before it.

    Args:
        settings: Knobs.
        random: Source of jitter.
        now: Monotonic seconds.
        limit: A share of a limit that other gateways use too; None for one of its own.

    Attributes:
        limit: What the centre is thought to take.
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
        self._out: InFlight[P] = InFlight(self.limit, settings.objective, now)
        self._ends: dict[int, list[P]] = {}
        self._next_ends: list[int] = []
        self._told: list[tuple[P, Admit | Refuse]] = []
        self._left = 0.0

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._queue.waiting

    @property
    def in_flight(self) -> int:
        """Calls admitted and not handed back."""
        return self._out.count

    @property
    def stuck(self) -> int:
        """Of them, those that no longer count against the limit."""
        return self._out.stuck

    @property
    def silent(self) -> bool:
        """Whether the centre is taken to be away."""
        return self._out.silent

    @property
    def restless(self) -> bool:
        """Whether `wake_at` may move to an earlier moment: places come by time alone, or somebody was overtaken."""
        return self._out.silent or self.limit.value < 1.0 or bool(self._told)

    def live_on(self, limit: Limit | Leased) -> None:
        """Take another limit from now on."""
        self.limit = limit
        self._out.live_on(limit)

    def offer(self, now: float, passage: P, call: Asker) -> Admit | Wait | Refuse:
        """A call arrives."""
        left = passage.flight.deadline - now
        if left <= 0.0:
            return self._refuse(1.0, "deadline")
        if not self._queue.waiting and self._room(now):
            self._admit(now, passage)
            return ADMIT
        verdict = self._judge(now, call, left, knocked=passage.flight.knocked)
        return self._enqueue(now, passage, call, left, verdict) if isinstance(verdict, Wait) else verdict

    def knock(self, now: float, call: Asker) -> Refuse | bool:
        """Ask beforehand whether a call would be refused at once.

        Returns:
            The refusal; or whether it was counted as its village's question, so that `offer` does not count it again.
        """
        if self._queue.waiting or (self._out.silent and not self._room(now)):
            verdict = self._judge(now, call, call.deadline - now)
            return verdict if isinstance(verdict, Refuse) else True
        return False

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
        out = self._out
        out.end(passage)
        if seconds is None:
            if out.silent:
                self._started = -inf  # the way there refused it: the next may try at once
            return
        if answered:
            out.heard(now, passage)
        if not out.silent and passage.started > out.spoke:
            self.limit.sample(now, epoch=passage.epoch, seconds=seconds, answered=answered, load=passage.load)
            self.limit.keep_within(TIMELY * self._left)

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
        if self._out.silent:
            while (waiting := queue.take(now)) is not None:
                told.append((waiting, self._refuse(PROBE, "silent")))
        return told

    def close(self) -> list[P]:
        """All who wait; nobody does afterwards."""
        left = [passage for passage, _ in self._told]
        self._told.clear()
        for passage in (passage for ends in self._ends.values() for passage in ends if passage.waiting):
            self._queue.remove(passage)
            left.append(passage)
        return left

    def wake_at(self) -> float | None:
        """Monotonic seconds when `next` is due although no call ends; None if nobody waits."""
        if self._told:
            return -inf
        if not self._queue.waiting:
            return None
        due = self._next_ends[0] * STEP
        if self._out.moving:
            return min(due, self._out.silent_at())
        if self.limit.pause:
            return min(due, self._earned_at + (1.0 - self._earned) * self.limit.pause)
        return due

    def estimate(self, now: float, priority: Priority) -> float:
        """Seconds a new call of this class would wait, from a village and caller with nothing in the queue."""
        if not self._queue.waiting and self._room(now):
            return 0.0
        if self._out.silent:
            return PROBE
        return self._each() * (self._queue.ahead(priority, "", "") + 0.5)

    def place(self, priority: Priority, village: str, caller: str) -> tuple[int, float]:
        """Place in line of a new call, 1 for the next to go, and the seconds until its turn, for people."""
        before = self._queue.ahead(priority, village, caller)
        return int(before) + 1, self._each() * (before + 0.5)

    def _room(self, now: float) -> bool:
        out = self._out
        out.look(now, waiting=self._queue.waiting > 0)
        if out.silent:
            return now >= self._started + max(PROBE, self.limit.pause)
        if self.limit.value >= 1.0:
            self._paced = False
            return len(out.moving) < self.limit.places
        self._earn(now)
        return not out.moving and self._earned >= 1.0 - 1e-9

    def _earn(self, now: float) -> None:
        """Below a limit of 1 a start is earned in a pause; by parts, so that a new pause does not line gateways up."""
        if not self._paced:
            self._paced = True
            self._earned = self._random.random()
        else:
            self._earned = min(1.0, self._earned + (now - self._earned_at) / self.limit.pause)
        self._earned_at = now

    def _admit(self, now: float, passage: P) -> None:
        passage.epoch = self.limit.epoch
        self._started = now
        if self._paced:
            self._earned = 0.0
            self._earned_at = now
        left = passage.flight.deadline - now
        self._left += (left - self._left) / 16.0 if self._left else left
        self._out.begin(now, passage)

    def _judge(self, now: float, call: Asker, left: float, *, knocked: bool = False) -> Wait | Refuse:
        """Whether a call for which there is no place may wait, and the seconds until its turn."""
        if self._out.silent or self._out.doubtful(now):
            return self._refuse(PROBE, "silent")
        queue, each = self._queue, self._each()
        if not knocked:
            queue.press(call.priority, call.village)
        wait = each * queue.waiting
        worth = self._worth(left)
        if wait <= worth:
            return Wait(wait)
        before, between = queue.rounds(call.priority, call.village)
        if each * before <= worth:
            return Wait(each * before)
        _, in_village, _ = queue.lengths(call.priority, call.village)
        return self._refuse(each * (before + between * in_village), "deadline")

    def _enqueue(self, now: float, passage: P, call: Asker, left: float, wait: Wait) -> Wait | Refuse:
        """Let a call wait that may."""
        queue, each, worth = self._queue, self._each(), self._worth(left)
        if each * queue.waiting > worth:
            self._make_way(call, each, worth)
        if 2 * queue.waiting >= self._settings.waiting and self._full(call):
            return self._refuse(wait.after + each, "full")
        passage.since = now
        queue.push(passage, call.priority, call.village, call.caller)
        self._end_at(passage, now + worth)
        return wait

    def _worth(self, left: float) -> float:
        """Seconds that waiting is worth to somebody with so many left."""
        return min(WORTH * left, max(left - self._need(), 0.1 * left))

    def _make_way(self, call: Asker, each: float, worth: float) -> None:
        """Refuse the oldest of the caller's line if one more leaves it no turn."""
        queue, priority, village, caller = self._queue, call.priority, call.village, call.caller
        _, _, in_line = queue.lengths(priority, village, caller)
        if in_line:
            last = each * queue.rounds(priority, village, in_line)[0]
            if last > worth:
                self._overtake(queue.oldest_of(priority, village, caller), last)

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
        limit = self.limit
        return limit.each if limit.value >= 1.0 else max(limit.each, limit.pause)

    def _need(self) -> float:
        """Seconds within which nine of ten calls are answered."""
        return (self.limit.typical or 0.0) + 2.0 * self.limit.spread

    def _refuse(self, after: float, reason: str) -> Refuse:
        """Come back when it looks better, and not all at once."""
        return Refuse(min(LONGEST_RETRY_AFTER, max(1.0, after) * self._random.uniform(0.75, 1.5)), reason)
