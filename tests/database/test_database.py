"""What `Database` promises, proven alike on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from gateway.contract.errors import Conflict, Overloaded
from gateway.database import (
    AlreadyThere,
    BatchLimits,
    ConstraintBroken,
    Database,
    Limits,
    StatementRefused,
    StorageFailed,
    StorageFault,
    insert_into,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

METADATA = sa.MetaData()
MARKS = sa.Table(
    "marks",
    METADATA,
    sa.Column("mark", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, sa.CheckConstraint("value >= 0"), nullable=False),
)


UNHURRIED = Limits(batch=BatchLimits(seconds=60.0))
"""What waits together is committed together, however slow the machine is."""


@asynccontextmanager
async def opened(url: str, limits: Limits = UNHURRIED) -> AsyncIterator[Database]:
    """A database with one table."""
    patient = Database.open(url)
    await patient.write(METADATA.create_all)
    await patient.close()
    database = Database.open(url, limits=limits)
    try:
        await database.read(lambda connection: connection.execute(sa.select(1)).scalar())
        yield database
    finally:
        await database.close()


def put(mark: str, value: int = 0) -> Callable[[sa.Connection], str]:
    """Work that stores a mark and answers with it."""

    def work(connection: sa.Connection) -> str:
        connection.execute(sa.insert(MARKS).values(mark=mark, value=value))
        return mark

    return work


def marks(connection: sa.Connection) -> set[str]:
    """All marks stored."""
    return set(connection.execute(sa.select(MARKS.c.mark)).scalars())


class Gate:
    """Work that holds the writer until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.free = threading.Event()

    def __call__(self, _connection: sa.Connection) -> None:
        """Hold."""
        self.entered.set()
        self.free.wait(30)

    async def close(self, database: Database) -> asyncio.Task[None]:
        """Hold the writer from now on; the task ends after `free` is set."""
        holding = asyncio.create_task(database.write(self))
        await asyncio.to_thread(self.entered.wait, 30)
        return holding


async def begun(*works: asyncio.Task[str]) -> None:
    """Let tasks run up to their first wait."""
    assert not any(work.done() for work in works)
    await asyncio.sleep(0)


def test_what_was_written_can_be_read(url: str) -> None:
    """A write answers with its work's result, and a later read, also by another handle, sees it."""

    async def story() -> None:
        async with opened(url) as database:
            assert await database.write(put("a")) == "a"
            assert await database.read(marks) == {"a"}
            async with opened(url) as other:
                assert await other.read(marks) == {"a"}

    asyncio.run(story())


def test_waiting_writers_share_one_commit(url: str) -> None:
    """All work that waits while a transaction runs is committed by the next one together."""

    async def story() -> None:
        async with opened(url) as database:
            commits: list[object] = []
            event.listen(database._engine, "commit", commits.append)
            gate = Gate()
            holding = await gate.close(database)
            works = [asyncio.create_task(database.write(put(str(number)))) for number in range(50)]
            await begun(*works)
            gate.free.set()
            await asyncio.gather(holding, *works)
            assert len(commits) == 2
            assert await database.read(marks) == {str(number) for number in range(50)}

    asyncio.run(story())


def test_a_failing_work_fails_alone(url: str) -> None:
    """In a batch each failing work gets its own error, and the others are committed exactly once."""

    def refuse(connection: sa.Connection) -> str:
        put("half-done")(connection)
        raise Conflict("own refusal")

    async def story() -> None:
        async with opened(url) as database:
            await database.write(put("old"))
            for round_number in range(2):
                gate = Gate()
                holding = await gate.close(database)
                works = [put(f"{round_number}a"), put("old"), refuse, put(f"{round_number}b"), put("bad", -1)]
                tasks = [asyncio.create_task(database.write(work)) for work in works]
                await begun(*tasks)
                gate.free.set()
                await holding
                kinds = [type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)]
                assert kinds == [str, AlreadyThere, Conflict, str, ConstraintBroken]
            assert await database.read(marks) == {"old", "0a", "0b", "1a", "1b"}

    asyncio.run(story())


def test_shared_work_is_done_at_once_and_fails_alone(url: str) -> None:
    """Things of one kind that wait side by side are worked on together; one that cannot be takes no other with it."""
    rounds: list[list[str]] = []

    def put_all(connection: sa.Connection, given: Sequence[str]) -> list[str]:
        rounds.append(list(given))
        return [put(mark)(connection) for mark in given]

    async def share(database: Database, *given: str) -> list[object]:
        gate = Gate()
        holding = await gate.close(database)
        works = [database.write_shared(put_all, mark) for mark in given]
        works.insert(2, database.write(put(f"beside {given[0]}")))
        tasks = [asyncio.create_task(work) for work in works]
        await begun(*tasks)
        gate.free.set()
        await holding
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    async def story() -> None:
        async with opened(url) as database:
            assert await share(database, "a", "b", "c", "d", "e") == ["a", "b", "beside a", "c", "d", "e"]
            assert rounds == [["a", "b"], ["c", "d", "e"]]
            kinds = [type(result) for result in await share(database, "f", "g", "a", "h")]
            assert kinds == [str, str, str, AlreadyThere, str]
            assert await database.read(marks) == {*"abcdefgh", "beside a", "beside f"}

    asyncio.run(story())


def test_a_lone_failing_work_runs_once(url: str) -> None:
    """Work that fails by itself is not begun again."""
    runs: list[int] = []

    def refuse(_connection: sa.Connection) -> None:
        runs.append(1)
        raise Conflict

    async def story() -> None:
        async with opened(url) as database:
            with pytest.raises(Conflict):
                await database.write(refuse)

    asyncio.run(story())
    assert len(runs) == 1


def test_who_left_while_waiting_leaves_no_trace(url: str) -> None:
    """Work of a caller who was cancelled before it began is never run."""

    async def story() -> None:
        async with opened(url) as database:
            gate = Gate()
            holding = await gate.close(database)
            leaver = asyncio.create_task(database.write(put("left")))
            stayer = asyncio.create_task(database.write(put("stayed")))
            await begun(leaver, stayer)
            leaver.cancel()
            await asyncio.gather(leaver, return_exceptions=True)
            gate.free.set()
            await asyncio.gather(holding, stayer)
            assert await database.read(marks) == {"stayed"}

    asyncio.run(story())


def test_a_full_queue_refuses_at_once(url: str) -> None:
    """One write more than may wait is refused with `Overloaded`, and those that wait are served."""

    async def story() -> None:
        async with opened(url, Limits(batch=BatchLimits(waiting=2))) as database:
            gate = Gate()
            holding = await gate.close(database)
            works = [asyncio.create_task(database.write(put(mark))) for mark in "ab"]
            await begun(*works)
            with pytest.raises(Overloaded):
                await database.write(put("c"))
            gate.free.set()
            await asyncio.gather(holding, *works)
            assert await database.read(marks) == {"a", "b"}

    asyncio.run(story())


def test_a_transaction_that_took_its_time_commits_what_it_has(url: str) -> None:
    """Work for which a transaction has no time left is done by the next one, in order."""

    async def story() -> None:
        async with opened(url, Limits(batch=BatchLimits(seconds=0.0))) as database:
            commits: list[object] = []
            event.listen(database._engine, "commit", commits.append)
            gate = Gate()
            holding = await gate.close(database)
            order: list[str] = []
            works = [asyncio.create_task(database.write(put(mark))) for mark in "abc"]
            for work in works:
                work.add_done_callback(lambda done: order.append(done.result()))
            await begun(*works)
            gate.free.set()
            await asyncio.gather(holding, *works)
            assert order == ["a", "b", "c"]
            assert len(commits) == 4

    asyncio.run(story())


def test_an_impatient_caller_learns_whether_it_is_sure(url: str) -> None:
    """A write that takes too long says `executed: unknown` if it was begun, and `no` if it still waited."""

    async def story() -> None:
        async with opened(url, Limits(patience=1.0)) as database:
            gate = Gate()
            running = await gate.close(database)
            waiting = asyncio.create_task(database.write(put("late")))
            results = await asyncio.gather(running, waiting, return_exceptions=True)
            gate.free.set()
            assert [(type(each), getattr(each, "executed", None)) for each in results] == [
                (StorageFailed, "unknown"),
                (StorageFailed, "no"),
            ]
            assert await database.read(marks) == set()

    asyncio.run(story())


def test_an_impatient_reader_is_told(url: str) -> None:
    """A read that takes too long fails as too slow."""

    async def story() -> None:
        async with opened(url, Limits(patience=1.0)) as database:
            free = threading.Event()
            with pytest.raises(StorageFailed) as caught:
                await database.read(lambda _: free.wait(30))
            free.set()
            assert caught.value.fault is StorageFault.TOO_SLOW

    asyncio.run(story())


def test_a_timeout_of_the_work_itself_passes(url: str) -> None:
    """`TimeoutError` raised by work is not taken for the storage's slowness."""

    def slow(_connection: sa.Connection) -> None:
        raise TimeoutError("own")

    async def story() -> None:
        async with opened(url) as database:
            with pytest.raises(TimeoutError, match="own"):
                await database.write(slow)
            with pytest.raises(TimeoutError, match="own"):
                await database.read(slow)

    asyncio.run(story())


def test_reads_are_bounded(url: str) -> None:
    """More reads than threads and places are refused with `Overloaded`."""

    async def story() -> None:
        async with opened(url, Limits(readers=1, waiting_reads=1)) as database:
            free = threading.Event()
            reads = [asyncio.create_task(database.read(lambda _: free.wait(30))) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await database.read(marks)
            free.set()
            await asyncio.gather(*reads)
            assert await database.read(marks) == set()

    asyncio.run(story())


def test_a_read_cannot_write(url: str) -> None:
    """A write on a reader's connection is refused by the database."""

    async def story() -> None:
        async with opened(url) as database:
            with pytest.raises(StorageFailed) as caught:
                await database.read(put("x"))
            assert caught.value.fault is StorageFault.READ_ONLY
            assert await database.read(marks) == set()

    asyncio.run(story())


def test_closing_commits_what_waits_and_refuses_the_rest(url: str) -> None:
    """After `close` everything accepted is committed, further use fails as closed, and closing twice is harmless."""

    async def story() -> None:
        async with opened(url) as database:
            works = [asyncio.create_task(database.write(put(str(number)))) for number in range(20)]
            await begun(*works)
            await database.close()
            assert len(await asyncio.gather(*works)) == 20
            for use in (database.write, database.read):
                with pytest.raises(StorageFailed) as caught:
                    await use(marks)
                assert caught.value.fault is StorageFault.CLOSED
            await database.close()
        async with opened(url) as again:
            assert len(await again.read(marks)) == 20

    asyncio.run(story())


def test_closing_does_not_wait_for_ever(url: str) -> None:
    """What is stuck in the database does not keep the process from ending, and lets go of its connection later."""

    async def story() -> None:
        async with opened(url, Limits(closing=0.05, patience=1.0)) as database:
            gate, free = Gate(), threading.Event()
            holding = await gate.close(database)
            reading = asyncio.create_task(database.read(lambda _: free.wait(30)))
            stuck = await asyncio.gather(holding, reading, return_exceptions=True)
            await database.close()
            assert [type(each) for each in stuck] == [StorageFailed] * 2
            gate.free.set()
            free.set()
            thread = database._writer._thread
            assert thread is not None
            await asyncio.to_thread(thread.join, 30)
            await asyncio.to_thread(database._readers._threads.shutdown)

    asyncio.run(story())


def test_an_integrity_rule_checked_at_the_commit_fails_the_batch(url: str) -> None:
    """A rule deferred to the commit fails all of its batch as a broken rule, and nothing is stored."""
    deferred = (
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, whole INTEGER REFERENCES parts (id) DEFERRABLE INITIALLY DEFERRED)"
    )

    async def story() -> None:
        async with opened(url) as database:
            await database.write(lambda connection: connection.exec_driver_sql(deferred))
            with pytest.raises(ConstraintBroken):
                await database.write(lambda connection: connection.exec_driver_sql("INSERT INTO parts VALUES (1, 2)"))
            assert await database.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM parts").scalar_one()) == 0

    asyncio.run(story())


def test_a_closed_event_loop_does_not_stop_the_writer(url: str) -> None:
    """Work of a loop that is gone is done, and the writer serves the next loop."""
    database = Database.open(url)
    gate = Gate()

    async def leave() -> None:
        await database.write(METADATA.create_all)
        loop = asyncio.get_running_loop()
        database._writer.submit(gate, loop)
        await asyncio.to_thread(gate.entered.wait, 30)
        database._writer.submit(put("orphan"), loop)

    async def look() -> set[str]:
        await database.write(put("next"))
        found = await database.read(marks)
        await database.close()
        return found

    asyncio.run(leave())
    gate.free.set()
    assert asyncio.run(look()) == {"orphan", "next"}


def test_errors_name_the_schema_and_never_a_value(url: str) -> None:
    """Refusals of the database carry neither values nor the driver's error."""
    secret = "marked-secret-value"

    async def refusal(database: Database, work: Callable[[sa.Connection], object]) -> Exception:
        with pytest.raises(Exception, match=r".") as caught:
            await database.write(work)
        assert caught.value.__context__ is None
        assert secret not in str(caught.value)
        return caught.value

    async def story() -> None:
        async with opened(url) as database:
            await database.write(put(secret))
            assert isinstance(await refusal(database, put(secret)), AlreadyThere)
            assert isinstance(await refusal(database, put(secret + "2", -1)), ConstraintBroken)
            missing_value = sa.insert(MARKS).values(mark=secret + "3", value=None)
            assert isinstance(await refusal(database, lambda c: c.execute(missing_value)), ConstraintBroken)
            wrong = sa.text("SELECT nothing FROM marks WHERE mark = :mark")
            refused = await refusal(database, lambda c: c.execute(wrong, {"mark": secret}))
            assert isinstance(refused, StatementRefused)
            assert "nothing" in str(refused)

    asyncio.run(story())


def test_a_database_without_its_tables_says_so(url: str) -> None:
    """A missing table is the storage's fault, not the statement's."""

    async def story() -> None:
        database = Database.open(url)
        with pytest.raises(StorageFailed) as caught:
            await database.read(marks)
        assert caught.value.fault is StorageFault.NOT_MIGRATED
        await database.close()

    asyncio.run(story())


def test_it_is_writable(url: str) -> None:
    """The probe commits something, and a recent commit spares it."""

    async def story() -> None:
        database = Database.open(url)
        commits: list[object] = []
        event.listen(database._engine, "commit", commits.append)
        assert await database.writable()
        assert await database.writable()
        assert len(commits) == 1
        await database.close()
        database._writer.last_commit = float("-inf")
        assert not await database.writable()

    asyncio.run(story())


def test_a_held_writer_is_not_writable_within_its_time(url: str) -> None:
    """The probe is bounded in time even if the writer never comes back."""

    async def story() -> None:
        async with opened(url) as database:
            gate = Gate()
            holding = await gate.close(database)
            database._writer.last_commit = float("-inf")
            assert not await database.writable(within=0.05)
            gate.free.set()
            await holding

    asyncio.run(story())


def test_commands_use_it_without_a_loop(url: str) -> None:
    """`write_sync` and `read_sync` do the same in the caller's thread, with the same errors."""
    database = Database.open(url)
    database.write_sync(METADATA.create_all)
    assert database.write_sync(put("a")) == "a"
    assert database.read_sync(marks) == {"a"}
    with pytest.raises(AlreadyThere):
        database.write_sync(put("a"))
    with pytest.raises(StatementRefused):
        database.read_sync(lambda connection: connection.exec_driver_sql("SELEC 1"))
    database.close_sync()


def test_work_that_ends_the_transaction_deceives_nobody(url: str) -> None:
    """If work commits or rolls back by itself nobody of its batch is told that theirs was stored."""

    async def story() -> None:
        async with opened(url) as database:
            for end in (
                lambda connection: connection.rollback(),
                lambda connection: connection.commit(),
                lambda connection: connection.exec_driver_sql("ROLLBACK"),
            ):
                gate = Gate()
                holding = await gate.close(database)
                works = [put("innocent"), end, put("later")]
                tasks = [asyncio.create_task(database.write(work)) for work in works]
                await begun(*tasks)
                gate.free.set()
                await holding
                results = await asyncio.gather(*tasks, return_exceptions=True)
                assert [getattr(each, "executed", None) for each in results] == ["unknown"] * 3
                await database.write(lambda connection: connection.execute(sa.delete(MARKS)))

    asyncio.run(story())


def test_work_that_swallows_its_error_takes_nobody_with_it(url: str) -> None:
    """Work that goes on after a failed statement cannot make the others' commit a silent rollback."""

    def swallow(connection: sa.Connection) -> str:
        with contextlib.suppress(sa.exc.IntegrityError):
            put("old")(connection)
        return "swallowed"

    async def story() -> None:
        async with opened(url) as database:
            await database.write(put("old"))
            for name in "ab":
                gate = Gate()
                holding = await gate.close(database)
                tasks = [asyncio.create_task(database.write(work)) for work in (put(name), swallow, put(name * 2))]
                await begun(*tasks)
                gate.free.set()
                await holding
                first, swallowed, last = await asyncio.gather(*tasks, return_exceptions=True)
                assert (first, last) == (name, name * 2)
                assert swallowed == "swallowed" or isinstance(swallowed, StatementRefused)
            assert await database.read(marks) == {"old", "a", "aa", "b", "bb"}

    asyncio.run(story())


def test_conflicts_can_be_met_in_the_statement(url: str) -> None:
    """`insert_into` gives an upsert for either database."""

    def upsert(connection: sa.Connection) -> int:
        statement = insert_into(connection, MARKS).values(mark="a", value=7)
        statement = statement.on_conflict_do_update(index_elements=["mark"], set_={"value": MARKS.c.value + 1})
        return int(connection.execute(statement.returning(MARKS.c.value)).scalar_one())

    async def story() -> None:
        async with opened(url) as database:
            assert [await database.write(upsert) for _ in range(3)] == [7, 8, 9]

    asyncio.run(story())


def test_reads_that_wait_at_the_close_are_told_so(sqlite_url: str) -> None:
    """Their tasks were not cancelled, so they do not look cancelled; one that was stays cancelled."""

    async def story() -> None:
        database = Database.open(sqlite_url, limits=Limits(readers=1))
        held, let = threading.Event(), threading.Event()

        def hold(_connection: sa.Connection) -> None:
            held.set()
            let.wait(5)

        running = asyncio.ensure_future(database.read(hold))
        await asyncio.to_thread(held.wait, 5)
        waiting = asyncio.ensure_future(database.read(hold))
        leaving = asyncio.ensure_future(database.read(hold))
        await asyncio.sleep(0)
        leaving.cancel()
        closing = asyncio.ensure_future(database.close())
        with pytest.raises(StorageFailed) as caught:
            await waiting
        assert caught.value.fault is StorageFault.CLOSED
        with pytest.raises(asyncio.CancelledError):
            await leaving
        let.set()
        await asyncio.gather(running, closing)

    asyncio.run(story())
