"""Latencies of a window in logarithmic steps: constant memory, quantiles within a step (9 %)."""

from __future__ import annotations

from math import log2

STEPS = 8
"""Steps per doubling."""

FIRST = 0.001
"""Seconds; everything shorter falls into the first step."""

SIZE = 20 * STEPS
"""Steps in all: up to 1,000 s."""


class Histogram:
    """Counts of latencies."""

    __slots__ = ("_counts", "count")

    def __init__(self) -> None:
        self.count = 0
        self._counts: dict[int, int] = {}

    def add(self, seconds: float) -> None:
        """Count one latency."""
        step = 0 if seconds <= FIRST else min(SIZE, int(log2(seconds / FIRST) * STEPS) + 1)
        self._counts[step] = self._counts.get(step, 0) + 1
        self.count += 1

    def quantile(self, share: float) -> float:
        """Upper edge, in seconds, of the step below which `share` of the latencies lie; 0 when empty."""
        wanted, seen, step = share * self.count, 0, 0
        for step in sorted(self._counts):
            seen += self._counts[step]
            if seen >= wanted:
                break
        return FIRST * 2.0 ** (step / STEPS) if self.count else 0.0

    def clear(self) -> None:
        """Forget all."""
        self._counts.clear()
        self.count = 0

    def halve(self) -> None:
        """Let what was counted so far weigh half."""
        self._counts = {step: count // 2 for step, count in self._counts.items() if count > 1}
        self.count = sum(self._counts.values())
