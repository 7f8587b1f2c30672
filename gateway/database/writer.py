"""The one writer: all waiting work in one transaction, one commit, one wake-up per event loop.

```
submit() ─► queue (bounded) ─► [ BEGIN  work · work · work  COMMIT ] ─► settle all of them at once
                                     │ one fails: nothing was kept; begun anew, each behind its own savepoint,
                                     │            so that a failing one undoes only itself
                                     └ one breaks the transaction itself: begun anew without it
```

A commit that fails fails all of its batch. Where nobody knows whether it took place (the line to the server was
cut), the error says so and nothing is repeated. Because a batch may be begun anew, work may run more than once
before it is committed once: it must act on nothing but the connection.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from gateway.contract.errors import Overloaded
from gateway.database.batch import BatchLost, commit, fail
from gateway.database.copies import OneCopy
from gateway.database.errors import StorageFailed, StorageFault, translate
from gateway.database.ticket import Ticket

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

    from gateway.database.copies import Copies

_log = structlog.get_logger()
T = TypeVar("T")

_CAREFUL_BATCHES = 16
"""How many batches stand behind savepoints after work failed: failures come in swarms."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Bounds of the writer.

    Attributes:
        waiting: Pieces of work that may wait; one more is refused at once.
        size: Pieces of work in one transaction.
        seconds: After which a transaction takes no further work and commits.
    """

    waiting: int = 4096
    size: int = 256
    seconds: float = 0.1


class GroupWriter:
    """A thread that commits waiting work in groups; started by the first submission.

    Attributes:
        last_commit: Monotonic seconds of the last commit that succeeded.
        last_copies: How many copies held it.
        copies: Asked after each commit how many copies hold it; to be set before the first work.
    """

    def __init__(self, engine: sa.Engine, limits: BatchLimits) -> None:
        self._engine = engine
        self._limits = limits
        self._waiting: deque[Ticket[Any]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False
        self._careful_batches = 0
        self.last_commit = float("-inf")
        self.last_copies = 1
        self.copies: Copies = OneCopy()

    def submit(self, work: Callable[[sa.Connection], T], loop: asyncio.AbstractEventLoop) -> Ticket[T]:
        """Put work in the queue; called in the loop's thread.

        Raises:
            Overloaded: Too much is waiting.
            StorageFailed: The writer was closed.
        """
        with self._changed:
            if self._closing:
                raise StorageFailed(StorageFault.CLOSED)
            if len(self._waiting) >= self._limits.waiting:
                raise Overloaded(retry_after=1.0)
            ticket = Ticket(work, loop)
            self._waiting.append(ticket)
            self._start_or_wake()
        return ticket

    def close(self, within: float) -> bool:
        """Commit what waits, then end the thread, which closes its connections; whether it ended in time. Blocks."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is None:
            return True
        self._thread.join(within)
        return not self._thread.is_alive()

    def _start_or_wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
            self._thread.start()
        elif len(self._waiting) == 1:
            self._changed.notify()

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001 # the writer outlives every error; the batch is told
                _log.exception("database.writer.failed", error=type(error).__name__)
                fail(batch, lambda: StorageFailed(StorageFault.GONE, executed="unknown"))
            _settle([ticket for ticket in batch if ticket.taken])
        self._engine.dispose()

    def _next_batch(self) -> list[Ticket[Any]]:
        """The next work, without that of callers who left; empty once closed and drained."""
        batch: list[Ticket[Any]] = []
        with self._changed:
            while not batch:
                while not self._waiting:
                    if self._closing:
                        return []
                    self._changed.wait()
                while self._waiting and len(batch) < self._limits.size:
                    ticket = self._waiting.popleft()
                    if not ticket.future.cancelled():
                        ticket.taken = True
                        batch.append(ticket)
        return batch

    def _commit(self, batch: Sequence[Ticket[Any]]) -> None:
        rest = list(batch)
        for careful in self._attempts(rest):
            try:
                self._commit_once(rest, careful=careful)
            except BatchLost as lost:
                failure = lost
            else:
                return
            if not failure.worth_repeating:
                break
            if failure.culprit is not None and (careful or len(batch) == 1):
                failure.culprit.error = translate(failure.cause)
                rest.remove(failure.culprit)
            elif failure.culprit is not None:
                self._careful_batches = _CAREFUL_BATCHES
            if not rest:
                return
        fail(rest, partial(translate, failure.cause))

    def _attempts(self, batch: Sequence[Ticket[Any]]) -> tuple[bool, ...]:
        """How often to try, and whether carefully: plainly at first, unless work failed a short while ago."""
        if len(batch) == 1:
            return (False, False)
        if self._careful_batches:
            self._careful_batches -= 1
            return (True, True)
        return (False, True, True)

    def _commit_once(self, batch: Sequence[Ticket[Any]], *, careful: bool) -> None:
        done = commit(self._engine, batch, self.copies, seconds=self._limits.seconds, careful=careful)
        if any(ticket.error is None for ticket in batch[:done]):
            self.last_commit = time.monotonic()
            self.last_copies = batch[0].copies
        with self._changed:
            for ticket in reversed(batch[done:]):
                ticket.taken = False
                self._waiting.appendleft(ticket)


def _settle(tickets: Sequence[Ticket[Any]]) -> None:
    """Tell all callers, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Ticket[Any]]] = {}
    for ticket in tickets:
        by_loop.setdefault(ticket.loop, []).append(ticket)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle_in_loop, own)
        except RuntimeError:
            _log.warning("database.callers.gone", works=len(own))


def _settle_in_loop(tickets: Sequence[Ticket[Any]]) -> None:
    for ticket in tickets:
        ticket.settle()
