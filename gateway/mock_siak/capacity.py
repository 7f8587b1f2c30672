"""The centre's finite strength: a few workers, lognormal service times, and a first-in-first-out backlog.

It goes on serving calls whose callers have long left, and it slows as the backlog grows. That is what makes a centre
collapse under retries and stay collapsed; with `mean_seconds` 0 there is no queue and no delay.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from gateway.mock_siak.behaviour import Behaviour


class Capacity:
    """Runs calls under the capacity of the behaviour in force."""

    def __init__(self, behaviour: Behaviour, rng: random.Random) -> None:
        self._behaviour = behaviour
        self._random = rng
        self._waiting: deque[Callable[[], None]] = deque()
        self._serving: set[asyncio.TimerHandle] = set()
        self.began: float | None = None
        """While a call is handed over: when its worker took it up, monotonic seconds; None without a service time."""

    @property
    def backlog(self) -> int:
        """Calls that wait for a worker."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """Calls a worker is busy with."""
        return len(self._serving)

    def follow(self, behaviour: Behaviour) -> None:
        """Go on with another capacity; calls in service keep the time they were dealt."""
        self._behaviour = behaviour
        self._start()

    def run(self, serve: Callable[[], None]) -> None:
        """Call `serve` when a worker has finished with it: at once, or after queue and service time."""
        if self._behaviour.mean_seconds == 0 and not self._waiting:
            serve()
            return
        self._waiting.append(serve)
        self._start()

    def clear(self) -> None:
        """Drop everything that waits or is being served."""
        self._waiting.clear()
        for timer in self._serving:
            timer.cancel()
        self._serving.clear()

    def service_seconds(self) -> float:
        """One service time: lognormal with the wanted mean, stretched by the backlog."""
        wanted = self._behaviour
        if wanted.mean_seconds == 0:
            return 0.0
        location = math.log(wanted.mean_seconds) - wanted.sigma**2 / 2
        return self._random.lognormvariate(location, wanted.sigma) * (1 + wanted.thrashing * len(self._waiting))

    def _start(self) -> None:
        while self._waiting and len(self._serving) < self._behaviour.workers:
            seconds = self.service_seconds()
            serve = self._waiting.popleft()
            slot: list[asyncio.TimerHandle] = []
            slot.append(asyncio.get_running_loop().call_later(seconds, self._finish, slot, serve, time.monotonic()))
            self._serving.add(slot[0])

    def _finish(self, slot: list[asyncio.TimerHandle], serve: Callable[[], None], began: float) -> None:
        self._serving.discard(slot[0])
        self.began = began
        try:
            serve()
        finally:
            self.began = None
            self._start()
