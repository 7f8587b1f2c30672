"""A caller's own quota, without clocks or I/O: so many a minute with a burst, and so many a day.

```
take(now, day) ─┬─ Taken(minute_left, refill)      one unit is gone
                └─ Spent(kind, after)              nothing is gone; try again after that many seconds
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["minute", "day"]


@dataclass(frozen=True, slots=True)
class Quota:
    """How much a caller may ask.

    Attributes:
        per_minute: Units that come back each minute.
        burst: Units that can be taken at once.
        per_day: Units a day, or None.
    """

    per_minute: int
    burst: int
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A unit was taken.

    Attributes:
        left: Units that can be taken at once now.
        refill: Seconds until the burst is whole again.
        day_left: Units left today, or None without a daily quota.
    """

    left: int
    refill: float
    day_left: int | None


@dataclass(frozen=True, slots=True)
class Spent:
    """No unit could be taken.

    Attributes:
        kind: Which quota is used up.
        after: Seconds until one can be taken again; for `day` to be filled in by whoever knows the zone.
    """

    kind: Kind
    after: float


class Bucket:
    """What one caller has left."""

    __slots__ = ("_at", "_day", "_level", "_quota", "_used")

    def __init__(self, quota: Quota, now: float, day: int) -> None:
        self._quota = quota
        self._level = float(quota.burst)
        self._at = now
        self._day = day
        self._used = 0

    def take(self, now: float, day: int) -> Taken | Spent:
        """Take one unit.

        Args:
            now: Monotonic seconds.
            day: Number of the quota day; a smaller one than before (a clock set back) gives nothing back.
        """
        quota = self._quota
        rate = quota.per_minute / 60
        if now > self._at:
            self._level = min(float(quota.burst), self._level + (now - self._at) * rate)
            self._at = now
        if day > self._day:
            self._day, self._used = day, 0
        if quota.per_day is not None and self._used >= quota.per_day:
            return Spent("day", 0.0)
        if self._level < 1:
            return Spent("minute", (1 - self._level) / rate)
        self._level -= 1
        self._used += 1
        day_left = None if quota.per_day is None else quota.per_day - self._used
        return Taken(int(self._level), (quota.burst - self._level) / rate, day_left)
