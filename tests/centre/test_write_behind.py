"""Writes that nobody waits for: gathered, in batches, never without a pause."""

from __future__ import annotations

import asyncio

from gateway.centre.write_behind import WriteBehind


def test_what_comes_during_a_write_waits_for_the_next() -> None:
    """Under steady load there is one write each pause, not one after another."""
    written: list[dict[int, str]] = []

    async def story() -> None:
        async def write(batch: dict[int, str]) -> None:
            written.append(batch)
            if len(written) < 3:
                behind.put(len(written), "meanwhile")

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", linger=3600.0)
        behind.put(0, "first")
        await behind.flush()
        assert written == [{0: "first"}]
        assert len(behind) == 1
        await behind.close()

    asyncio.run(story())
    assert written == [{0: "first"}, {1: "meanwhile"}, {2: "meanwhile"}]


def test_a_flush_writes_all_that_waits_in_batches() -> None:
    """More than a batch is written in several, in order."""
    written: list[list[int]] = []

    async def story() -> None:
        async def write(batch: dict[int, None]) -> None:
            written.append(list(batch))

        behind: WriteBehind[int, None] = WriteBehind(write, name="test", batch=2, linger=3600.0)
        for key in range(5):
            behind.put(key, None)
        await behind.flush()
        await behind.close()

    asyncio.run(story())
    assert written == [[0, 1], [2, 3], [4]]


def test_what_waits_is_bounded_by_weight() -> None:
    """The oldest values are dropped, so that a stuck disk does not fill the memory; what was written weighs no more."""
    written: list[list[int]] = []

    async def story() -> None:
        async def write(batch: dict[int, str]) -> None:
            written.append(list(batch))

        behind: WriteBehind[int, str] = WriteBehind(write, name="test", linger=3600.0, weigh=len, most_weight=10)
        for key in range(5):
            behind.put(key, "four")
        behind.put(4, "fo")
        behind.withdraw(lambda key: key == 3)
        assert (len(behind), behind.dropped) == (1, 3)
        await behind.flush()
        for key in (7, 8):
            behind.put(key, "five5")
        await behind.close()
        assert behind.dropped == 3

    asyncio.run(story())
    assert written == [[4], [7, 8]]
