"""Acting on requests that take long, at next to no cost for those that do not.

```
reading the body ──too slow──► cancelled (Gone)
waiting for the handler ──a while──► watched ──the caller leaves──► cancelled (Gone)
```

One timer of the loop serves all visits of a listener: it runs while there are any, and looks through them every `EVERY`
seconds. A quick request pays for two steps in a set instead of timers and watchers of its own.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.http.exchange import Exchange

EVERY = 0.05
"""Seconds between two looks; an act may be late by as much."""


class Visit:
    """One caller while its request is served.

    Args:
        exchange: Its request.
        task: Serves it.

    Attributes:
        due: When the lookout acts, in the loop's seconds.
    """

    __slots__ = ("_exchange", "_is_late", "_is_sending", "_task", "_watcher", "due")

    def __init__(self, exchange: Exchange, task: asyncio.Task[Any] | None) -> None:
        self._exchange = exchange
        self._task = task
        self._watcher: asyncio.Task[None] | None = None
        self._is_late = False
        self._is_sending = False
        self.due = inf

    def sends_until(self, due: float) -> None:
        """The caller has until then to send its body."""
        self._is_sending = True
        self.due = due

    def waits_from(self, due: float) -> None:
        """The caller waits for its answer; from then on it is watched."""
        self._is_sending = False
        self.due = due

    def is_over(self) -> bool:
        """Whether the cancellation that has just arrived is this visit's own: too slow, or gone."""
        if self._is_late:
            return self._task is not None and not self._task.uncancel()
        return self._watcher is not None and self._watcher.done() and not self._watcher.cancelled()

    def act(self) -> None:
        """The time has come."""
        self.due = inf
        if self._is_sending:
            self._is_late = True
            self._cancel()
        else:
            self._watcher = asyncio.ensure_future(self._until_it_leaves())

    def end(self) -> None:
        """The request is served, or given up."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _until_it_leaves(self) -> None:
        await self._exchange.left()
        self._cancel()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Lookout:
    """All visits of a listener."""

    def __init__(self) -> None:
        self._visits: set[Visit] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, visit: Visit, loop: asyncio.AbstractEventLoop) -> None:
        """Look after a visit."""
        self._visits.add(visit)
        if self._timer is None:
            self._timer = loop.call_later(EVERY, self._look, loop)

    def remove(self, visit: Visit) -> None:
        """A visit is over."""
        self._visits.discard(visit)
        visit.end()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for visit in [one for one in self._visits if one.due <= now]:
            visit.act()
        self._timer = loop.call_later(EVERY, self._look, loop) if self._visits else None
