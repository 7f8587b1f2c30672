"""One call in flight for each question under each right; everyone who asks meanwhile shares its answer.

A flight carries the highest class and the latest deadline of its askers. Each asker still leaves at its own
deadline; a leader that gives up does not end the flight for the others; the last to leave cancels it.

A question that nobody has asked yet knocks first: what the gate below would refuse at once never takes off, so that a
flood costs little of the gateway's own strength.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.centre.link import carry, renewed
from gateway.contract.errors import CentreTimeout, GatewayError, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.centre.link import Carried, Flight, Link
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call

log = structlog.get_logger()

GRACE = 0.02
"""Seconds an asker stays past its deadline, so that the true reason from below arrives before the plain timeout."""


class _Shared:
    """A flight with those who wait for it."""

    __slots__ = ("flight", "task", "waiting")

    def __init__(self, flight: Flight) -> None:
        self.flight = flight
        self.task: asyncio.Task[None] | None = None
        self.waiting: set[asyncio.Future[Answer | Exception]] = set()

    def settle(self, outcome: Answer | Exception) -> None:
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(outcome)


class Coalesce:
    """The link that joins equal questions.

    Args:
        inner: Next link.
        key_of: Equal for calls that may share an answer: same right, same question.
        clock: The gateway's clock.
        horizon: Seconds no flight outlives, whoever joins.
        knock: Raises for a call that would be refused at once; else says whether the gate counted it.
    """

    def __init__(
        self,
        inner: Link,
        *,
        key_of: Callable[[Call], bytes],
        clock: Clock,
        horizon: float = 60.0,
        knock: Callable[[Call], bool] = lambda _call: False,
    ) -> None:
        self._inner = inner
        self._key_of = key_of
        self._knock = knock
        self._clock = clock
        self._horizon = horizon
        self._flights: dict[bytes, _Shared] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Flights under way now."""
        return len(self._flights)

    async def ask(self, call: Call) -> Answer:
        """Join the flight of this question, or start it.

        Raises:
            CentreTimeout: The asker's own deadline passed after the question was sent.
            Overloaded: It passed before, or it could not be answered in time and never took off.
            GatewayError: What the flight ended with, as an instance of the asker's own.
        """
        key = self._key_of(call)
        shared = self._flights.get(key)
        if shared is None:
            shared = self._launch(key, call)
        else:
            shared.flight.join(call)
        outcome = await self._wait(key, shared, call)
        if isinstance(outcome, Exception):
            raise renewed(outcome)
        return outcome

    async def close(self) -> None:
        """End every flight; its askers are told that the gateway is closing."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _launch(self, key: bytes, call: Call) -> _Shared:
        knocked = self._knock(call)
        carried = carry(call, bound=self._clock.monotonic() + self._horizon, knocked=knocked)
        shared = self._flights[key] = _Shared(carried.flight)
        task = asyncio.get_running_loop().create_task(self._fly(key, shared, carried))
        shared.task = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._landed(key, shared, done))
        return shared

    async def _fly(self, key: bytes, shared: _Shared, carried: Carried) -> None:
        """Ask once for all; the outcome goes to whoever still waits."""
        try:
            outcome: Answer | Exception = await self._inner.ask(carried)
        except GatewayError as error:
            outcome = error
        except Exception as error:
            log.exception("centre.coalesce.failed", service=carried.question.service, request_id=carried.request_id)
            outcome = error
        self._drop(key, shared)
        shared.settle(outcome)

    def _landed(self, key: bytes, shared: _Shared, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._drop(key, shared)
        if task.cancelled():
            shared.settle(Overloaded("The gateway is closing.", retry_after=1.0))

    def _drop(self, key: bytes, shared: _Shared) -> None:
        if self._flights.get(key) is shared:
            del self._flights[key]

    async def _wait(self, key: bytes, shared: _Shared, call: Call) -> Answer | Exception:
        """The flight's outcome, or the asker's own timeout."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Answer | Exception] = loop.create_future()
        shared.waiting.add(waiter)
        patience = max(0.0, call.deadline - self._clock.monotonic()) + GRACE
        timer = loop.call_later(patience, _expire, shared.flight, waiter)
        try:
            return await waiter
        finally:
            timer.cancel()
            self._leave(key, shared, waiter)

    def _leave(self, key: bytes, shared: _Shared, waiter: asyncio.Future[Answer | Exception]) -> None:
        shared.waiting.discard(waiter)
        if not shared.waiting and shared.task is not None and not shared.task.done():
            self._drop(key, shared)
            shared.task.cancel()


def _expire(flight: Flight, waiter: asyncio.Future[Answer | Exception]) -> None:
    if not waiter.done():
        waiter.set_result(CentreTimeout() if flight.reached else Overloaded(retry_after=1.0))
