"""Whatever waits together, and however it fails, each piece of work is stored once or not at all."""

from __future__ import annotations

import asyncio
import tempfile
from enum import Enum
from typing import TYPE_CHECKING

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.database import AlreadyThere, BatchLimits, Database, Limits

if TYPE_CHECKING:
    from collections.abc import Callable


class Act(Enum):
    """What a piece of work does."""

    STORE = "store"
    STORE_AND_FAIL = "store and fail"
    STORE_AGAIN = "store again"
    ROLL_BACK = "roll back behind the writer's back"
    LEAVE = "leave while waiting"


class OwnError(Exception):
    """Raised by work itself."""


def work_for(number: int, act: Act) -> Callable[[sa.Connection], int]:
    """Work that inserts its number, and ends as the act says."""

    def work(connection: sa.Connection) -> int:
        insert = sa.text("INSERT INTO numbers VALUES (:number)")
        connection.execute(insert, {"number": number})
        if act is Act.STORE_AND_FAIL:
            raise OwnError
        if act is Act.STORE_AGAIN:
            connection.execute(insert, {"number": number})
        if act is Act.ROLL_BACK:
            connection.exec_driver_sql("ROLLBACK")
        return number

    return work


async def submit_all(database: Database, acts: list[Act]) -> list[object]:
    """Submit everything at once; the results in order."""
    tasks = [asyncio.create_task(database.write(work_for(number, act))) for number, act in enumerate(acts)]
    await asyncio.sleep(0)
    for task, act in zip(tasks, acts, strict=True):
        if act is Act.LEAVE:
            task.cancel()
    return list(await asyncio.gather(*tasks, return_exceptions=True))


@settings(max_examples=25, deadline=None)
@given(
    rounds=st.lists(st.lists(st.sampled_from(Act), max_size=12), max_size=4),
    size=st.integers(1, 8),
    seconds=st.sampled_from([0.0, 1.0]),
)
def test_stored_once_or_not_at_all(rounds: list[list[Act]], size: int, seconds: float) -> None:
    """Exactly the work that was answered with its result is stored; failures get their own error."""

    async def story(url: str) -> None:
        database = Database.open(url, durable=False, limits=Limits(batch=BatchLimits(size=size, seconds=seconds)))
        await database.write(lambda c: c.exec_driver_sql("CREATE TABLE numbers (number INTEGER PRIMARY KEY)"))
        for acts in rounds:
            results = await submit_all(database, acts)
            for number, (act, result) in enumerate(zip(acts, results, strict=True)):
                assert Act.ROLL_BACK in acts or as_expected(number, act, result)
            stored = await database.read(lambda c: c.exec_driver_sql("SELECT number FROM numbers").scalars().all())
            answered = {result for result in results if isinstance(result, int)}
            left = {number for number, act in enumerate(acts) if act is Act.LEAVE}
            assert answered <= set(stored) <= answered | left
            await database.write(lambda c: c.exec_driver_sql("DELETE FROM numbers"))
        await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(story(f"sqlite:///{folder}/numbers.db"))


def as_expected(number: int, act: Act, result: object) -> bool:
    """Whether a result is the act's own, as it must be while nobody breaks the rules."""
    if act is Act.STORE:
        return result == number
    expected = {Act.STORE_AND_FAIL: OwnError, Act.STORE_AGAIN: AlreadyThere, Act.LEAVE: asyncio.CancelledError}
    return isinstance(result, expected[act])
