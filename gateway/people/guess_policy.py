"""How long the next guess must wait (pure): growing pauses that end by themselves, never a lock.

| counted for | free | pauses | half forgotten after |
| --- | --- | --- | --- |
| `browser` an account, from a browser that signed in as it before | 10 | 1 s … 5 min | 1 h |
| `origin` an account, from one network, by strangers | 5 | 1 s … 15 min | 6 h |
| `network` all accounts, from one network, by strangers | 60 | 1 s … 1 min | 30 min |
| `code` the second step of an account, its password was right, by strangers anywhere | 10 | 1 s … 15 min | 6 h |

A guess is counted before it is looked at and forgiven when it was right, so that a thousand at once are a thousand.
Somebody who guesses from elsewhere makes nobody wait: neither the owner's own browser nor the owner's own network
shares a count with them.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple


class Pace(NamedTuple):
    """How guesses of one kind are slowed down.

    Attributes:
        free: Wrong guesses without a pause.
        first: Seconds of the first pause; each next one is twice as long.
        longest: Seconds of the longest.
        half_life: Seconds after which half of the wrong guesses are forgotten.
    """

    free: int
    first: float
    longest: float
    half_life: float


class Tally(NamedTuple):
    """Wrong guesses so far.

    Attributes:
        failures: How many, as of `at`.
        at: Unix seconds of the last one.
    """

    failures: float
    at: float


PACES: Final = {
    "browser": Pace(10, 1.0, 300.0, 3_600.0),
    "origin": Pace(5, 1.0, 900.0, 21_600.0),
    "network": Pace(60, 1.0, 60.0, 1_800.0),
    "code": Pace(10, 1.0, 900.0, 21_600.0),
}
"""The kinds."""

FORGOTTEN: Final = 3 * 86_400.0
"""Seconds after which a count is nothing any more."""


def wait(pace: Pace, tally: Tally, now: float) -> float:
    """Seconds until the next guess may be looked at; 0 for now. A clock put back makes nobody wait longer."""
    over = math.floor(tally.failures + 0.5) - pace.free
    if over < 0:
        return 0.0
    pause = min(pace.longest, pace.first * 2.0 ** min(over, 60))
    return min(pause, max(0.0, tally.at + pause - now))


def counted(pace: Pace, tally: Tally | None, now: float) -> Tally:
    """The count with one more wrong guess."""
    if tally is None:
        return Tally(1.0, now)
    return Tally(tally.failures * 0.5 ** (max(0.0, now - tally.at) / pace.half_life) + 1.0, now)
