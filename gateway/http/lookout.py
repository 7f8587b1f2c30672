"""Acting on requests that take long, at next to no cost for those that do not.

One timer of the loop serves all requests of a listener: it runs while any request is noted, and looks through the notes
every `EVERY` seconds. A note costs a request two steps in a dictionary instead of a timer of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY = 0.05
"""Seconds between two looks; an act may be late by as much."""


class Lookout:
    """Notes of what is to be done with a task unless it is done by then; one note a task."""

    def __init__(self) -> None:
        self._notes: dict[asyncio.Task[Any], tuple[float, Callable[[asyncio.Task[Any]], None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, task: asyncio.Task[Any], seconds: float, act: Callable[[asyncio.Task[Any]], None]) -> None:
        """Act on the task after so many seconds, unless it is crossed out before."""
        loop = asyncio.get_running_loop()
        self._notes[task] = (loop.time() + seconds, act)
        if self._timer is None:
            self._timer = loop.call_later(EVERY, self._look, loop)

    def cross_out(self, task: asyncio.Task[Any]) -> None:
        """The task is done with what was noted."""
        self._notes.pop(task, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, (due, act) in list(self._notes.items()):
            if due <= now:
                del self._notes[task]
                act(task)
        self._timer = loop.call_later(EVERY, self._look, loop) if self._notes else None
