"""How many calls the centre can take at once, learnt from its latency: additive increase, multiplicative decrease.

Each window's p90 is held against the lower of an absolute objective and a multiple of the calm latency. Above it
the limit goes down in proportion, below it, and only if the limit was nearly used, up. A decrease begins a new
epoch: calls admitted before it tell of the old limit and are ignored. Windows without samples change nothing. Slow
answers bring the limit down to 1; only calls without any answer bring it below, where it means pauses between calls.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from gateway.centre.histogram import Histogram

if TYPE_CHECKING:
    from gateway.settings.centre import LimiterSettings

ENOUGH = 32
"""Samples that judge a window at once; with fewer it goes on."""

LONGEST = 8
"""Windows after which fewer samples must do."""

FLOOR = 0.5
"""Lowest limit: one call at a time, with pauses."""

SINK = 0.2
"""Share of the way the calm latency goes down in a window."""

RISE = 0.3
"""Share of the way it goes up in a window at a limit of 1; at a limit of n it is the n-squared part of that."""

LEAST_CUT = 0.9
"""A decrease leaves at most this share of the limit."""

USED = 0.75
"""Share of the limit that must have been in use before it is raised."""


class Limit:
    """The limit and what it learns from (pure).

    Attributes:
        value: Calls that may be in flight; below 1 it stretches the pause between calls.
        epoch: Counts decreases; a call carries the epoch it was admitted in.
        typical: Seconds a call takes on average, or None before the first answer.
        p90: Seconds, of the last window that had samples, or None.
    """

    __slots__ = ("_calm", "_peak", "_samples", "_settings", "_since", "_unanswered", "epoch", "p90", "typical", "value")

    def __init__(self, settings: LimiterSettings, now: float) -> None:
        self._settings = settings
        self.value = float(min(settings.initial, settings.maximum))
        self.epoch = 0
        self.typical: float | None = None
        self.p90: float | None = None
        self._calm: float | None = None
        self._samples = Histogram()
        self._unanswered = 0
        self._peak = 0
        self._since = now

    @property
    def pause(self) -> float:
        """Seconds between the starts of two calls; 0 while the limit is at least 1."""
        return 0.0 if self.value >= 1.0 else self._settings.objective / self.value

    @property
    def ceiling(self) -> float:
        """Seconds of p90 above which the limit goes down."""
        objective = self._settings.objective
        if self._calm is None:
            return objective
        return min(objective, max(objective / 10.0, self._calm * self._settings.tolerance))

    def occupied(self, in_flight: int) -> None:
        """So many calls are in flight now."""
        self._peak = max(self._peak, in_flight)

    def sample(self, now: float, *, epoch: int, seconds: float, answered: bool) -> None:
        """A call ended.

        Args:
            now: Monotonic seconds.
            epoch: Epoch the call was admitted in.
            seconds: How long it took.
            answered: False if it timed out with a fair chance.
        """
        if epoch != self.epoch:
            return
        self._samples.add(seconds)
        if answered:
            self.typical = seconds if self.typical is None else self.typical + (seconds - self.typical) / 16.0
        else:
            self._unanswered += 1
        self.roll(now)

    def roll(self, now: float) -> None:
        """Judge the window if it is over."""
        passed, count = now - self._since, self._samples.count
        window = self._settings.window
        if passed < window or (0 < count < ENOUGH and passed < LONGEST * window):
            return
        if count:
            self._judge()
        self._since = now
        self._peak = 0
        self._unanswered = 0
        self._samples.clear()

    def _learn_calm(self, p90: float) -> None:
        """Down with the better windows; up the faster the less of the latency can be our own doing."""
        if self._calm is None:
            self._calm = p90
        elif p90 < self._calm:
            self._calm += (p90 - self._calm) * SINK
        else:
            self._calm += (p90 - self._calm) * RISE / max(1.0, self.value) ** 2

    def _judge(self) -> None:
        p90 = self.p90 = self._samples.quantile(0.9)
        self._learn_calm(p90)
        if p90 > self.ceiling:
            floor = FLOOR if 2 * self._unanswered > self._samples.count else 1.0
            share = min(LEAST_CUT, max(0.5, self.ceiling / p90))
            self.value = max(min(floor, self.value), self.value * share)
            self.epoch += 1
            return
        if self._peak >= USED * self.value:
            self.value = min(float(self._settings.maximum), self.value + max(0.5, sqrt(self.value) / 2.0))
