"""The power goes while submissions are accepted: whatever was acknowledged is there at the next start."""

from __future__ import annotations

import asyncio
import contextlib
import random
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import apsw
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.pool import StaticPool

from gateway.contract.errors import OwnError
from gateway.database import BatchLimits
from gateway.database.engine import Tuning, _prepare_sqlite
from gateway.database.migrate import migrate
from gateway.database.writer import GroupWriter
from gateway.outbox import accept_rows
from gateway.outbox.accept_rows import Prepared
from gateway.outbox.sealing import Sealer
from tests.outbox.world import KEYRING, START, HandClock, World
from tests.power_cut import driver
from tests.power_cut.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.outbox.outbox import NewSubmission

FILE = "gateway.db"
_names = count()


class Outcome(NamedTuple):
    """What was acknowledged, what is there, and whether the database is whole."""

    acknowledged: set[str]
    there: set[str]
    whole: bool


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A migrated database without a journal."""
    path = tmp_path_factory.mktemp("empty") / FILE
    migrate(f"sqlite:///{path}")
    return path.read_bytes()


def engine_on(disk: Disk, *, durable: bool) -> sa.Engine:
    """The gateway's settings on the simulated disk; its one process needs no shared memory."""
    connection = apsw.Connection(FILE, vfs=disk.name)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    faced = driver.Connection(connection)
    _prepare_sqlite(faced, Path(FILE), Tuning(durable=durable), read_only=False)  # type: ignore[arg-type] # its face
    engine = sa.create_engine("sqlite://", module=driver, creator=lambda: faced, poolclass=StaticPool)
    event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


async def hand_in(engine: sa.Engine, new: list[NewSubmission]) -> set[str]:
    """Hand in all of them at once; ids of those that were acknowledged."""
    sealer, loop = Sealer(KEYRING, lambda: START), asyncio.get_running_loop()
    writer = GroupWriter(engine, BatchLimits(size=8))

    def work(one: NewSubmission) -> Callable[[sa.Connection], object]:
        return partial(
            accept_rows.accept, hand_in=Prepared(one, sealer.marks(one), *sealer.seal(one.id, one.submission), START)
        )

    tickets = [writer.submit(work(one), loop) for one in new]
    outcomes = await asyncio.gather(*(ticket.future for ticket in tickets), return_exceptions=True)
    assert await asyncio.to_thread(writer.close, 10.0)
    refused = [one for one in outcomes if isinstance(one, BaseException)]
    assert all(isinstance(one, OwnError) for one in refused)
    return {one.id for one, outcome in zip(new, outcomes, strict=True) if not isinstance(outcome, BaseException)}


def cut_once(empty: bytes, seed: int, *, durable: bool = True) -> Outcome:
    """Hand in, lose power at some operation, start again."""
    rng, clock = random.Random(seed), HandClock()
    world = World(None, clock, rng=random.Random(seed))  # type: ignore[arg-type] # it only makes submissions
    new = [world.new() for _ in range(60)]
    disk = Disk(f"power-{next(_names)}", {FILE: empty}, lives=rng.randrange(20, 340))
    acknowledged: set[str] = set()
    with contextlib.suppress(driver.Error, apsw.Error):  # the power may go while it is opened
        acknowledged = asyncio.run(hand_in(engine_on(disk, durable=durable), new))
    after = Disk(f"power-{next(_names)}", disk.cut(rng), lives=1_000_000)
    connection = apsw.Connection(FILE, vfs=after.name)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    both = "SELECT id FROM submissions JOIN payloads ON submission = id"
    there = {str(row[0]) for row in connection.execute(both)}
    whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return Outcome(acknowledged, there, whole)


def cut_often(empty: bytes, seeds: range) -> int:
    """Cut again and again, hold each against its promise; how much was acknowledged."""
    acknowledged = 0
    for seed in seeds:
        outcome = cut_once(empty, seed)
        assert outcome.whole
        assert outcome.acknowledged <= outcome.there
        acknowledged += len(outcome.acknowledged)
    return acknowledged


def test_ten_power_cuts_lose_nothing_acknowledged(empty: bytes) -> None:
    """Torn and lost sectors behind the last sync take nothing that was acknowledged."""
    assert cut_often(empty, range(10)) > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_two_hundred_power_cuts_lose_nothing_acknowledged(
    empty: bytes, record_property: Callable[[str, object], None]
) -> None:
    """Two hundred power cuts over torn sectors lose nothing acknowledged."""
    acknowledged = cut_often(empty, range(200))
    record_property("acknowledged in 200 power cuts", acknowledged)
    record_property("lost", 0)


def test_the_disk_takes_what_was_not_synced(empty: bytes) -> None:
    """With the lesser setting, made for what is expendable, acknowledged ones are lost: the disk is a hard one."""
    outcomes = [cut_once(empty, seed, durable=False) for seed in range(6)]
    assert any(not one.acknowledged <= one.there for one in outcomes)
