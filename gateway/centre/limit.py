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

from math import inf, sqrt
from typing import TYPE_CHECKING

from gateway.centre.limit_belief import CERTAIN, QUEUE, Belief, Trial
from gateway.centre.limit_window import Window

if TYPE_CHECKING:
    from gateway.settings.centre import LimiterSettings

ENOUGH = 16
"""Samples that judge a window at once; and at least `ROUNDS` for each call of the limit."""

ROUNDS = 1.5
"""Samples a window needs for each call of the limit: the noise of the mean must stay below the reserve."""

SHORTEST = 0.1
"""Seconds a window takes at least, unless the settings say less."""

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

GROWTH = 2.0
"""Multiple of the limit a step of fast growth goes up to."""

GENTLE = 1.25
"""The same for the first step from a limit that is in use; each further step is as much steeper, up to `GROWTH`."""

DIP = 0.75
"""Share of the limit a trial of the belief goes down to."""

OWN = 1.25
"""Multiple of the calm latency that may always pass: less cannot be had."""

INSTANT = 1e-6
"""Seconds; nothing takes less."""


LEAST_TRIED = 2.0
"""Limit from which a trial downwards is made."""


class Limit:
    """The limit and what it learns from (pure).

    Args:
        settings: Knobs.
        now: Monotonic seconds.
        pooled: Seconds that pass until a change has reached all gateways that share it; 0 for a gateway's own.

    Attributes:
        value: Calls that may be in flight; below 1 it stretches the pause between calls.
        most: Calls in flight beyond which callers would not wait for the answer, whatever `value` says.
        epoch: Counts decreases; a call carries the epoch it was admitted in.
        typical: Seconds a call takes on average, or None before the first answer.
        spread: Mean distance from it, seconds.
    """

    __slots__ = (
        "_belief",
        "_free",
        "_grows",
        "_growth",
        "_last",
        "_least",
        "_load",
        "_pooled",
        "_rises",
        "_settings",
        "_took",
        "_trial",
        "_window",
        "epoch",
        "most",
        "spread",
        "typical",
        "value",
    )

    def __init__(self, settings: LimiterSettings, now: float, *, pooled: float = 0.0) -> None:
        self._settings = settings
        self._load = self._took = 0.0
        self.most = inf
        self._least = min(SHORTEST, settings.window)
        self._pooled = pooled
        self.value = float(min(settings.initial, settings.maximum))
        self.epoch = 0
        self.typical: float | None = None
        self.spread = 0.0
        self._belief = Belief(now)
        self._window = Window(now, opens=None)
        self._trial: Trial | None = None
        self._grows = True
        self._growth = GROWTH
        self._last = now
        self._rises = False
        self._free = 0

    @property
    def calm(self) -> float | None:
        """Seconds a call is believed to take where nothing queues at the centre, or None."""
        return self._belief.calm

    @property
    def places(self) -> int:
        """Calls that may be in flight, all told."""
        return int(min(self.most, self.value))

    @property
    def each(self) -> float:
        """Seconds from one answer to the next at the rate seen of late; 0 while nothing is known."""
        return self._took / self._load if self._load else 0.0

    @property
    def pause(self) -> float:
        """Seconds between the starts of two calls; 0 while the limit is at least 1."""
        return 0.0 if self.value >= 1.0 else self._settings.objective / self.value

    def sample(self, now: float, *, epoch: int, seconds: float, answered: bool, load: int = 1) -> None:
        """A call ended.

        Args:
            now: Monotonic seconds.
            epoch: Epoch the call was admitted in.
            seconds: How long it took.
            answered: False if it timed out with a fair chance.
            load: Calls in flight when it was admitted, itself included.
        """
        if self.typical is None:
            if answered:
                self.typical, self.spread = seconds, seconds / 2.0
                self._took, self._load = seconds, float(load)
        else:
            self._took += (seconds - self._took) / 16.0
            self._load += (load - self._load) / 16.0
            if answered:
                off = seconds - self.typical
                self.typical += off / 16.0
                self.spread += (abs(off) - self.spread) / 32.0
        if now - self._last > self._settings.objective:
            self._after_a_gap(now)
        self._last = now
        if epoch != self.epoch:
            return
        window = self._window
        if window.closed(now, self._belief.calm):
            return
        if self.typical is not None and answered and seconds > OUTLIER * self.typical:
            seconds = OUTLIER * self.typical
        window.load += load
        window.add(1, seconds, seconds * seconds, not answered)
        self.roll(now)

    def keep_within(self, seconds: float) -> None:
        """Callers have so many seconds: at the rate seen of late, no more than `most` are answered in them."""
        if self._took:
            calm = self._belief.calm
            if calm is not None and seconds < OWN * calm:
                seconds = OWN * calm
            most = self._load * seconds / self._took
            self.most = max(LEAST_TRIED, most)

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
        if not self._window.closed(now, self.calm, late=2.0 * self._pooled):
            self._window.add(count, seconds, squares, unanswered)

    def roll(self, now: float) -> None:
        """Judge the window if it is over."""
        window = self._window
        passed = now - window.since
        if passed < self._least:
            return
        length = self._settings.window
        if self._grows and self.calm is not None:
            length = min(length, max(SHORTEST, 1.2 * self.calm))
        length = max(length, 2.0 * self._pooled)
        if passed < length:
            return
        if 0 < window.count < self._enough() and passed < LONGEST * length:
            return
        self._window = Window(now)
        if window.count:
            if self._pooled:
                window.load = window.seconds * window.count / passed
            self._judge(now, window)

    def _enough(self) -> float:
        """Samples that judge a window; few do while the limit grows fast and nothing queues."""
        window, rough = self._window, max(1.0, (self._raggedness() / 0.4) ** 2)
        alone = self.value < LEAST_TRIED  # one call at a time queues behind nothing of ours
        if self._grows and self.calm and (alone or window.seconds * QUEUE < window.count * self.calm):
            return max(4.0, self.value / 2.0) * rough
        return max(ENOUGH, ROUNDS * self.value) * rough

    def _after_a_gap(self, now: float) -> None:
        """Nothing was heard for long: much may have changed, so the limit may grow fast."""
        self._grow_anew()
        self._window = Window(now)

    def silenced(self, now: float) -> None:
        """The centre keeps silent: what comes back later is met with a quarter, growing fast to what was."""
        self._grow_anew()
        self._move(now, max(1.0, self.value / 4.0))

    def _grow_anew(self) -> None:
        """A trial under way is given up, and growth is fast."""
        if self._trial is not None:
            self.value, self._trial = self._trial.value, None
        self._grows, self._growth = True, GROWTH

    def _judge(self, now: float, window: Window) -> None:
        seconds, load = max(INSTANT, window.seconds / window.count), max(INSTANT, window.load / window.count)
        if 2 * window.unanswered > window.count:
            self._trial = None
            self._grows, self._growth = True, GROWTH
            self._move(now, max(FLOOR, self.value / 2.0))
        elif self._trial is not None:
            self._follow_trial(now, self._trial, load, seconds)
        else:
            slack = load < SLACK * self.places
            calm = self._belief.learn(now, window, seconds, slack=slack, grows=self._grows)
            if self._grows and window.count < ENOUGH and seconds * QUEUE >= calm:
                return  # a few slow calls after a return: too little to end fast growth
            self._steer(now, load, seconds, calm, CERTAIN * self.spread / sqrt(window.count))

    def _steer(self, now: float, load: float, seconds: float, calm: float, doubt: float) -> None:
        """Where the limit goes from here; fast growth ends only where chance (`doubt`, seconds) cannot explain it."""
        share = min(1.0, calm / seconds)
        target = self._with_reserve(load * share)
        if load < SLACK * self.places:
            if share < DEEP:
                self._move(now, max(target + load, 0.9 * self.value))
        elif self._grows and (seconds - doubt) * QUEUE < calm:
            if load >= FILLED * int(self.value):
                self.value = self._within(self.value * self._growth + 1.0)
                self._growth = min(GROWTH, self._growth * GENTLE)
                if self._pooled:
                    self._window = Window(now, opens=None)
        elif target < DEEP * self.value:
            self._grows = False
            self._begin(now, load, seconds, max(target, 0.3 * self.value))
        elif self.value >= LEAST_TRIED and self._belief.doubtful(now, seconds, self._settings.objective):
            self._rises = not self._rises
            rise = POOLED_RISE if self._pooled else RISE
            self._begin(now, load, seconds, (rise if self._rises else DIP) * self.value, dip=True)
        else:
            self._free = self._free + 1 if share > NO_QUEUE else 0
            self._grows, self._growth = self._free >= FREE, GENTLE
            self.value = self._within(self.value + (target - self.value) * GAIN)

    def _begin(self, now: float, load: float, seconds: float, value: float, *, dip: bool = False) -> None:
        value = self._within(value)
        self._trial = Trial(self.value, load, load / seconds, value, dip)
        self.epoch += 1
        self._window = Window(now, opens=None)
        self.value = value

    def _follow_trial(self, now: float, trial: Trial, load: float, seconds: float) -> None:
        """A window of a trial is over."""
        rate = load / seconds
        if trial.upwards():
            self._after_rise(now, trial, load, rate)
        elif trial.low_load:
            self._after_return(now, trial, load, rate)
        elif trial.dip and self._belief.fits(seconds):
            self._trial = None
            self._belief.agreed(now, seconds)
            self.value = self._within(trial.value)
        else:
            trial.low_load, trial.low_rate, trial.low_seconds = load, rate, seconds
            self._after_fall(now, trial, load, rate)

    def _after_rise(self, now: float, trial: Trial, load: float, rate: float) -> None:
        """If more load brought more answers the limit goes on rising, else it goes back; no more load tells nothing."""
        self._trial = None
        if trial.followed(load, rate):
            self._grows, self._growth = True, GROWTH
            self._belief.raised(now, trial)
        elif not trial.moved(load):
            self._rises = False
            self._belief.untried(now)
            self._move(now, trial.value)
        else:
            self._belief.kept(now)
            self._move(now, trial.value)

    def _after_fall(self, now: float, trial: Trial, load: float, rate: float) -> None:
        """If less load brought fewer answers the limit goes back up, to see them rise again; else it stays down."""
        if trial.followed(load, rate):
            self.value = self._within(trial.value)
            self.epoch += 1
            self._window = Window(now, opens=None)
        else:
            self._trial = None
            self._belief.refuted(now, trial)

    def _after_return(self, now: float, trial: Trial, load: float, rate: float) -> None:
        """If the answers rose again with the load, the limit had been needed."""
        self._trial = None
        if trial.recovered(load, rate):
            self._belief.confirmed(now, trial)
        else:
            self._belief.refuted(now, trial)
            self._move(now, trial.low_value)

    def _move(self, now: float, value: float) -> None:
        """Another limit; a lower one begins a new epoch."""
        value = min(value, float(self._settings.maximum))
        if value < self.value:
            self.epoch += 1
            self._window = Window(now, opens=None)
        self.value = value

    def _with_reserve(self, capacity: float) -> float:
        """What keeps every worker busy: more, the less regular the latencies are."""
        return capacity + 1.0 + RESERVE * self._raggedness() * sqrt(capacity)

    def _raggedness(self) -> float:
        """Mean distance of a latency from the mean, as a share of it."""
        return min(1.0, self.spread / self.typical) if self.typical else 0.5

    def _within(self, value: float) -> float:
        return max(1.0, min(float(self._settings.maximum), value))
