"""Virtual time: what happens next, and seeded randomness."""

from __future__ import annotations

import heapq
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def seeded(seed: int, name: str) -> random.Random:
    """A generator of its own for one part of the world, so that parts do not disturb each other."""
    return random.Random(f"{seed}/{name}")  # noqa: S311 - a simulation must be repeatable from its seed


class World:
    """An event loop without waiting.

    Attributes:
        now: Virtual seconds.
        events: Events that happened so far.
    """

    __slots__ = ("_heap", "_order", "events", "now")

    def __init__(self) -> None:
        self.now = 0.0
        self.events = 0
        self._order = 0
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []

    def at(self, when: float, act: Callable[[Any], None], about: object = None) -> None:
        """Have something happen later; at the same moment, in the order of the calls."""
        self._order += 1
        heapq.heappush(self._heap, (when, self._order, act, about))

    def run(self, until: float) -> None:
        """Let time pass up to `until`."""
        heap, pop, count = self._heap, heapq.heappop, 0
        while heap and heap[0][0] <= until:
            self.now, _, act, about = pop(heap)
            act(about)
            count += 1
        self.events += count
        self.now = until
