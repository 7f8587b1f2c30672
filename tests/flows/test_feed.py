"""Streams of a caller's own moves: resumed without a gap, bounded, ended by the drain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.contract.errors import Overloaded, StorageUnavailable, TooManyRequests
from gateway.contract.submissions import SubmissionState as State
from gateway.flows.feed import LONGEST, OF_ONE_CALLER, Feed, Gap, Silence
from gateway.outbox.notice_rows import Notice, Place
from gateway.outbox.outbox import Ending
from gateway.testing.memory_following import MemoryNotifying
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import LEASE, START, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLER = "desk000001"


class Stage:
    """A feed over a memory."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.outbox = MemoryOutbox(self.clock)
        self.world = World(self.outbox, self.clock)
        self.notifying = MemoryNotifying(self.outbox, self.clock)
        self.feed = Feed(self.notifying, self.clock, keep=1_000.0)

    async def move(self, caller: str = CALLER) -> str:
        """A submission that reaches the centre."""
        id_ = (await self.outbox.accept(self.world.new(caller=caller))).receipt.id
        (claimed,) = await self.outbox.claim(1, LEASE, always)
        await self.outbox.finish(claimed, Ending(State.DELIVERED))
        return id_


async def take(stream: AsyncIterator[Notice | Gap | Silence], count: int) -> list[str]:
    """The submissions of the next events."""
    found: list[str] = []
    async with asyncio.timeout(10.0):
        while len(found) < count:
            one = await anext(stream)
            assert isinstance(one, Notice)
            found.append(one.submission)
    return found


def test_one_without_an_id_sees_what_is_new_and_of_its_caller() -> None:
    """Nothing of the past, nothing of others, whoever made the move."""

    async def main() -> None:
        stage = Stage()
        await stage.move()
        stream = stage.feed.follow(CALLER, None, 0.0)
        waiting = asyncio.ensure_future(take(stream, 2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await stage.move("other")
        first, second = await stage.move(), await stage.move()
        assert await waiting == [first, second]
        stage.feed.end()

    asyncio.run(main())


def test_one_with_an_id_goes_on_behind_it() -> None:
    """Between two streams nothing is lost and nothing comes twice."""

    async def main() -> None:
        stage = Stage()
        ids = [await stage.move() for _ in range(150)]
        notices = await stage.notifying.feed(CALLER, Place(0, 0), 200)
        stream = stage.feed.follow(CALLER, notices[9].place, START)
        assert await take(stream, 140) == ids[10:]
        stage.feed.end()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("place", "seen_at"),
    [
        (Place(0, 99), START),
        (Place(0, 1), START - 2_000.0),
        (Place(0, 1), START - 60.0),
        (Place(0, 2), START),
        (Place(0, 0), START),
    ],
)
def test_a_place_that_is_not_kept_is_told_as_a_gap(place: Place, seen_at: float) -> None:
    """Too old, another move's or caller's since a database was put back, or none: the caller looks at its list."""

    async def main() -> None:
        stage = Stage()
        await stage.move()
        await stage.move("other")
        stream = stage.feed.follow(CALLER, place, seen_at)
        assert await anext(stream) == Gap(await stage.notifying.last())
        stage.feed.end()

    asyncio.run(main())


def test_streams_are_bounded_and_given_back() -> None:
    """One caller has a few; one that left makes room."""

    async def main() -> None:
        stage = Stage()
        await stage.move()
        await stage.move()
        (seen,) = await stage.notifying.feed(CALLER, Place(0, 0), 1)
        streams = [stage.feed.follow(CALLER, seen.place, START) for _ in range(OF_ONE_CALLER)]
        for stream in streams:
            await take(stream, 1)
        with pytest.raises(TooManyRequests):
            stage.feed.admit(CALLER)
        stage.feed.admit("other")
        await streams[0].aclose()
        stage.feed.admit(CALLER)
        for stream in streams[1:]:
            await stream.aclose()
        assert stage.feed._looking is None

    asyncio.run(main())


def test_a_drain_ends_all_streams() -> None:
    """Those that wait end at once, and no new one begins."""

    async def main() -> None:
        stage = Stage()
        stream = stage.feed.follow(CALLER, None, 0.0)
        waiting = asyncio.ensure_future(anext(stream, None))
        await asyncio.sleep(0)
        stage.feed.end()
        async with asyncio.timeout(5.0):
            assert await waiting is None
        with pytest.raises(Overloaded):
            stage.feed.admit(CALLER)

    asyncio.run(main())


def test_silence_is_broken_by_a_sign_of_life() -> None:
    """After a while without news there is one, so that proxies and callers know it lives."""

    async def main() -> None:
        stage = Stage()
        feed = Feed(stage.notifying, stage.clock, keep=1_000.0, heartbeat=0.01)
        assert isinstance(await anext(feed.follow(CALLER, None, 0.0)), Silence)
        feed.end()

    asyncio.run(main())


class Flaky(MemoryNotifying):
    """A storage whose first looks fail."""

    fails = 2

    async def callers(self, after: Place) -> tuple[Place, frozenset[str]]:
        """Fail, then look."""
        if self.fails:
            self.fails -= 1
            raise StorageUnavailable
        return await super().callers(after)


def test_a_storage_that_fails_for_a_while_ends_no_stream() -> None:
    """The next look finds what is new."""

    async def main() -> None:
        stage = Stage()
        stage.feed = Feed(Flaky(stage.outbox, stage.clock), stage.clock, keep=1_000.0, look_every=0.005)
        waiting = asyncio.ensure_future(take(stage.feed.follow(CALLER, None, 0.0), 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        moved = await stage.move()
        assert await waiting == [moved]
        stage.feed.end()

    asyncio.run(main())


def test_a_stream_ends_after_its_time() -> None:
    """So that a key that was revoked meanwhile reads nothing more; what was not seen is there for the next stream."""

    async def main() -> None:
        stage = Stage()
        first = await stage.move()
        place = (await stage.notifying.feed(CALLER, Place(0, 0), 1))[0].place
        stream = stage.feed.follow(CALLER, place, START)
        waiting = asyncio.ensure_future(anext(stream, None))
        for _ in range(5):
            await asyncio.sleep(0)
        stage.clock.at += LONGEST
        second = await stage.move()
        stage.feed.moved(CALLER)
        assert await waiting is None
        assert first != second
        assert await take(stage.feed.follow(CALLER, place, START), 1) == [second]

    asyncio.run(main())
