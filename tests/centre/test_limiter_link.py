"""The limiter as a link: what it hands its gate, who gets a place that is given back, what a refusal says."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from gateway.centre.limiter import Limiter
from gateway.centre.link import Trip, travel
from gateway.centre.shares import Leased
from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnreachable,
    Overloaded,
    QuotaExhausted,
)
from gateway.contract.messages import CentreService, Priority
from gateway.settings.centre import LimiterSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, reply, virtually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.contract.errors import GatewayError
    from gateway.contract.messages import Call, Reply

SETTINGS = LimiterSettings()


def link(act: Callable[[Call], Awaitable[Reply]], value: float = 1.0, **knobs: int) -> tuple[Limiter, Leased]:
    """A limiter that lives on a fixed limit, which notes what it is told."""
    clock = LoopClock()
    limiter = Limiter(FarEnd(clock, act), LimiterSettings(**knobs), clock=clock, random=Random(1))
    limit = Leased(value=value)
    limiter.live_on(limit)
    return limiter, limit


def test_what_hangs_aside_holds_no_place() -> None:
    """Events that hang leave a limit of one to the questions; one too many is refused, and the limit hears nothing."""

    async def scenario() -> None:
        limiter, limit = link(answering, value=1.0)
        going, released = asyncio.Event(), asyncio.Event()

        async def hang() -> str:
            going.set()
            await released.wait()
            return "page"

        def page() -> asyncio.Task[str]:
            trip = Trip("dinas", "gateway", "", Priority.ONLINE, 1e9, "r")
            return asyncio.create_task(limiter.admit(travel(trip, CentreService.EVENTS), hang))

        first, second = page(), page()
        await going.wait()
        await asyncio.sleep(60.0)
        assert limiter.figures(CentreService.EVENTS)[:2] == (0, 2)
        with pytest.raises(Overloaded):
            await page()
        await limiter.ask(a_call(deadline=1_000.0))
        assert limit.seen.count == 1
        second.cancel()
        await asyncio.wait({second})
        third = page()
        released.set()
        assert (await first, await third) == ("page", "page")
        assert limiter.figures(CentreService.EVENTS)[1] == 0
        assert limit.seen.count == 1

    virtually(scenario())


async def answering(_call: Call) -> Reply:
    """Answer after four tenths of a second."""
    await asyncio.sleep(0.4)
    return reply()


def test_the_gate_learns_what_a_call_took() -> None:
    """The latency of every answer reaches the gate and the figures; afterwards nobody is under way."""

    async def scenario() -> None:
        limiter, limit = link(answering, value=4.0)
        for _ in range(3):
            await limiter.ask(a_call(deadline=100.0))
        assert (limit.seen.count, limit.seen.unanswered) == (3, 0)
        assert limit.seen.seconds == pytest.approx(1.2)
        waiting, in_flight, p90, wait = limiter.figures(CentreService.BIODATA)
        assert (waiting, in_flight, wait) == (0, 0, 0.0)
        assert p90 == pytest.approx(0.4, rel=0.1)

    virtually(scenario())


@pytest.mark.parametrize(
    ("error", "seconds", "count", "unanswered"),
    [
        (CentreTimeout(), 2.0, 1, 1),
        (CentreTimeout(), 1.9, 0, 0),
        (CentreMisanswered(), 0.3, 1, 0),
        (QuotaExhausted(), 0.3, 1, 0),
        (CentreUnreachable(), 0.3, 0, 0),
    ],
)
def test_a_failed_call_tells_what_it_can(error: GatewayError, seconds: float, count: int, unanswered: int) -> None:
    """What the centre answered counts whatever it said, silence once the objective has passed, a missing way never."""

    async def failing(_call: Call) -> Reply:
        await asyncio.sleep(seconds)
        raise error

    async def scenario() -> None:
        limiter, limit = link(failing)
        await asyncio.sleep(7.0)
        with pytest.raises(type(error)):
            await limiter.ask(a_call(deadline=100.0))
        assert (limit.seen.count, limit.seen.unanswered) == (count, unanswered)
        assert limit.seen.seconds == pytest.approx(seconds * count)

    virtually(scenario())


@pytest.mark.parametrize("before", [True, False])
def test_a_place_whose_holder_has_just_left_goes_to_the_next(before: bool) -> None:  # noqa: FBT001 - a table's column
    """A caller cancelled in the very turn in which it gets its place, before or after, passes it on at once."""

    async def scenario() -> None:
        gone = asyncio.Event()

        async def act(_call: Call) -> Reply:
            await asyncio.sleep(0.4)
            if before and not gone.is_set():
                gone.set()
                leaving.cancel()
            return reply()

        limiter, limit = link(act)

        async def first() -> None:
            await limiter.ask(a_call(deadline=5.0))
            if not before:
                leaving.cancel()

        asking = asyncio.create_task(first())
        await asyncio.sleep(0.0)
        leaving = asyncio.create_task(limiter.ask(a_call(deadline=5.0)))
        await asyncio.sleep(0.01)
        staying = asyncio.create_task(limiter.ask(a_call(deadline=5.0)))
        await asyncio.gather(asking, staying)
        assert asyncio.get_running_loop().time() == pytest.approx(0.8, abs=0.02)
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert limit.seen.count == 2
        assert (limiter._gate.in_flight, limiter._gate.waiting) == (0, 0)

    virtually(scenario())


def test_each_who_waited_long_enough_is_told_without_any_call_ending() -> None:
    """While one call holds the only place, those behind it are refused one after the other as their time comes."""

    async def hanging(_call: Call) -> Reply:
        await asyncio.sleep(50.0)
        return reply()

    async def scenario() -> list[float]:
        limiter, _ = link(hanging)
        loop = asyncio.get_running_loop()
        told: list[float] = []

        async def wait(deadline: float) -> None:
            with pytest.raises(Overloaded):
                await limiter.ask(a_call(deadline=deadline))
            told.append(loop.time())

        holder = asyncio.create_task(limiter.ask(a_call(deadline=60.0)))
        await asyncio.sleep(0.0)
        await asyncio.gather(wait(2.0), wait(4.0), wait(6.0))
        holder.cancel()
        return told

    assert virtually(scenario()) == pytest.approx([0.6, 1.2, 1.8], abs=0.06)


def test_a_refusal_says_when_to_come_back_and_the_log_says_why() -> None:
    """Nothing was executed, the wait is about a second, and one line names service, request, reason and figures."""

    async def scenario() -> None:
        limiter, limit = link(answering, waiting=0)
        limit.value = 1.23456
        asking = asyncio.create_task(limiter.ask(a_call(deadline=5.0)))
        await asyncio.sleep(0.0)
        assert limiter.figures(CentreService.BIODATA)[:2] == (0, 1)
        assert limiter.figures(CentreService.BIODATA)[3] == limiter._gate.estimate(0.0, Priority.COUNTER)
        with capture_logs() as logs, pytest.raises(Overloaded) as refused:
            await limiter.ask(a_call(deadline=5.0))
        assert refused.value.executed == "no"
        assert 0.75 <= (refused.value.retry_after or 0.0) <= 1.5
        assert logs == [
            {
                "event": "centre.limiter.refused",
                "log_level": "info",
                "service": CentreService.BIODATA,
                "request_id": "r-1",
                "reason": "full",
                "waiting": 0,
                "limit": 1.23,
                "skipped": 0,
            }
        ]
        await asking

    virtually(scenario())


def test_closing_refuses_those_who_wait_and_leaves_no_timer() -> None:
    """Who waits is sent away for a second; the call under way ends by itself."""

    async def scenario() -> None:
        limiter, _ = link(answering)
        asking = asyncio.create_task(limiter.ask(a_call(deadline=5.0)))
        await asyncio.sleep(0.0)
        waiting = asyncio.create_task(limiter.ask(a_call(deadline=5.0)))
        await asyncio.sleep(0.01)
        assert limiter.figures(CentreService.BIODATA)[0] == 1
        assert limiter.figures(CentreService.BIODATA)[3] == limiter._gate.estimate(0.01, Priority.COUNTER)
        with capture_logs() as logs:
            await limiter.close()
            with pytest.raises(Overloaded) as refused:
                await waiting
        assert (refused.value.executed, refused.value.retry_after) == ("no", 1.0)
        assert [line["reason"] for line in logs] == ["closing"]
        timer = limiter._timer
        assert timer is not None
        assert timer.cancelled()
        await asking

    virtually(scenario())
