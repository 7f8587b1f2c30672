"""The link that keeps the number of calls at the centre at what it can take, and shares the places fairly."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from gateway.centre.gate import Gate
from gateway.centre.in_flight import Passage
from gateway.centre.link import carry
from gateway.centre.verdict import ADMIT, Refuse, Wait
from gateway.contract.errors import (
    CentreMisanswered,
    CentreRefusedUs,
    CentreTimeout,
    GatewayError,
    Invalid,
    OutsideHours,
    Overloaded,
    QuotaExhausted,
)
from gateway.contract.messages import CentreService, Priority
from gateway.log import Thinner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping
    from random import Random

    from gateway.centre.limit import Limit
    from gateway.centre.link import Carriage, Link
    from gateway.centre.shares import Leased
    from gateway.centre.verdict import Admit
    from gateway.contract.host import Clock
    from gateway.contract.messages import Answer, Call
    from gateway.settings.centre import LimiterSettings

log = structlog.get_logger()

T = TypeVar("T")

ANSWERED = (CentreRefusedUs, Invalid, OutsideHours, QuotaExhausted, CentreMisanswered)
"""Errors the centre took its time to give; their latency counts like an answer's."""

MEASURED = 256
"""Latencies of a service kept for its p90."""


ASIDE: Mapping[CentreService, int] = MappingProxyType({CentreService.EVENTS: 2})
"""Services for whose answers nobody waits, and how many of their calls may be at the centre at once, beside the limit:
they stand in no queue, take no place from those who do, and say nothing about the limit, however long they hang."""

LINES = 5
"""Refusals of one reason that are told in a second; the next line says how many were left out."""


class _Waiting(Passage):
    """A passage with what wakes its caller; there is nothing to wake before it waits."""

    __slots__ = ("woken",)

    woken: asyncio.Future[Admit | Refuse]


class Limiter:
    """Admission to the centre.

    Args:
        inner: Next link.
        settings: Knobs.
        clock: The gateway's clock.
        random: Source of jitter.

    Attributes:
        offered: Calls that came so far, refused ones included.
    """

    def __init__(self, inner: Link, settings: LimiterSettings, *, clock: Clock, random: Random) -> None:
        self._inner = inner
        self._settings = settings
        self._clock = clock
        self._gate: Gate[_Waiting] = Gate(settings, random, clock.monotonic())
        self._timer: asyncio.TimerHandle | None = None
        self._due_at = inf
        self._latencies: dict[CentreService, deque[float]] = {
            service: deque(maxlen=MEASURED) for service in CentreService
        }
        self._in_flight = dict.fromkeys(CentreService, 0)
        self._queued = dict.fromkeys(CentreService, 0)
        self._thinner = Thinner(LINES)
        self.offered = 0

    @property
    def limit(self) -> float:
        """Calls that may be at the centre at once, as believed now."""
        return self._gate.limit.value

    def live_on(self, limit: Limit | Leased) -> None:
        """Take another limit, or one that has just changed; those who wait are let go as far as it allows."""
        self._gate.live_on(limit)
        self._pump(self._clock.monotonic())

    def figures(self, service: CentreService) -> tuple[int, int, float | None, float]:
        """Waiting, in flight, p90 seconds (None before the first answer), and wait of a new call at the counter."""
        latencies = sorted(self._latencies[service])
        return (
            self._queued[service],
            self._in_flight[service],
            latencies[int(0.9 * len(latencies))] if latencies else None,
            self._gate.estimate(self._clock.monotonic(), Priority.COUNTER),
        )

    def knock(self, call: Call) -> bool:
        """Pass a call that would not be refused at once; whether it was counted as its village's.

        Raises:
            Overloaded: It would be.
        """
        verdict = self._gate.knock(self._clock.monotonic(), call)
        if isinstance(verdict, Refuse):
            self.offered += 1
            raise self._overloaded(call.service, call.request_id, verdict)
        return verdict

    def ask(self, call: Call) -> Coroutine[Any, Any, Answer]:
        """Wait for a place and go on; or be refused at once.

        Raises:
            Overloaded: It could not be answered in time; nothing was sent.
            GatewayError: What the links below say.
        """
        carried = carry(call)
        return self.admit(carried, partial(self._inner.ask, carried))

    async def admit(self, carried: Carriage, go: Callable[[], Awaitable[T]]) -> T:
        """Wait for a place and `go`; or be refused at once.

        Raises:
            Overloaded: It could not be done in time; `go` was not called.
            GatewayError: What `go` says.
        """
        self.offered += 1
        if carried.service in ASIDE:
            return await self._aside(carried, go)
        passage = _Waiting(carried.flight, carried.service)
        verdict = self._gate.offer(self._clock.monotonic(), passage, carried)
        if isinstance(verdict, Wait):
            verdict = await self._wait(carried, passage)
        if isinstance(verdict, Refuse):
            raise self._overloaded(carried.service, carried.request_id, verdict)
        self._in_flight[passage.service] += 1
        seconds: float | None = None
        answered = True
        started = self._clock.monotonic()
        try:
            answer = await go()
            seconds = self._clock.monotonic() - started
        except GatewayError as error:
            seconds, answered = self._told_by(error, self._clock.monotonic() - started)
            raise
        finally:
            self._ended(passage, seconds, answered=answered)
        return answer

    async def close(self) -> None:
        """Refuse whoever waits; calls in flight end by themselves."""
        if self._timer is not None:
            self._timer.cancel()
        for passage in self._gate.close():
            _wake(passage, Refuse(1.0, "closing"))

    async def _aside(self, carried: Carriage, go: Callable[[], Awaitable[T]]) -> T:
        """Go beside the limit, or be refused at once if as many as may are on that way."""
        service = carried.service
        if self._in_flight[service] >= ASIDE[service]:
            raise self._overloaded(service, carried.request_id, Refuse(1.0, "aside"))
        self._in_flight[service] += 1
        started = self._clock.monotonic()
        try:
            answer = await go()
            self._latencies[service].append(self._clock.monotonic() - started)
        finally:
            self._in_flight[service] -= 1
        return answer

    async def _wait(self, carried: Carriage, passage: _Waiting) -> Admit | Refuse:
        """Stand in the queue until a place, a refusal, or the caller's leaving."""
        service = passage.service
        passage.woken = asyncio.get_running_loop().create_future()
        self._queued[service] += 1
        if passage.until < self._due_at or self._gate.restless:
            self._arm()
        join = partial(self._gate.join, passage)
        carried.flight.watch(join)
        try:
            return await passage.woken
        except asyncio.CancelledError:
            self._give_up(passage)
            raise
        finally:
            carried.flight.unwatch(join)
            self._queued[service] -= 1

    def _give_up(self, passage: _Waiting) -> None:
        """A cancelled caller leaves the queue, or gives back the place it was handed meanwhile."""
        self._gate.abandon(passage)
        woken = passage.woken
        if woken.done() and not woken.cancelled() and woken.result() is ADMIT:
            now = self._clock.monotonic()
            self._gate.done(now, passage, seconds=None)
            self._pump(now)

    def _ended(self, passage: _Waiting, seconds: float | None, *, answered: bool) -> None:
        """Note how long the call took, and hand its place on."""
        service, now = passage.service, self._clock.monotonic()
        self._in_flight[service] -= 1
        if seconds is not None:
            self._latencies[service].append(seconds)
        self._gate.done(now, passage, seconds=seconds, answered=answered)
        self._pump(now)

    def _told_by(self, error: GatewayError, seconds: float) -> tuple[float | None, bool]:
        """What a failed call says about the centre's latency, and whether the centre answered."""
        if isinstance(error, CentreTimeout):
            return (seconds if seconds >= self._settings.objective else None), False
        return (seconds if isinstance(error, ANSWERED) else None), True

    def _pump(self, now: float) -> None:
        """Hand free places to those whose turn it is; one whose caller has just left goes on to the next."""
        lost = True
        while lost:
            lost = False
            for passage, verdict in self._gate.next(now):
                if not _wake(passage, verdict) and verdict is ADMIT:
                    self._gate.done(now, passage, seconds=None)
                    lost = True
        if self._timer is None or self._gate.restless:
            self._arm()

    def _arm(self) -> None:
        """One timer at most, for what comes by time alone: a place, the end of waiting, or silence."""
        due = self._gate.wake_at()
        if due is None or due >= self._due_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_at = due
        delay = max(0.0, due - self._clock.monotonic())
        self._timer = asyncio.get_running_loop().call_later(delay, self._due)

    def _due(self) -> None:
        self._timer = None
        self._due_at = inf
        self._pump(self._clock.monotonic())

    def _overloaded(self, service: CentreService, request_id: str, verdict: Refuse) -> Overloaded:
        skipped = self._thinner.offer(self._clock.monotonic(), verdict.reason)
        if skipped is not None:
            log.info(
                "centre.limiter.refused",
                service=service,
                request_id=request_id,
                reason=verdict.reason,
                waiting=self._gate.waiting,
                limit=round(self._gate.limit.value, 2),
                skipped=skipped,
            )
        return Overloaded(executed="no", retry_after=verdict.after)


def _wake(passage: _Waiting, verdict: Admit | Refuse) -> bool:
    """Tell a waiting caller; False if it was cancelled in this very turn of the loop and will not hear it."""
    if passage.woken.done():
        return False
    passage.woken.set_result(verdict)
    return True
