"""Calls at the centre: which of them count, and whether anything comes back (pure).

**Doubt.** Where answers usually come every few milliseconds, a quarter of a second without any says enough: nobody
begins to wait until the next one. Whoever waits already stays, so that a centre that only hesitated finds its work.

**Silence.** When calls are in flight and nothing came back for long, the centre is taken to be away, until the first
answer. How long that is follows from the latency and from the number of calls: of many, one should come back soon.
Calls that the centre keeps without answering must not hide its return: once a later call was answered, those it
overtook long ago no longer count against the limit: whatever holds them, it is not the centre's strength.
"""

from __future__ import annotations

from collections import OrderedDict
from math import inf, sqrt
from typing import TYPE_CHECKING, Generic, TypeVar

from gateway.centre.fair_queue import Ticket

if TYPE_CHECKING:
    from gateway.centre.limit import Limit
    from gateway.centre.link import Flight
    from gateway.centre.shares import Leased
    from gateway.contract.messages import CentreService

PATIENT = 6.0
"""Usual latencies without any answer after which a centre that has one call is taken to be silent, if longer than the
objective; the more calls it has, the fewer."""

UNHEARD = 3.0
"""Objectives without the very first answer after which it is."""

DOUBT = 6.0
"""Usual pauses between two answers without any after which nobody begins to wait."""

HICCUP = 0.25
"""Seconds; a shorter silence is never doubted."""

AWAKE = 0.1
"""Seconds; if nobody came for longer, the silence may be our own."""

LATE = 0.25
"""Seconds after which a look was late, and that are then given for answers to come in that already lie there."""


class Passage(Ticket):
    """A call at the gate: waiting, then in flight; what is not known yet is not set.

    Attributes:
        service: Service it asks.
        epoch: Epoch of the limit it was admitted in.
        load: Calls in flight when it was admitted, itself included.
        started: Monotonic seconds when it was admitted.
        until: Monotonic seconds until which it may wait.
        stuck: Whether later calls overtook it and it no longer counts against the limit.
    """

    __slots__ = ("epoch", "load", "service", "started", "stuck", "until")

    epoch: int
    load: int
    started: float
    until: float

    def __init__(self, flight: Flight, service: CentreService) -> None:
        super().__init__(flight)
        self.service = service
        self.stuck = False


P = TypeVar("P", bound=Passage)


class InFlight(Generic[P]):
    """What is out.

    Args:
        limit: Knows the usual latency; told when the centre falls silent.
        objective: Seconds; the least silence that counts.
        now: Monotonic seconds.

    Attributes:
        count: Calls begun and not ended.
        stuck: Of them, those that no longer count against the limit.
        moving: The others, in the order in which they began.
        silent: Whether the centre is taken to be away.
        spoke: Monotonic seconds when it last broke a silence.
    """

    def __init__(self, limit: Limit | Leased, objective: float, now: float) -> None:
        self._limit = limit
        self._objective = objective
        self._heard = self._overtaken = self._looked = self._awake = now
        self._grace = -inf
        self.count = 0
        self.stuck = 0
        self.moving: OrderedDict[P, None] = OrderedDict()
        self.silent = False
        self.spoke = now - 1.0

    def live_on(self, limit: Limit | Leased) -> None:
        """Take another limit from now on."""
        self._limit = limit

    def begin(self, now: float, passage: P) -> None:
        """A call sets out."""
        passage.started = now
        self.count += 1
        self.moving[passage] = None
        passage.load = len(self.moving)

    def end(self, passage: P) -> None:
        """A call is over."""
        self.count -= 1
        if passage.stuck:
            self.stuck -= 1
        else:
            del self.moving[passage]

    def heard(self, now: float, passage: P) -> None:
        """A call was answered."""
        self._heard = now
        self._overtaken = max(self._overtaken, passage.started)
        if self.silent:
            self.silent = False
            self.spoke = now

    def look(self, now: float, *, waiting: bool) -> None:
        """See whether calls are stuck, or the centre has fallen silent; to be asked before each call.

        Args:
            now: Monotonic seconds.
            waiting: Whether anybody should have been woken when silence was due.
        """
        if self.moving and now - next(iter(self.moving)).started >= self._objective:
            self._unstick(now)
            if not self.silent and self._fell_silent(now, waiting=waiting):
                self.silent = True
                self._limit.silenced(now)

    def doubtful(self, now: float) -> bool:
        """Whether the next answer is so overdue that nobody should begin to wait for it."""
        if now - self._looked > AWAKE:
            self._awake = now
        self._looked = now
        typical = self._limit.typical
        if now - self._heard <= HICCUP or not self.moving or typical is None:
            return False
        since = max(self._heard, self._awake, next(iter(self.moving)).started)
        return now - since > max(HICCUP, DOUBT * typical / len(self.moving))

    def silent_at(self) -> float:
        """Monotonic seconds at which to look, should nothing come back until then."""
        return max(self._silent_from(), self._grace)

    def _fell_silent(self, now: float, *, waiting: bool) -> bool:
        """Whether nothing came back for too long; if those who wait were not woken when it was due, we stood still."""
        due = self._silent_from()
        if now < due:
            return False
        if waiting and now - due > LATE and self._grace < due:
            self._grace = now + LATE
        return now >= self._grace

    def _silent_from(self) -> float:
        """Monotonic seconds from which the centre is silent, should nothing come back until then."""
        if not self.moving:
            return inf
        typical = self._limit.typical
        if typical is None:
            patience = UNHEARD * self._objective
        else:
            usual = 1.0 + (PATIENT - 1.0) / sqrt(len(self.moving))
            patience = max(self._objective, usual * typical)
        return max(self._heard, next(iter(self.moving)).started) + patience

    def _unstick(self, now: float) -> None:
        """Stop counting calls that a later one overtook long ago."""
        patience = max(self._objective, PATIENT * (self._limit.typical or 0.0))
        while self.moving:
            oldest = next(iter(self.moving))
            if oldest.started >= self._overtaken or now - oldest.started < patience:
                return
            del self.moving[oldest]
            oldest.stuck = True
            self.stuck += 1
