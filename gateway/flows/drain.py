"""How fast the outbox drains (pure): as wide as the centre takes it, and a probe every few seconds while it does not.

```
went_well ─► wider: doubled until the first refusal, then by one a round
refused   ─► half as wide, and a pause that doubles up to PROBE_EVERY
wake      ─► the pause is over
```

Calls that hang must not hide the centre's return: a try is made every PROBE_EVERY seconds whatever hangs, and once one
is answered, those it overtook long ago no longer count.

The limiter on the way to the centre keeps live questions first; this only keeps the outbox from standing in front of
the limiter with all it has.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

PROBE_EVERY: Final = 4.0
"""Seconds between two probes of a centre that is away, at most."""

_FIRST_PAUSE: Final = 0.25
_MOST_DOUBLINGS: Final = 8
_AWAY: Final = 3


class Drain:
    """How many submissions may be under way at once.

    Args:
        widest: Never more than so many.
        random: Source of jitter, so that many gateways do not probe at once.
    """

    def __init__(self, widest: int, random: Random) -> None:
        self._widest = widest
        self._random = random
        self._width = 1.0
        self._starting = True
        self._refusals = 0
        self._paused_until = -inf
        self._answered = -inf

    @property
    def width(self) -> int:
        """How many may be under way at once."""
        return int(self._width)

    def room(self, now: float, under_way: Collection[float]) -> int:
        """How many more may be started now.

        Args:
            now: Monotonic seconds.
            under_way: When each that is under way was started, on the same scale.
        """
        if now < self._paused_until:
            return 0
        lately = now - PROBE_EVERY
        width = 1 if self._refusals else self.width
        room = width - sum(started > lately or started >= self._answered for started in under_way)
        return max(room, int(all(started <= lately for started in under_way)))

    def resumes_in(self, now: float) -> float:
        """Seconds until the pause is over; 0 if there is none."""
        return max(0.0, self._paused_until - now)

    def went_well(self, started: float) -> None:
        """The centre answered a call that was started then; after it was away the width is doubled, as at the start."""
        self._answered = max(self._answered, started)
        self._starting |= self._refusals >= _AWAY
        self._refusals = 0
        self._paused_until = -inf
        self._width = min(float(self._widest), self._width + (1.0 if self._starting else 1.0 / self._width))

    def refused(self, now: float) -> None:
        """Nobody gets through, or the way to the centre is full."""
        if now >= self._paused_until:  # those that were under way together count once
            self._width = max(1.0, self._width / 2.0)
            self._refusals += 1
            longest = min(PROBE_EVERY, _FIRST_PAUSE * 2.0 ** min(self._refusals - 1, _MOST_DOUBLINGS))
            self._paused_until = now + longest * self._random.uniform(0.5, 1.0)
        self._starting = False

    def wake(self) -> None:
        """Something says that the centre is back: try at once."""
        self._paused_until = -inf
        self._starting = True
