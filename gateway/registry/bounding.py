"""Bounds how long an extension may take, at no cost where it does not wait.

Most policies answer without waiting for anything. Setting and cancelling a timer costs more than they do, so the first
step runs without one; only what is still unfinished after it continues under a timeout.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Do some work.

    Args:
        seconds: How long it may wait.
        work: A coroutine that has not been started.

    Raises:
        TimeoutError: It waited longer; it has been cancelled.
    """
    try:
        awaited = work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return] # a coroutine returns through StopIteration, untyped
    async with asyncio.timeout(seconds):
        return await _Begun(work, awaited)


class _Begun(Generic[T]):
    """A coroutine after its first step, with what that step waits for."""

    def __init__(self, work: Coroutine[Any, Any, T], awaited: object) -> None:
        self._work = work
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, T]:
        """Wait for it, and hand on whatever the event loop sends or throws."""
        awaited = self._awaited
        try:
            while True:
                try:
                    sent = yield awaited
                except BaseException as thrown:  # noqa: BLE001 # cancellation too belongs to the coroutine
                    awaited = self._work.throw(thrown)
                else:
                    awaited = self._work.send(sent)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return] # as above
