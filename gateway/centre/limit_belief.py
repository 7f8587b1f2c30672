"""What a call takes where nothing queues at the centre: believed, learnt, and tried now and then.

```
learn      the latency while the limit is far from used, or less than was believed
Trial      the rate of answers before, while and after the load is another ─► agreed · confirmed · refuted · raised
doubtful   the belief has gone untested for too long: a trial is due, later each time one agreed
```

The first belief is formed under whatever load there is, and a centre may become slow for good: so no belief is kept
without a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.centre.limit_window import Window

FEW = 16
"""Samples a belief rests on that a trial has just raised."""

CERTAIN = 2.0
"""Standard errors a mean must lie off to count: among many windows some are low by chance."""

MEMORY = 256
"""Samples the calm latency is the mean of, about."""

QUEUE = 0.7
"""Calm latency over latency below which fast growth ends."""

SURE = 0.8
"""A dip that sees the calm latency within this ratio agrees with the belief."""

DOUBT_FIRST = 2.0
"""Seconds until a belief formed while the limit was in use is tried."""

DOUBT_CALM = 20.0
"""Seconds until one formed while it was not is tried, if the limit has been in use ever since."""

DOUBT_LAST = 120.0
"""Seconds between trials once many agreed."""

BARELY = 0.05
"""Change of the load, as a logarithm, below which nothing can be read from the rate."""

HALF = 0.5
"""Share of the load's change from which the rate followed it."""


@dataclass(slots=True)
class Trial:
    """A test whether the limit had been needed.

    Attributes:
        value: Limit before.
        load: Load before.
        rate: Rate before, calls a second.
        low_load: Load while lowered; 0 until it is known.
        low_rate: Rate while lowered.
        low_seconds: Latency while lowered.
        low_value: Limit while lowered.
        dip: Whether the belief is tested, not a deep cut.
    """

    value: float
    load: float
    rate: float
    low_value: float
    dip: bool
    low_load: float = 0.0
    low_rate: float = 0.0
    low_seconds: float = 0.0

    def upwards(self) -> bool:
        """Whether the limit was raised for it."""
        return self.low_value > self.value

    def moved(self, load: float) -> bool:
        """Whether the load is another than when the trial began."""
        return abs(log(load / self.load)) > BARELY

    def followed(self, load: float, rate: float) -> bool:
        """Whether the rate changed with the load since the trial began."""
        return _follows(self.load, self.rate, load, rate)

    def recovered(self, load: float, rate: float) -> bool:
        """Whether the rate rose again with the load, after the limit had been lowered."""
        return _follows(self.low_load, self.low_rate, load, rate)


class Belief:
    """The calm latency and how sure it is (pure).

    Args:
        now: Monotonic seconds.

    Attributes:
        calm: Seconds a call is believed to take where nothing queues at the centre; None before the first answer.
    """

    __slots__ = ("_asked", "_doubt", "_evidence", "_known", "calm")

    def __init__(self, now: float) -> None:
        self.calm: float | None = None
        self._known = 0
        self._evidence = now
        self._doubt = DOUBT_FIRST
        self._asked = False

    def learn(self, now: float, window: Window, seconds: float, *, slack: bool, grows: bool) -> float:
        """The belief after a window.

        Args:
            now: Monotonic seconds.
            window: Its samples.
            seconds: Their mean latency.
            slack: Whether the limit was far from used.
            grows: Whether the limit grows fast.
        """
        if self.calm is None:
            self._known = window.count
            self._evidence = now
            self.calm = seconds
        elif slack or (grows and seconds < self.calm / QUEUE):
            self._known = min(MEMORY, self._known + window.count)
            self.calm += (seconds - self.calm) * min(1.0, window.count / self._known)
            if not grows:
                self._evidence = now
                self._doubt = DOUBT_CALM if self._known >= MEMORY / 2 else DOUBT_FIRST
        elif (most := seconds + CERTAIN * window.error()) < self.calm:
            self.calm += (most - self.calm) * min(1.0, window.count / self._known)
        return self.calm

    def doubtful(self, now: float, seconds: float, objective: float) -> bool:
        """Whether it has gone untested for too long, or latencies miss the objective."""
        if seconds > objective and not self._asked:
            self._asked = True
            self._doubt = min(self._doubt, DOUBT_FIRST)
        elif seconds < objective / 2.0:
            self._asked = False
        return now - self._evidence > self._doubt

    def fits(self, seconds: float) -> bool:
        """Whether a latency seen without a queue is what was believed."""
        return self.calm is not None and SURE * self.calm <= seconds <= self.calm / SURE

    def raised(self, now: float, trial: Trial) -> None:
        """More load brought more answers: nothing had queued before, whatever was believed."""
        self._evidence = now
        self._doubt = DOUBT_FIRST
        self._known = FEW
        self.calm = max(self.calm or 0.0, trial.load / trial.rate)

    def untried(self, now: float) -> None:
        """A trial told nothing: the next is due as soon as this one was."""
        self._evidence = now

    def kept(self, now: float) -> None:
        """A trial spoke for it."""
        self._evidence = now
        self._doubt = min(DOUBT_LAST, self._doubt * 2.0)

    def agreed(self, now: float, seconds: float) -> None:
        """A dip saw the calm latency."""
        self.kept(now)
        self.calm = seconds if self.calm is None else (self.calm + seconds) / 2.0

    def refuted(self, now: float, trial: Trial) -> None:
        """The rate did not need the load: a belief above what was seen goes down, and is tried again soon."""
        if self.calm is not None and trial.low_seconds < 0.9 * self.calm:
            self._evidence = now
            self.calm = (self.calm + trial.low_seconds) / 2.0
            self._doubt = DOUBT_FIRST / 2.0
        else:
            self.kept(now)

    def confirmed(self, now: float, trial: Trial) -> None:
        """The rate followed the load both ways: nothing queued while it was lowered."""
        self.kept(now)
        seen = trial.low_seconds
        self.calm = seen if self.calm is None else (self.calm + 3.0 * seen) / 4.0


def _follows(load: float, rate: float, other_load: float, other_rate: float) -> bool:
    """Whether the rate moved with the load, more than half as far on a log scale."""
    moved = log(other_load / load)
    return abs(moved) > BARELY and log(other_rate / rate) / moved > HALF
