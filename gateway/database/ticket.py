"""One piece of work on its way through the writer.

```
waiting ──taken by the writer──► running ──commit──► settled (result)
   │                                └─────────────► settled (error)
   └──caller left──► skipped: never run
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    import sqlalchemy as sa

T = TypeVar("T")


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
        self._result = self.work(connection)

    def settle(self) -> None:
        """Tell the caller; only in its loop's thread."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self._result)
