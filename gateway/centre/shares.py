"""Shares of one limit, leased by many gateways in front of one centre (pure).

```
gateway ── lease(now, name, wanted, seen) ──► Shares ── share, pause ──► gateway      once a second each
                                               └─ one Limit for all, fed with what every gateway saw
```

One gateway alone cannot find its part of a centre that hundreds use: each must keep one call in flight to learn
anything, and hundreds of single calls are more than the centre has workers. Together they see enough answers to
learn the limit as one gateway would. It is divided max-min fair over those who want something: nobody gets more
than it wants while another wants more than it gets. A share below 1 is a rate: one call in `pause` seconds. While
less is wanted than there is, everybody may also begin a call at once: an idle gateway has no lease to wait for.

A lease lasts `LASTS` seconds. A gateway that went away gives its share back by silence; one that comes gets its
share with its first lease. In a database (`share_store`) this is one row for each gateway and one for the limit.

A gateway that is alone needs no shares: it lives on a limit of its own, which sees every call and acts at once, and
tells with each lease what that limit `believed`. From there the common one goes on as soon as somebody else comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import fsum, sqrt
from typing import TYPE_CHECKING

from gateway.centre.limit import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.settings.centre import LimiterSettings

RENEW = 1.0
"""Seconds after which a gateway renews its lease."""

LASTS = 3.0
"""Seconds a lease counts without being renewed."""

DIVIDED = 0.25
"""Seconds a division may be old."""

SPARE = 0.9
"""Share of the limit up to which everybody may begin at once."""


@dataclass(slots=True)
class Seen:
    """What a gateway saw since its last lease.

    Attributes:
        count: Calls that ended.
        seconds: Sum of their latencies.
        squares: Sum of the squares.
        unanswered: Of them, those without an answer in a fair time.
    """

    count: int = 0
    seconds: float = 0.0
    squares: float = 0.0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a gateway renews its lease with.

    Attributes:
        wanted: Calls a second it would make, refused ones included.
        seen: What it saw since its last lease, if it lives on one.
        believed: What a limit of its own learnt, if it lives on one.
    """

    wanted: float
    seen: Seen | None = None
    believed: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """A lease.

    Attributes:
        value: Calls that may be in flight; below 1 it is a part of the time.
        pause: Seconds between the starts of two calls; 0 while the share is at least 1.
        until: Monotonic seconds until which it counts.
        budget: What all together may have in flight.
        gateways: How many hold a lease, this one included.
    """

    value: float
    pause: float
    until: float
    budget: float
    gateways: int


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of a gateway between its leases.

    Attributes:
        wanted: Calls it would have in flight.
        until: Monotonic seconds until which its lease counts.
    """

    wanted: float
    until: float


class Shares:
    """The coordinator.

    Args:
        settings: Of the limiter.
        now: Monotonic seconds.
        every: Seconds a division may be old.

    Attributes:
        limit: What all gateways together may have in flight.
        rows: What is kept of each gateway.
        renewed: Monotonic seconds of the latest lease.
    """

    def __init__(self, settings: LimiterSettings, now: float, *, every: float = DIVIDED) -> None:
        self._settings = settings
        self._every = every
        self.limit = Limit(settings, now, pooled=RENEW)
        self.rows: dict[str, Row] = {}
        self.renewed = now
        self._divided = now - every
        self._level = 1.0
        self._free = 0.0
        self._spare = True

    @property
    def gateways(self) -> int:
        """Gateways with a lease."""
        return len(self.rows)

    def resume(self, limit: Limit, rows: Mapping[str, Row], renewed: float) -> None:
        """Go on where another coordinator stood."""
        self.limit, self.rows, self.renewed = limit, dict(rows), renewed

    def lease(
        self, now: float, name: str, wanted: float, seen: Seen | None = None, believed: float | None = None
    ) -> Share:
        """Renew a lease.

        Args:
            now: Monotonic seconds.
            name: Of the gateway.
            wanted: Calls a second it would make, refused ones included.
            seen: What it saw since its last lease.
            believed: What its own limit learnt, if it lives on one.
        """
        if believed is not None and self._alone(now, name):
            self._start_at(now, believed)
        elif now - self.renewed > LASTS:
            self._start_at(now, self.limit.value)
        self.renewed = now
        if seen is not None and seen.count:
            self.limit.pool(now, seen.count, seen.seconds, seen.squares, seen.unanswered)
        self.limit.roll(now)
        wanted *= self.limit.calm or 0.1
        self.rows[name] = Row(wanted, now + LASTS)
        if now - self._divided >= self._every:
            self._divide(now)
        value = max(1.0, wanted + self._free) if self._spare else min(wanted or 1.0, self._level)
        pause = 0.0 if value >= 1.0 else self._each() / max(value, 1e-6)
        return Share(value, pause, now + LASTS, self.limit.value, len(self.rows))

    def _alone(self, now: float, name: str) -> bool:
        return not any(other != name and row.until >= now for other, row in self.rows.items())

    def _start_at(self, now: float, value: float) -> None:
        """A new common limit: nothing was pooled, or too long ago."""
        self.limit = Limit(self._settings, now, pooled=RENEW)
        self.limit.value = max(1.0, min(float(self._settings.maximum), value))

    def _each(self) -> float:
        """Seconds a call is taken to occupy its share: with the whole latency, known late, all would start and stop."""
        calm = self.limit.calm or 0.1
        return max(0.001, sqrt(calm * max(calm, self.limit.typical or 0.0)))

    def leave(self, name: str) -> None:
        """A gateway closes; its share is free at once."""
        self.rows.pop(name, None)

    def _divide(self, now: float) -> None:
        """Find the level up to which everybody gets what it wants, and what nobody wants yet."""
        self._divided = now
        for name in [name for name, row in self.rows.items() if row.until < now]:
            del self.rows[name]
        budget = max(self.limit.value, 0.01)
        left = SPARE * budget - fsum(row.wanted for row in self.rows.values())
        self._spare = left >= 0.0
        self._free = left / len(self.rows)
        self._level = water_level(budget, (row.wanted for row in self.rows.values()))


def water_level(budget: float, wanted: Iterable[float]) -> float:
    """The share that nobody exceeds such that all is given out, or the largest wish if there is enough."""
    wishes = sorted(wish for wish in wanted if wish > 0.0)
    left = len(wishes)
    for wish in wishes:
        if wish * left >= budget:
            return budget / left
        budget -= wish
        left -= 1
    return max(1.0, wishes[-1] if wishes else 1.0)


@dataclass(slots=True)
class Leased:
    """The limit of a gateway that lives on leases; stands where a `Limit` of its own would.

    Attributes:
        value: The share.
        pause: Seconds between the starts of two calls.
        until: Monotonic seconds until which the lease counts.
        typical: Seconds a call takes on average, or None before the first answer.
        spread: Mean distance from it.
        epoch: Never changes.
        seen: Since the last report.
    """

    value: float = 1.0
    pause: float = 0.0
    until: float = 0.0
    typical: float | None = None
    spread: float = 0.0
    epoch: int = 0
    seen: Seen = field(default_factory=Seen)

    @property
    def places(self) -> int:
        """Calls that may be in flight."""
        return int(self.value)

    @property
    def each(self) -> float:
        """Seconds from one answer to the next with every place in use; 0 while nothing is known."""
        return (self.typical or 0.0) / max(1, self.places)

    def report(self) -> Seen:
        """What was seen since the last report."""
        seen, self.seen = self.seen, Seen()
        return seen

    def take(self, share: Share) -> None:
        """Live on a new lease."""
        self.value, self.pause, self.until = share.value, share.pause, share.until

    def sample(self, now: float, *, epoch: int, seconds: float, answered: bool, load: int = 1) -> None:
        """A call ended; noted for the next lease (`now`, `epoch` and `load` are the coordinator's matter)."""
        del now, epoch, load
        seen = self.seen
        seen.count += 1
        seen.seconds += seconds
        seen.squares += seconds * seconds
        seen.unanswered += not answered
        if self.typical is None:
            self.typical, self.spread = seconds, seconds / 2.0
        elif answered:
            off = seconds - self.typical
            self.typical += off / 16.0
            self.spread += (abs(off) - self.spread) / 32.0

    def keep_within(self, seconds: float) -> None:
        """What is in time is the coordinator's matter."""

    def roll(self, now: float) -> None:
        """Leases are renewed by the one who holds them."""

    def silenced(self, now: float) -> None:
        """Probes are the gate's matter; the share stays."""
