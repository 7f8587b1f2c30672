"""A thread that does one thing after the other for an event loop, at the least cost of handing it over."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Hand:
    """One thread, started at once; what it is given is done in order.

    Args:
        name: The thread's.
    """

    def __init__(self, name: str) -> None:
        self._given: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Have something done; its result, or what it raised. Leaving the future alone does not stop the work."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._given.put((work, future))
        return future

    def close(self) -> None:
        """Do what is left, and end. Blocks."""
        self._given.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (given := self._given.get()) is not None:
            work, future = given
            result, error = None, None
            try:
                result = work()
            except Exception as raised:  # noqa: BLE001 # it belongs to whoever waits
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: object, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
