"""One piece of work on its way through the writer.

```
waiting ──taken by the writer──► running ──commit──► settled (result)
   │                                └─────────────► settled (error)
   └──caller left──► skipped: never run
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share(Generic[T]):
    """Work on one thing that costs less when it is done for several of them at once.

    Attributes:
        together: The work on all of them, in the order given; it gives a result for each.
        thing: What it works on.
    """

    together: Callable[[sa.Connection, Sequence[Any]], Sequence[T]]
    thing: Any

    def __call__(self, connection: sa.Connection) -> T:
        """Do it for this one alone."""
        (result,) = self.together(connection, [self.thing])
        return result


class Ticket(Generic[T]):
    """Work, the future its caller waits on, and its outcome until the batch is committed.

    Attributes:
        work: Called with the batch's connection, in the writer's thread.
        future: What the caller awaits; touched in its own loop's thread only, but for `cancelled()`.
        loop: The caller's event loop.
        taken: The writer has begun it: from here on a caller who leaves cannot know whether it was committed.
        error: Why it failed; None while it has not.
        copies: How many copies hold what it wrote, once it is committed.
    """

    __slots__ = ("_result", "copies", "error", "future", "loop", "taken", "work")

    def __init__(self, work: Callable[[sa.Connection], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.future: asyncio.Future[T] = loop.create_future()
        self.taken = False
        self.error: Exception | None = None
        self.copies = 1
        self._result: Any = None

    def run(self, connection: sa.Connection) -> None:
        """Do the work and keep its result; its exceptions pass."""
        self.keep(self.work(connection))

    def keep(self, result: Any) -> None:
        """Keep the result of the work, which is told once it is committed."""
        self._result = result

    @property
    def kind(self) -> object:
        """What this work can be done together with: tickets of the same kind; None for no other."""
        return self.work.together if isinstance(self.work, Share) else None

    def settle(self) -> None:
        """Tell the caller; only in its loop's thread."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self._result)


def run_together(connection: sa.Connection, tickets: Sequence[Ticket[Any]]) -> None:
    """Do the work of tickets of one kind at once and keep the results; its exceptions pass."""
    shares: list[Any] = [ticket.work for ticket in tickets]
    results = shares[0].together(connection, [share.thing for share in shares])
    for ticket, result in zip(tickets, results, strict=True):
        ticket.keep(result)
