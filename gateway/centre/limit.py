"""How many calls the centre can take at once, learnt from what it delivers.

Every call carries how many were in flight when it was admitted. A window's mean of that (`load`) over its mean
latency is the delivered rate (Little's law), free of any guess. Beside it stands one belief, `calm`: the seconds a
call takes where nothing queues at the centre. From both follows what the centre really works on, and the limit goes
there, plus a small reserve that keeps every worker busy and grows with the root of it, as the noise does:

```
capacity = load x calm / latency          limit ─► capacity + 1 + RESERVE x √capacity
```

The belief is tested, never trusted. It follows the latency while the limit is far from used. After a deep cut, and
now and then while the limit has been in use for long, the rate at the lower load is compared with the rates before
and after it (a **trial**): if the rate fell with the load and rose with it, the limit had been needed, and the
latency seen in between is the new `calm`, however far above the objective; if not, the lower limit stays. So a
centre that becomes slow for good is not pinned, and a belief formed under overload does not last.

A decrease begins a new epoch: calls admitted before it tell of the old limit and are ignored. Windows without
samples change nothing. Only calls without any answer bring the limit below 1, where it means pauses between calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.settings.centre import LimiterSettings

ENOUGH = 16
"""Samples that judge a window at once; and at least `ROUNDS` for each call of the limit."""

ROUNDS = 1.5
"""Samples a window needs for each call of the limit: the noise of the mean must stay below the reserve."""

LONGEST = 8
"""Windows after which fewer samples must do."""

FLOOR = 0.5
"""Lowest limit: one call at a time, with pauses."""

RESERVE = 2.0
"""Calls kept waiting at the centre for each root of its capacity, times the raggedness of its latencies."""

FREE = 3
"""Windows in a row without any queue after which the limit grows fast."""

FILLED = 0.8
"""Share of the limit in flight when it grows fast."""

OUTLIER = 4.0
"""A latency counts as no more than this many typical ones."""

GAIN = 0.5
"""Share of the way the limit goes in a window."""

MEMORY = 256
"""Samples the calm latency is the mean of, about."""

QUEUE = 0.7
"""Calm latency over latency below which fast growth ends."""

NO_QUEUE = 0.93
"""Calm latency over latency above which nothing queues: a used limit rises ever faster."""

SLACK = 0.6
"""Share of the limit below which latency is not our own doing."""

DEEP = 0.75
"""A cut below this share of the limit is tried, not trusted."""

RISE = 2.0
"""Multiple of the limit a trial of the belief goes up to."""

POOLED_RISE = 1.25
"""The same where the limit is pooled: it acts late, but on many samples."""

GROWTH = 1.5
"""Multiple of the limit a step of fast growth goes up to."""

SURE = 0.8
"""A dip that sees the calm latency within this ratio agrees with the belief."""

SETTLE = 1.5
"""Calm latencies until what ends after a change is a fair sample."""

DIP = 0.75
"""Share of the limit a trial of the belief goes down to."""

DOUBT_FIRST = 2.0
"""Seconds until a belief formed while the limit was in use is tried."""

DOUBT_CALM = 20.0
"""Seconds until one formed while it was not is tried, if the limit has been in use ever since."""

DOUBT_LAST = 120.0
"""Seconds between trials once many agreed."""

INSTANT = 1e-6
"""Seconds; nothing takes less."""


LEAST_TRIED = 2.0
"""Limit from which a trial downwards is made."""

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


class _Window:
    """Sums over the samples of a window.

    The first calls to end after a decrease are the shortest ones: such a window opens `SETTLE` calm latencies after
    the first of them (`opens` is None before it, 0 where nothing has to settle).
    """

    __slots__ = ("count", "load", "opens", "peak", "seconds", "since", "squares", "unanswered")

    def __init__(self, now: float, opens: float | None = 0.0) -> None:
        self.since = now
        self.opens = opens
        self.peak = 0
        self.count = 0
        self.unanswered = 0
        self.load = 0.0
        self.seconds = 0.0
        self.squares = 0.0

    def error(self) -> float:
        """Standard error of the mean latency, seconds."""
        mean = self.seconds / self.count
        return sqrt(max(0.0, self.squares / self.count - mean * mean) / self.count)


class Limit:
    """The limit and what it learns from (pure).

    Args:
        settings: Knobs.
        now: Monotonic seconds.
        pooled: Seconds that pass until a change has reached all gateways that share it; 0 for a gateway's own.

    Attributes:
        value: Calls that may be in flight; below 1 it stretches the pause between calls.
        epoch: Counts decreases; a call carries the epoch it was admitted in.
        typical: Seconds a call takes on average, or None before the first answer.
        spread: Mean distance from it, seconds.
        calm: Seconds it is believed to take where nothing queues at the centre, or None.
    """

    __slots__ = (
        "_asked",
        "_doubt",
        "_evidence",
        "_free",
        "_grows",
        "_known",
        "_last",
        "_pooled",
        "_rises",
        "_settings",
        "_trial",
        "_window",
        "calm",
        "epoch",
        "spread",
        "typical",
        "value",
    )

    def __init__(self, settings: LimiterSettings, now: float, *, pooled: float = 0.0) -> None:
        self._settings = settings
        self._pooled = pooled
        self.value = float(min(settings.initial, settings.maximum))
        self.epoch = 0
        self.typical: float | None = None
        self.spread = 0.0
        self.calm: float | None = None
        self._window = _Window(now, opens=None)
        self._trial: Trial | None = None
        self._grows = True
        self._known = 0
        self._last = now
        self._rises = False
        self._free = 0
        self._evidence = now
        self._doubt = DOUBT_FIRST
        self._asked = False

    @property
    def pause(self) -> float:
        """Seconds between the starts of two calls; 0 while the limit is at least 1."""
        return 0.0 if self.value >= 1.0 else self._settings.objective / self.value

    def occupied(self, in_flight: int) -> None:
        """So many calls are in flight now."""
        self._window.peak = max(self._window.peak, in_flight)

    def sample(self, now: float, *, epoch: int, seconds: float, answered: bool, load: int = 1) -> None:
        """A call ended.

        Args:
            now: Monotonic seconds.
            epoch: Epoch the call was admitted in.
            seconds: How long it took.
            answered: False if it timed out with a fair chance.
            load: Calls in flight when it was admitted, itself included.
        """
        if answered:
            if self.typical is None:
                self.typical, self.spread = seconds, seconds / 2.0
            else:
                off = seconds - self.typical
                self.typical += off / 16.0
                self.spread += (abs(off) - self.spread) / 32.0
        if epoch != self.epoch:
            return
        if now - self._last > self._settings.objective:
            self._after_a_gap(now)
        self._last = now
        window = self._window
        opens = window.opens
        if opens is None:
            opens = window.opens = window.since = now + SETTLE * (self.calm or 0.0)
        if now < opens:
            return
        if self.typical is not None and answered:
            seconds = min(seconds, OUTLIER * self.typical)
        window.count += 1
        window.load += load
        window.seconds += seconds
        window.squares += seconds * seconds
        if not answered:
            window.unanswered += 1
        self.roll(now)

    def pool(self, now: float, count: int, seconds: float, squares: float, unanswered: int) -> None:
        """Calls ended at gateways that share this limit; their load follows from their number and latency."""
        mean = seconds / count
        if self.typical is None:
            self.typical, self.spread = mean, mean / 2.0
        weight = min(0.5, count / 64.0)
        spread = sqrt(max(0.0, squares / count - mean * mean))
        self.typical += (mean - self.typical) * weight
        if count > 1:
            self.spread += (spread - self.spread) * weight
        self._last = now
        window = self._window
        if window.opens is None:
            window.opens = window.since = now + SETTLE * (self.calm or 0.0) + 2.0 * self._pooled
        if now < window.opens:
            return
        window.count += count
        window.seconds += seconds
        window.squares += squares
        window.unanswered += unanswered

    def roll(self, now: float) -> None:
        """Judge the window if it is over."""
        window, length = self._window, self._settings.window
        if self._grows and self.calm is not None:
            length = min(length, max(0.1, 1.2 * self.calm))
        length = max(length, 2.0 * self._pooled)
        passed = now - window.since
        if passed < length:
            return
        if 0 < window.count < self._enough() and passed < LONGEST * length:
            return
        self._window = _Window(now)
        if window.count:
            if self._pooled:
                window.load = window.seconds * window.count / passed
            self._judge(now, window)

    def _enough(self) -> float:
        """Samples that judge a window; few do while the limit grows fast and nothing queues."""
        window, rough = self._window, max(1.0, (self._raggedness() / 0.4) ** 2)
        if self._grows and self.calm is not None and window.seconds * QUEUE < window.count * self.calm:
            return max(4.0, self.value / 2.0) * rough
        return max(ENOUGH, ROUNDS * self.value) * rough

    def _after_a_gap(self, now: float) -> None:
        """Nothing was heard for long: much may have changed, so the limit may grow fast."""
        if self._trial is not None:
            self.value, self._trial = self._trial.value, None
        self._grows = True
        self._window = _Window(now)

    def silenced(self, now: float) -> None:
        """The centre keeps silent: what comes back later is met with a quarter, growing fast to what was."""
        if self._trial is not None:
            self.value, self._trial = self._trial.value, None
        self._grows = True
        self._move(now, max(1.0, self.value / 4.0))

    def _judge(self, now: float, window: _Window) -> None:
        seconds, load = max(INSTANT, window.seconds / window.count), max(INSTANT, window.load / window.count)
        if 2 * window.unanswered > window.count:
            self._trial = None
            self._grows = True
            self._move(now, max(FLOOR, self.value / 2.0))
        elif self._trial is not None:
            self._follow_trial(now, self._trial, load, seconds)
        else:
            calm = self._learn(now, window, load, seconds)
            self._steer(now, load, seconds, calm)

    def _learn(self, now: float, window: _Window, load: float, seconds: float) -> float:
        """The belief after a window: with the latency while nothing can queue, down where it was too high."""
        if self.calm is None:
            self._known = window.count
            self._evidence = now
            self.calm = seconds
        elif load < SLACK * int(self.value) or (self._grows and seconds < self.calm / QUEUE):
            self._known = min(MEMORY, self._known + window.count)
            self.calm += (seconds - self.calm) * min(1.0, window.count / self._known)
            if not self._grows:
                self._evidence = now
                self._doubt = DOUBT_CALM if self._known >= MEMORY / 2 else DOUBT_FIRST
        elif seconds + window.error() < self.calm:
            self.calm += (seconds + window.error() - self.calm) * min(1.0, window.count / self._known)
        return self.calm

    def _steer(self, now: float, load: float, seconds: float, calm: float) -> None:
        """Where the limit goes from here."""
        share = min(1.0, calm / seconds)
        target = self._with_reserve(load * share)
        if load < SLACK * int(self.value):
            if share < DEEP:
                self._move(now, max(target + load, 0.9 * self.value))
        elif self._grows and share > QUEUE:
            if load >= FILLED * int(self.value):
                self.value = self._within(self.value * GROWTH + 1.0)
                if self._pooled:
                    self._window = _Window(now, opens=None)
        elif target < DEEP * self.value:
            self._grows = False
            self._begin(now, load, seconds, max(target, 0.3 * self.value))
        elif self._doubtful(now, seconds):
            self._rises = not self._rises
            rise = POOLED_RISE if self._pooled else RISE
            self._begin(now, load, seconds, (rise if self._rises else DIP) * self.value, dip=True)
        else:
            self._free = self._free + 1 if share > NO_QUEUE else 0
            self._grows = self._free >= FREE
            self.value = self._within(self.value + (target - self.value) * GAIN)

    def _doubtful(self, now: float, seconds: float) -> bool:
        """Whether the belief has gone untested for too long, or the objective is missed."""
        if seconds > self._settings.objective and not self._asked:
            self._asked = True
            self._doubt = min(self._doubt, DOUBT_FIRST)
        elif seconds < self._settings.objective / 2.0:
            self._asked = False
        return self.value >= LEAST_TRIED and now - self._evidence > self._doubt

    def _begin(self, now: float, load: float, seconds: float, value: float, *, dip: bool = False) -> None:
        value = self._within(value)
        self._trial = Trial(self.value, load, load / seconds, value, dip)
        self.epoch += 1
        self._window = _Window(now, opens=None)
        self.value = value

    def _follow_trial(self, now: float, trial: Trial, load: float, seconds: float) -> None:
        rate = load / seconds
        if trial.low_value > trial.value:
            self._follow_rise(now, trial, load, rate)
        elif not trial.low_load:
            if trial.dip and self.calm is not None and SURE * self.calm <= seconds <= self.calm / SURE:
                self._agreed(now, trial, seconds)
                return
            trial.low_load, trial.low_rate, trial.low_seconds = load, rate, seconds
            if _follows(trial.load, trial.rate, load, rate):
                self.value = self._within(trial.value)
                self.epoch += 1
                self._window = _Window(now, opens=None)
            else:
                self._accept(now, trial)
        elif _follows(trial.low_load, trial.low_rate, load, rate):
            self._confirm(now, trial)
        else:
            self._accept(now, trial)
            self._move(now, trial.low_value)

    def _follow_rise(self, now: float, trial: Trial, load: float, rate: float) -> None:
        """If more load brought more answers, nothing had queued before, whatever was believed."""
        self._trial = None
        self._evidence = now
        if _follows(trial.load, trial.rate, load, rate):
            self._doubt = DOUBT_FIRST
            self._grows = True
            self._known = ENOUGH
            self.calm = max(self.calm or 0.0, trial.load / trial.rate)
        else:
            self._doubt = min(DOUBT_LAST, self._doubt * 2.0)
            self._move(now, trial.value)

    def _agreed(self, now: float, trial: Trial, seconds: float) -> None:
        """A dip saw the calm latency: the belief is right, and the limit goes back."""
        self._trial = None
        self._evidence = now
        self._doubt = min(DOUBT_LAST, self._doubt * 2.0)
        self.calm = seconds if self.calm is None else (self.calm + seconds) / 2.0
        self.value = self._within(trial.value)

    def _accept(self, now: float, trial: Trial) -> None:
        """The rate did not need the load: a belief above what was seen goes down, and is tried again soon."""
        self._trial = None
        self._evidence = now
        if self.calm is not None and trial.low_seconds < 0.9 * self.calm:
            self.calm = (self.calm + trial.low_seconds) / 2.0
            self._doubt = DOUBT_FIRST / 2.0
        else:
            self._doubt = min(DOUBT_LAST, self._doubt * 2.0)

    def _confirm(self, now: float, trial: Trial) -> None:
        """The rate followed the load both ways: nothing queued while it was lowered."""
        self._trial = None
        self._evidence = now
        self._doubt = min(DOUBT_LAST, self._doubt * 2.0)
        self.calm = trial.low_seconds if self.calm is None else (self.calm + 3.0 * trial.low_seconds) / 4.0

    def _move(self, now: float, value: float) -> None:
        """Another limit; a lower one begins a new epoch."""
        value = min(value, float(self._settings.maximum))
        if value < self.value:
            self.epoch += 1
            self._window = _Window(now, opens=None)
        self.value = value

    def _with_reserve(self, capacity: float) -> float:
        """What keeps every worker busy: more, the less regular the latencies are."""
        return capacity + 1.0 + RESERVE * self._raggedness() * sqrt(capacity)

    def _raggedness(self) -> float:
        """Mean distance of a latency from the mean, as a share of it."""
        return min(1.0, self.spread / self.typical) if self.typical else 0.5

    def _within(self, value: float) -> float:
        return max(1.0, min(float(self._settings.maximum), value))


def _follows(load: float, rate: float, other_load: float, other_rate: float) -> bool:
    """Whether the rate moved with the load, more than half as far on a log scale."""
    moved = log(other_load / load)
    return abs(moved) > BARELY and log(other_rate / rate) / moved > HALF
