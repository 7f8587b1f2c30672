"""Writes that nobody waits for: gathered for a moment, newest per key, bounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from gateway.contract.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger()

K = TypeVar("K")
V = TypeVar("V")


def _weightless(_value: object) -> int:
    return 0


class WriteBehind(Generic[K, V]):
    """Gathers values and writes them in batches.

    Args:
        write: Writes a batch; raises `GatewayError` if it cannot.
        name: What is written, for logs.
        most: Values that may wait; when there are more, the oldest is dropped.
        weigh: Weight of a value.
        most_weight: What may wait together, by weight; when it is more, the oldest is dropped.
        batch: Values written at once.
        linger: Seconds gathered before a write.
    """

    def __init__(
        self,
        write: Callable[[dict[K, V]], Awaitable[None]],
        *,
        name: str,
        most: int = 8192,
        weigh: Callable[[V], int] = _weightless,
        most_weight: int = 0,
        batch: int = 512,
        linger: float = 0.25,
    ) -> None:
        self._write = write
        self._name = name
        self._most = most
        self._weigh = weigh
        self._most_weight = most_weight
        self._weight = 0
        self._batch = batch
        self._linger = linger
        self._pending: dict[K, V] = {}
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._pending)

    def put(self, key: K, value: V) -> None:
        """Have a value written soon; it replaces one of the same key that still waits."""
        self._take(key)
        self._pending[key] = value
        self._weight += self._weigh(value)
        while len(self._pending) > self._most or self._weight > self._most_weight:
            self._take(next(iter(self._pending)))
            self._drop(1)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._later())
            self._task.add_done_callback(self._ended)

    def pending(self, key: K) -> V | None:
        """A value that still waits to be written."""
        return self._pending.get(key)

    def withdraw(self, unwanted: Callable[[K], bool]) -> None:
        """Drop what waits under keys that are unwanted."""
        for key in [key for key in self._pending if unwanted(key)]:
            self._take(key)

    async def flush(self) -> None:
        """Write what waits now, not what comes meanwhile; what cannot be written is dropped and logged."""
        async with self._turn:
            left = len(self._pending)
            while left > 0 and self._pending:
                left -= self._batch
                batch = {key: self._pending[key] for key in list(self._pending)[: self._batch]}
                for key in batch:
                    self._take(key)
                try:
                    await self._write(batch)
                except GatewayError as error:
                    self._drop(len(batch), error.code)
                except Exception:
                    log.exception("centre.write_behind.failed", store=self._name)
                    self._drop(len(batch), "internal")

    async def close(self) -> None:
        """Write what waits and stop; a batch that is being written is not cut off."""
        async with self._turn:
            if self._task is not None:
                self._task.cancel()
        while self._pending:
            await self.flush()

    def _take(self, key: K) -> None:
        """Take a value out, if there is one."""
        if key in self._pending:
            self._weight -= self._weigh(self._pending.pop(key))

    async def _later(self) -> None:
        while self._pending:
            await asyncio.sleep(self._linger)
            await self.flush()

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self._task = None

    def _drop(self, count: int, error: str = "overfull") -> None:
        self.dropped += count
        log.warning("centre.write_behind.dropped", store=self._name, count=count, error=error)
