"""A clock whose days can pass in seconds. It exists in the demo's wiring only."""

from __future__ import annotations

import time


class StoryClock:
    """The machine's clock, whose wall time can run faster; deadlines stay in real seconds."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._wall = time.time()
        self._since = time.monotonic()
        self._rate = 1.0

    def now(self) -> float:
        """Unix seconds in the story."""
        return self._wall + (time.monotonic() - self._since) * self._rate

    def run_at(self, rate: float) -> None:
        """From now on, let wall time pass `rate` times as fast as real time."""
        self._wall, self._since = self.now(), time.monotonic()
        self._rate = rate
