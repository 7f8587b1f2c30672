"""When a submission is tried again, and when a person must look (pure).

Two kinds of setback are kept apart. *Its own*: the centre answered others meanwhile, but not this one; the pause
doubles, and after `MOST_FAILURES` it becomes `attention`. *The centre's*: nobody got through; the pause stays short,
for the drain already slows down for all, and a month of it must not send a single submission to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

MOST_FAILURES: Final = 20
"""Failures of its own in a row after which a person must look."""

LONGEST: Final = 900.0
"""Seconds between two tries, at most."""

CENTRE_WIDE: Final = 5.0
"""Seconds of pause at most while nobody gets through, so that the drain begins within them once the centre is back."""

FURTHEST: Final = 2 * LONGEST
"""Seconds no pause lies ahead; one that does is of a clock that was put back since, and is over."""

RECENT: Final = 60.0
"""Seconds within which another's success makes a failure one's own."""

_FIRST: Final = 2.0
_MOST_DOUBLINGS: Final = 20


def own_pause(failures: int, random: Random) -> float:
    """Seconds until the next try after so many failures of its own (from 1): full jitter, doubled, capped."""
    return random.uniform(0.0, min(LONGEST, _FIRST * 2.0 ** min(failures, _MOST_DOUBLINGS)))


def shared_pause(random: Random) -> float:
    """Seconds until the next try while the centre is away for everybody."""
    return random.uniform(0.0, CENTRE_WIDE)


def is_waiting(now: float, not_before: float | None) -> bool:
    """Whether a pause goes on.

    Args:
        now: Unix seconds.
        not_before: Until when it goes, Unix seconds; None for none.
    """
    return not_before is not None and now < not_before <= now + FURTHEST


def is_own(now: float, last_success: float | None) -> bool:
    """Whether a failure is the submission's own.

    Args:
        now: Monotonic seconds.
        last_success: When the centre last answered for any submission, on the same scale; None if never.
    """
    return last_success is not None and now - last_success <= RECENT


def is_spent(failures: int) -> bool:
    """Whether so many failures of its own need a person."""
    return failures >= MOST_FAILURES
