"""Reads: a few threads, each with its own connection that cannot write; a lost connection is tried once more."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import exc

from gateway.contract.errors import Overloaded
from gateway.database.errors import StorageFailed, StorageFault, is_passing, translate

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    import sqlalchemy as sa

T = TypeVar("T")


def read_once(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """Run a read in a transaction of its own; a read that met a lost connection is begun anew once.

    Raises:
        StorageFailed: The storage cannot serve now.
        DatabaseError: The statement was refused.
    """
    try:
        return _attempt(engine, work)
    except exc.SQLAlchemyError as error:
        failure = error
    if is_passing(failure):
        try:
            return _attempt(engine, work)
        except exc.SQLAlchemyError as error:
            failure = error
    raise translate(failure)


def _attempt(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.connect() as connection, connection.begin():
        return work(connection)


class ReaderPool:
    """Runs reads on threads.

    A caller who left while its read was running still occupies the thread until the database answers; the bound
    counts such reads too.
    """

    def __init__(self, engine: sa.Engine, *, threads: int, waiting: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="database-reader")
        self._most = threads + waiting
        self._unfinished: set[Future[Any]] = set()
        self._closed = False

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a read on a thread.

        Raises:
            Overloaded: Too many reads are waiting.
            StorageFailed: The storage cannot serve now, or was closed.
        """
        if self._closed:
            raise StorageFailed(StorageFault.CLOSED)
        if len(self._unfinished) >= self._most:
            raise Overloaded(retry_after=1.0)
        running = self._threads.submit(read_once, self._engine, work)
        self._unfinished.add(running)
        running.add_done_callback(self._unfinished.discard)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if self._dropped_it():
                raise StorageFailed(StorageFault.CLOSED) from None
            raise

    def _dropped_it(self) -> bool:
        """Whether `close` cancelled the read, not its caller."""
        caller = asyncio.current_task()
        return self._closed and (caller is None or not caller.cancelling())

    def close(self, within: float) -> bool:
        """Drop the waiting reads and let the running ones end; whether they did within that many seconds. Blocks."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        return not wait(self._unfinished.copy(), within).not_done
