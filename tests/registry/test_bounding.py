"""Work is bounded in time, and behaves as if it were awaited directly."""

from __future__ import annotations

import asyncio

import pytest

from gateway.registry.bounding import within


async def echo(value: str, steps: int) -> str:
    """Give a value after some turns of the loop."""
    for _ in range(steps):
        await asyncio.sleep(0)
    return value


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_result_comes_through(steps: int) -> None:
    """With and without waiting."""
    assert asyncio.run(within(1.0, echo("x", steps))) == "x"


@pytest.mark.parametrize("steps", [0, 3])
def test_an_error_comes_through(steps: int) -> None:
    """Raised at once or after waiting."""

    async def fail() -> None:
        await echo("", steps)
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(within(1.0, fail()))


def test_what_waits_too_long_is_cancelled_and_may_clean_up() -> None:
    """The coroutine sees the cancellation; the caller a TimeoutError."""
    seen: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned")

    with pytest.raises(TimeoutError):
        asyncio.run(within(0.01, hang()))
    assert seen == ["cleaned"]


def test_an_outer_cancellation_reaches_the_work() -> None:
    """A caller that goes away takes the work with it."""
    seen: list[str] = []

    async def hang(waits: asyncio.Event) -> None:
        waits.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def run() -> None:
        waits = asyncio.Event()
        task = asyncio.create_task(within(60.0, hang(waits)))
        await waits.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert seen == ["cancelled"]


def test_it_may_wait_for_a_future_and_use_timeouts_of_its_own() -> None:
    """Futures resolved later and nested timeouts work as in any task."""

    async def work(future: asyncio.Future[int]) -> int:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            pass
        return await future

    async def run() -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.02, future.set_result, 7)
        return await within(5.0, work(future))

    assert asyncio.run(run()) == 7
