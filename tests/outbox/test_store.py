"""What only a database shows: nothing personal in its files, other keys, other processes, lost hints."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.contract.errors import Conflict
from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox import subject_rows
from gateway.outbox.outbox import Ending
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import PAYLOADS, READY, RUNNING, SUBMISSIONS
from gateway.vault.keys import Keyring
from gateway.wiring.clock import SystemClock
from tests.outbox.world import KEYRING, LEASE, NIK, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer


@pytest.fixture
def stored(url: str) -> Iterator[World]:
    """An outbox in each database."""
    database, clock = Database.open(url), HandClock()
    yield World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
    asyncio.run(database.close())


def written(world: World, statement: sa.Executable) -> None:
    """Change the database behind the outbox's back."""
    assert world.database is not None

    def change(connection: sa.Connection) -> None:
        connection.execute(statement)

    world.database.write_sync(change)


def _everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def test_nothing_personal_stands_in_the_files(tmp_path: Path) -> None:
    """Names, NIK, KK, keys and origins of callers are in no file of the database, nor as plain hashes' input."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    migrate(url)
    database, clock = Database.open(url), HandClock()
    world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)

    async def story() -> None:
        new = world.new(key=f"key-{NIK}", origin=f"origin-{NIK}", subject=77)
        await world.outbox.accept(new)
        found = _everything_in(tmp_path)
        assert new.id.encode() in found
        for secret in (NIK, "SITI AMINAH", new.submission.subject.number):
            assert secret.encode() not in found
        await database.close()

    asyncio.run(story())


def test_other_keys_open_nothing(stored: World) -> None:
    """With another master the content is not there, and a claim says so instead of failing."""

    async def story() -> None:
        new = stored.new()
        await stored.outbox.accept(new)
        assert stored.database is not None
        other = Keyring(masters={1: b"x" * 32}, index=KEYRING.index, pepper=KEYRING.pepper)
        blind = DatabaseOutbox(stored.database, Sealer(other, stored.clock.now), stored.clock)
        assert await blind.read(new.id) is None
        (one,) = await blind.claim(1, LEASE, always)
        assert one.submission is None

    asyncio.run(story())


def test_shredded_content_of_a_claim_is_none(stored: World) -> None:
    """What is gone from the table is gone for the claim too."""

    async def story() -> None:
        await stored.outbox.accept(stored.new())
        written(stored, sa.delete(PAYLOADS))
        (one,) = await stored.outbox.claim(1, LEASE, always)
        assert one.submission is None

    asyncio.run(story())


def test_a_key_without_its_submission_is_a_conflict(stored: World) -> None:
    """A key that outlived its submission never stands for a new one."""

    async def story() -> None:
        await stored.outbox.accept(stored.new(key="k", form={}, subject=1))
        written(stored, sa.delete(SUBMISSIONS))
        with pytest.raises(Conflict):
            await stored.outbox.accept(stored.new(key="k", form={}, subject=1))

    asyncio.run(story())


def test_what_stands_in_ready_wrongly_is_not_claimed(stored: World) -> None:
    """A row that should not be claimable is dropped by the claim that meets it, and the others go."""

    async def story() -> None:
        wrong, right = stored.new(filed=1.0), stored.new(filed=2.0)
        await stored.outbox.accept(wrong)
        await stored.outbox.accept(right)
        written(stored, sa.update(SUBMISSIONS).where(SUBMISSIONS.c.id == wrong.id).values(state="delivered", rank=None))
        assert [one.facts.id for one in await stored.outbox.claim(5, LEASE, always)] == [right.id]
        written(stored, sa.update(SUBMISSIONS).where(SUBMISSIONS.c.id == right.id).values(state="queued"))
        assert await stored.outbox.claim(5, LEASE, always) == []

    asyncio.run(story())


def test_a_ready_row_alone_that_is_wrong_gives_no_claim(stored: World) -> None:
    """Nothing to mark is no claim."""

    async def story() -> None:
        new = stored.new()
        await stored.outbox.accept(new)
        written(stored, sa.update(SUBMISSIONS).values(claimed=True))
        assert await stored.outbox.claim(5, LEASE, always) == []

    asyncio.run(story())


def test_another_process_finds_what_this_one_took_in(stored: World) -> None:
    """The ring of each process is renewed within a second, and when it is empty at once."""

    async def story() -> None:
        other = stored.another()
        assert await other.claim(1, LEASE, always) == []
        new = stored.new()
        await stored.outbox.accept(new)
        (one,) = await other.claim(1, LEASE, always)
        assert one.facts.id == new.id
        assert await stored.outbox.claim(1, LEASE, always) == []  # its own ring still held it
        assert await other.finish(one, Ending(State.DELIVERED, centre_receipt="SK"))

    asyncio.run(story())


def test_two_processes_that_meet_on_a_subject_forget_nothing(url: str) -> None:
    """While two processes take in and end submissions about three subjects, none is left waiting for ever."""
    clock = SystemClock()

    async def hand_in(outbox: DatabaseOutbox, world: World, count: int) -> None:
        for number in range(count):
            await outbox.accept(world.new(subject=number % 3, caller=f"desk-{id(outbox)}"))

    async def drain(outbox: DatabaseOutbox, total: int, ended: list[str]) -> None:
        while len(ended) < total:
            for one in await outbox.claim(4, LEASE, always):
                await outbox.finish(one, Ending(State.DELIVERED, centre_receipt="SK"))
                ended.append(one.facts.id)

    async def story() -> None:
        databases = [Database.open(url, durable=False) for _ in range(2)]
        outboxes = [DatabaseOutbox(one, Sealer(KEYRING, clock.now), clock) for one in databases]
        world, ended, each = World(outboxes[0], HandClock()), list[str](), 30
        async with asyncio.timeout(30.0):
            await asyncio.gather(
                *(hand_in(outbox, world, each) for outbox in outboxes),
                *(drain(outbox, 2 * each, ended) for outbox in outboxes),
            )
        assert len(set(ended)) == len(ended) == 2 * each
        for database in databases:
            await database.close()

    asyncio.run(story())


def test_one_of_a_subject_is_under_way_by_the_schema(stored: World) -> None:
    """Even a faulty program cannot have two claims about one subject."""

    async def story() -> None:
        await stored.outbox.accept(stored.new(subject=1))
        await stored.outbox.accept(stored.new(subject=1))
        await stored.outbox.claim(5, LEASE, always)
        assert stored.database is not None
        rows = stored.database.read_sync(lambda c: c.execute(sa.select(RUNNING.c.subject)).scalars().all())
        assert len(rows) == 1
        doubled = sa.insert(RUNNING).values(submission="x", token=1, subject=rows[0], lease_until=0.0)
        with pytest.raises(Exception, match="running"):
            written(stored, doubled)

    asyncio.run(story())


@pytest.mark.postgres
def test_a_subject_that_is_being_changed_is_left_for_later(postgres_server: PostgresServer) -> None:
    """While another transaction holds a subject's lock, a claim passes it by without waiting, and finds it later."""
    url = postgres_server.new_database()
    migrate(url)

    async def story() -> None:
        database, other, clock = Database.open(url), Database.open(url), HandClock()
        world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
        new = world.new()
        await world.outbox.accept(new)
        subject = database.read_sync(lambda c: c.execute(sa.select(READY.c.subject)).scalar_one())
        inside, leave = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def hold(connection: sa.Connection) -> None:
            subject_rows.lock(connection, subject)
            loop.call_soon_threadsafe(inside.set)
            asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(10.0)

        holding = asyncio.create_task(other.write(hold))
        await inside.wait()
        assert await world.outbox.claim(1, LEASE, always) == []
        leave.set()
        await holding
        assert [one.facts.id for one in await world.outbox.claim(1, LEASE, always)] == [new.id]
        await database.close()
        await other.close()

    asyncio.run(story())
