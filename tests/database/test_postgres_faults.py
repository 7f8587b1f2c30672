"""What the gateway makes of a PostgreSQL server that restarts, hangs, refuses or is away."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from gateway.database import (
    AlreadyThere,
    BadDatabaseUrl,
    ConstraintBroken,
    Database,
    Limits,
    StatementRefused,
    StorageFailed,
    StorageFault,
    Tuning,
)
from gateway.database.engine import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.testing.postgres import PostgresServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """A server that may be stopped; it runs again afterwards."""
    yield postgres_server
    postgres_server.stop()
    postgres_server.start()


def make_table(connection: sa.Connection) -> None:
    """A table for numbers."""
    connection.exec_driver_sql("CREATE TABLE things (thing INTEGER PRIMARY KEY)")


def put(number: int) -> Callable[[sa.Connection], None]:
    """Work that stores a number."""

    def work(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO things VALUES (:thing)"), {"thing": number})

    return work


def things(connection: sa.Connection) -> list[int]:
    """The numbers stored, in order."""
    return list(connection.exec_driver_sql("SELECT thing FROM things ORDER BY thing").scalars())


def test_a_restart_between_writes_goes_unnoticed(server: PostgresServer) -> None:
    """After the server was restarted the next write and read pass, with nobody doing anything."""

    async def story() -> None:
        database = Database.open(server.new_database())
        await database.write(make_table)
        assert await database.read(things) == []
        await asyncio.to_thread(server.restart)
        await database.write(put(1))
        assert await database.read(things) == [1]
        await database.close()

    asyncio.run(story())


def test_a_restart_within_a_transaction_repeats_it_once(server: PostgresServer) -> None:
    """Work whose connection is cut before the commit is begun anew and committed exactly once."""
    entered, back, runs = threading.Event(), threading.Event(), []

    def interrupted(connection: sa.Connection) -> None:
        runs.append(1)
        put(1)(connection)
        entered.set()
        back.wait(30)
        put(2)(connection)

    async def story() -> None:
        database = Database.open(server.new_database())
        await database.write(make_table)
        writing = asyncio.gather(database.write(interrupted), database.write(put(3)))
        await asyncio.to_thread(entered.wait, 30)
        await asyncio.to_thread(server.restart)
        back.set()
        await writing
        assert await database.read(things) == [1, 2, 3]
        assert len(runs) == 2
        await database.close()

    asyncio.run(story())


def test_a_restart_within_a_read_repeats_it_once(server: PostgresServer) -> None:
    """A read whose connection is cut is begun anew."""
    entered, back = threading.Event(), threading.Event()

    def interrupted(connection: sa.Connection) -> int:
        connection.exec_driver_sql("SELECT 1")
        entered.set()
        back.wait(30)
        return int(connection.exec_driver_sql("SELECT 2").scalar_one())

    async def story() -> None:
        database = Database.open(server.new_database())
        reading = asyncio.create_task(database.read(interrupted))
        await asyncio.to_thread(entered.wait, 30)
        await asyncio.to_thread(server.restart)
        back.set()
        assert await reading == 2
        await database.close()

    asyncio.run(story())


def test_a_commit_cut_off_is_never_repeated(server: PostgresServer) -> None:
    """When the line is cut at the commit the callers learn that the outcome is unknown; nothing is done twice."""

    async def story() -> None:
        database = Database.open(server.new_database())
        await database.write(make_table)
        event.listen(database._engine, "commit", lambda _: server.restart(), once=True)
        results = await asyncio.gather(*(database.write(put(n)) for n in range(3)), return_exceptions=True)
        assert [getattr(each, "executed", None) for each in results] == ["unknown"] * 3
        assert await database.read(things) == []
        await database.close()

    asyncio.run(story())


def test_a_server_that_is_away_refuses_and_recovers(server: PostgresServer) -> None:
    """While the server is stopped all use fails as gone; when it is back everything works again."""

    async def story() -> None:
        database = Database.open(server.new_database())
        await database.write(make_table)
        database._writer.last_commit = float("-inf")
        await asyncio.to_thread(server.stop)
        for use in (database.write, database.read):
            with pytest.raises(StorageFailed) as caught:
                await use(things)
            assert caught.value.fault is StorageFault.GONE
            assert caught.value.executed == "no"
        assert not await database.writable()
        await asyncio.to_thread(server.start)
        assert await database.writable()
        await database.write(put(1))
        await database.close()

    asyncio.run(story())


def test_a_role_that_may_not_probe_is_not_writable(postgres_server: PostgresServer) -> None:
    """Readiness is told *no* instead of an error of the database."""
    url = postgres_server.new_database()
    probe = "FUNCTION pg_logical_emit_message(boolean, text, text)"

    async def story() -> None:
        owner = Database.open(url)
        await owner.write(lambda connection: connection.exec_driver_sql("CREATE ROLE desk LOGIN"))
        await owner.write(lambda connection: connection.exec_driver_sql(f"REVOKE EXECUTE ON {probe} FROM PUBLIC"))
        await owner.close()
        desk = Database.open(parse_url(url).set(username="desk").render_as_string(hide_password=False))
        assert not await desk.writable()
        await desk.close()

    asyncio.run(story())


def test_a_server_that_is_away_at_the_start_stops_nothing(server: PostgresServer) -> None:
    """A database can be opened while its server is stopped, and serves as soon as that is there."""
    url = server.new_database()
    server.stop()

    async def story() -> None:
        database = Database.open(url)
        assert not await database.writable()
        await asyncio.to_thread(server.start)
        await database.write(make_table)
        await database.close()

    asyncio.run(story())


def test_a_server_that_hangs_is_given_up_in_time(server: PostgresServer) -> None:
    """A server that accepts and never answers costs a caller no more than the patience set."""

    async def story() -> None:
        database = Database.open(server.new_database(), limits=Limits(patience=0.3))
        await database.write(make_table)
        await database.read(things)
        await asyncio.to_thread(server.freeze)
        try:
            for use in (database.write, database.read):
                with pytest.raises(StorageFailed) as caught:
                    await use(things)
                assert caught.value.fault is StorageFault.TOO_SLOW
        finally:
            await asyncio.to_thread(server.thaw)
        await database.close()

    asyncio.run(story())


def test_a_row_locked_elsewhere_is_not_waited_for_for_ever(postgres_url: str) -> None:
    """A statement that meets another one's lock fails as locked after the busy time."""

    async def story() -> None:
        database = Database.open(postgres_url, tuning=Tuning(busy_seconds=0.05))
        await database.write(make_table)
        with sa.create_engine(parse_url(postgres_url)).connect() as other:
            other.exec_driver_sql("LOCK TABLE things")
            with pytest.raises(StorageFailed) as caught:
                await database.write(put(1))
            assert caught.value.fault is StorageFault.LOCKED
            other.rollback()
            other.detach()
        await database.write(put(1))
        await database.close()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("08006", StorageFault.GONE),
        ("25006", StorageFault.READ_ONLY),
        ("40P01", StorageFault.LOCKED),
        ("53100", StorageFault.DISK_FULL),
        ("53300", StorageFault.EXHAUSTED),
        ("55P03", StorageFault.LOCKED),
        ("57014", StorageFault.TOO_SLOW),
        ("57P01", StorageFault.GONE),
        ("58030", StorageFault.INPUT_OUTPUT),
        ("XX001", StorageFault.CORRUPT),
        ("42P01", StorageFault.NOT_MIGRATED),
        ("23505", AlreadyThere),
        ("23514", ConstraintBroken),
        ("22003", StatementRefused),
        ("42703", StatementRefused),
        ("P0001", StatementRefused),
    ],
)
def test_every_state_of_the_server_is_told_apart(
    postgres_url: str, state: str, expected: StorageFault | type[Exception]
) -> None:
    """Each SQLSTATE becomes the storage's fault or the statement's."""
    statement = f"DO $$ BEGIN RAISE EXCEPTION 'marked-value' USING ERRCODE = '{state}'; END $$"

    async def story() -> None:
        database = Database.open(postgres_url)
        with pytest.raises((StorageFailed, AlreadyThere, ConstraintBroken, StatementRefused)) as caught:
            await database.write(lambda connection: connection.exec_driver_sql(statement))
        found = caught.value.fault if isinstance(caught.value, StorageFailed) else type(caught.value)
        assert found is expected
        await database.close()

    asyncio.run(story())


@pytest.mark.parametrize(("durable", "setting"), [(True, "on"), (False, "off")])
def test_an_expendable_database_does_not_wait_for_the_disk(postgres_url: str, setting: str, *, durable: bool) -> None:
    """Durable databases keep the server's `synchronous_commit`, expendable ones switch it off."""
    database = Database.open(postgres_url, durable=durable)
    assert database.write_sync(lambda c: c.exec_driver_sql("SHOW synchronous_commit").scalar_one()) == setting
    database.close_sync()


def test_all_spellings_of_the_url_are_one() -> None:
    """`postgres://`, `postgresql://` and `postgresql+psycopg://` name the same driver."""
    urls = {str(parse_url(f"{scheme}://u@h/n")) for scheme in ("postgres", "postgresql", "postgresql+psycopg")}
    assert urls == {"postgresql+psycopg://u@h/n"}
    with pytest.raises(BadDatabaseUrl):
        parse_url("postgresql+asyncpg://u@h/n")
