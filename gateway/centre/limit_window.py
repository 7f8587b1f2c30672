"""Samples of a stretch of time, from which the limit is judged."""

from __future__ import annotations

from math import sqrt

SETTLE = 1.5
"""Calm latencies until what ends after a change is a fair sample."""


class Window:
    """Sums over the samples of a window.

    The first calls to end after a decrease are the shortest ones: such a window opens `SETTLE` calm latencies after
    the first of them (`opens` is None before it, 0 where nothing has to settle).
    """

    __slots__ = ("count", "load", "opens", "seconds", "since", "squares", "unanswered")

    def __init__(self, now: float, opens: float | None = 0.0) -> None:
        self.since = now
        self.opens = opens
        self.count = 0
        self.unanswered = 0
        self.load = 0.0
        self.seconds = 0.0
        self.squares = 0.0

    def error(self) -> float:
        """Standard error of the mean latency, seconds."""
        mean = self.seconds / self.count
        return sqrt(max(0.0, self.squares / self.count - mean * mean) / self.count)

    def closed(self, now: float, calm: float | None, *, late: float = 0.0) -> bool:
        """Whether what ends now does not count yet; the first end after a change says when it will.

        Args:
            now: Monotonic seconds.
            calm: Seconds a call takes where nothing queues, if known.
            late: Seconds until a change has reached everybody.
        """
        if self.opens is None:
            self.opens = self.since = now + SETTLE * (calm or 0.0) + late
        return now < self.opens

    def add(self, count: int, seconds: float, squares: float, unanswered: int) -> None:
        """Calls that ended.

        Args:
            count: How many.
            seconds: Sum of their latencies.
            squares: Sum of the squares.
            unanswered: Of them, those without an answer.
        """
        self.count += count
        self.seconds += seconds
        self.squares += squares
        self.unanswered += unanswered
