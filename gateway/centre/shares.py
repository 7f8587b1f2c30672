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
share with its first lease. In a database this is one row for each gateway and one for the limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING

from gateway.centre.limit import Limit

if TYPE_CHECKING:
    from collections.abc import Iterable

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
class Share:
    """A lease.

    Attributes:
        value: Calls that may be in flight; below 1 it is a part of the time.
        pause: Seconds between the starts of two calls; 0 while the share is at least 1.
        until: Monotonic seconds until which it counts.
    """

    value: float
    pause: float
    until: float


@dataclass(slots=True)
class _Row:
    wanted: float
    until: float


class Shares:
    """The coordinator.

    Args:
        settings: Of the limiter.
        now: Monotonic seconds.

    Attributes:
        limit: What all gateways together may have in flight.
    """

    def __init__(self, settings: LimiterSettings, now: float) -> None:
        self.limit = Limit(settings, now, pooled=RENEW)
        self._rows: dict[str, _Row] = {}
        self._divided = -DIVIDED
        self._level = 1.0
        self._spare = True

    @property
    def gateways(self) -> int:
        """Gateways with a lease."""
        return len(self._rows)

    def lease(self, now: float, name: str, wanted: float, seen: Seen | None = None) -> Share:
        """Renew a lease.

        Args:
            now: Monotonic seconds.
            name: Of the gateway.
            wanted: Calls a second it would make, refused ones included.
            seen: What it saw since its last lease.
        """
        if seen is not None and seen.count:
            self.limit.pool(now, seen.count, seen.seconds, seen.squares, seen.unanswered)
        self.limit.roll(now)
        wanted *= self.limit.calm or 0.1
        self._rows[name] = _Row(wanted, now + LASTS)
        if now - self._divided >= DIVIDED:
            self._divide(now)
        value = max(1.0, 2.0 * wanted) if self._spare else min(wanted or 1.0, self._level)
        pause = 0.0 if value >= 1.0 else self._each() / max(value, 1e-6)
        return Share(value, pause, now + LASTS)

    def _each(self) -> float:
        """Seconds a call is taken to occupy its share: with the whole latency, known late, all would start and stop."""
        calm = self.limit.calm or 0.1
        return max(0.001, sqrt(calm * max(calm, self.limit.typical or 0.0)))

    def leave(self, name: str) -> None:
        """A gateway closes; its share is free at once."""
        self._rows.pop(name, None)

    def _divide(self, now: float) -> None:
        """Find the level up to which everybody gets what it wants."""
        self._divided = now
        for name in [name for name, row in self._rows.items() if row.until < now]:
            del self._rows[name]
        budget = max(self.limit.value, 0.01)
        total = sum(row.wanted for row in self._rows.values())
        self._spare = total <= SPARE * budget
        self._level = water_level(budget, (row.wanted for row in self._rows.values()))


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
        epoch: Always 0.
        seen: Since the last lease.
    """

    value: float = 1.0
    pause: float = 0.0
    until: float = 0.0
    typical: float | None = None
    spread: float = 0.0
    epoch: int = 0
    seen: Seen = field(default_factory=Seen)

    def take(self, share: Share) -> None:
        """Live on a new lease."""
        self.value, self.pause, self.until = share.value, share.pause, share.until
        self.seen = Seen()

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

    def roll(self, now: float) -> None:
        """Leases are renewed by the one who holds them."""

    def silenced(self, now: float) -> None:
        """Probes are the gate's matter; the share stays."""
