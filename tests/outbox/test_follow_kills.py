"""A follower killed between an event and its cursor loses none and doubles none."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.outbox import Ending
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import LEASES, NEWS
from tests.outbox.world import KEYRING, LEASE, HandClock, World, always

if TYPE_CHECKING:
    from pathlib import Path


def opened(url: str) -> World:
    """The outbox of a database."""
    clock, database = HandClock(), Database.open(url)
    return World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)


async def _deliver(url: str, count: int) -> list[str]:
    world = opened(url)
    ids = [(await world.outbox.accept(world.new())).receipt.id for _ in range(count)]
    for claimed in await world.outbox.claim(count, LEASE, always):
        await world.outbox.finish(claimed, Ending(State.DELIVERED))
    assert world.database is not None
    await world.database.close()
    return ids


async def _over(url: str) -> None:
    """Time passes: the lease of whoever was killed is over."""
    database = Database.open(url)
    await database.write(lambda connection: connection.execute(sa.update(LEASES).values(until=1.0)).rowcount)
    await database.close()


async def _check(url: str, ids: list[str]) -> None:
    world = opened(url)
    for id_ in ids:
        moves = [str(move.after) for move in await world.outbox.moves(id_)]
        assert moves == ["queued", "sending", "delivered", "issued"]
    assert world.database is not None
    told = await world.database.read(lambda connection: connection.execute(sa.select(NEWS.c.seq)).scalars().all())
    assert sorted(told) == list(range(1, len(told) + 1))
    await world.database.close()


def follow_and_kill(url: str, folder: Path, count: int, kills: int, seed: int) -> None:
    """Kill the follower after some of its lines, again and again; the last one reads to the end."""
    rng = random.Random(seed)
    ids = asyncio.run(_deliver(url, count))
    file = folder / "ids"
    file.write_text(" ".join(ids), encoding="ascii")
    seen: set[int] = set()
    for life in range(kills + 1):
        dies_after = rng.randrange(1, max(2, 3 * count // (kills + 1))) if life < kills else None
        command = [sys.executable, "-m", "tests.outbox.follower", url, str(file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            places = []
            for number, line in enumerate(victim.stdout, 1):
                word, *rest = line.split()
                places += [int(rest[0])] if word == "seen" else []
                if number == dies_after:
                    victim.kill()
        assert places == sorted(places)
        assert not places or not seen or places[0] <= max(seen) + 1
        seen.update(places)
        asyncio.run(_over(url))
    assert seen == set(range(1, 2 * count + 1))
    asyncio.run(_check(url, ids))


def test_killed_between_event_and_cursor_each_decision_counts_once(tmp_path: Path) -> None:
    """A kill in the middle: every submission is issued by one move, every event was told at least once, in order."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    migrate(url)
    follow_and_kill(url, tmp_path, count=12, kills=1, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_killed_a_hundred_times_while_following(url: str, tmp_path: Path) -> None:
    """A hundred kills while the centre is followed: each decision is taken in once."""
    follow_and_kill(url, tmp_path, count=400, kills=100, seed=6)
