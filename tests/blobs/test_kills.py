"""Uploads cut anywhere by SIGKILL: what was told is there, and every file ends whole, byte for byte."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.blobs.blobs import Moved
from gateway.database import Database
from tests.blobs.victim import SIZES, content_of
from tests.blobs.world import CALLER, file_of, name_of, stored
from tests.outbox.world import HandClock

if TYPE_CHECKING:
    from tests.blobs.world import World
    from tests.database.server import Migrated

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["files", pytest.param("table", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> tuple[str, str]:
    """URL and folder of a store of each kind that is in use."""
    if request.param == "files":
        return migrated.sqlite(tmp_path), str(tmp_path / "blobs")
    return migrated.postgresql(), "-"


def run_and_kill(stores: tuple[str, str], kills: int, seed: int) -> dict[int, int]:
    """Upload, killed after some told offsets, the last time to the end; the furthest offset told of each."""
    rng = random.Random(seed)
    told: dict[int, int] = dict.fromkeys(range(len(SIZES)), 0)
    for life in range(kills + 1):
        command = [sys.executable, "-m", "tests.blobs.victim", *stores, str(seed + life)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as victim:
            assert victim.stdout is not None
            lines = rng.randint(1, 40) if life < kills else 1_000_000
            for line in victim.stdout:
                if line == "done\n":
                    break
                place, offset = line.split()
                told[int(place)] = SIZES[int(place)] if offset == "whole" else max(told[int(place)], int(offset))
                lines -= 1
                if not lines:
                    victim.kill()
                    break
        if life < kills:
            asyncio.run(check(stores, told))
    return told


async def check(stores: tuple[str, str], told: dict[int, int]) -> None:
    """What was told is durable."""
    url, folder = stores
    database = Database.open(url)
    blobs = stored(database, None if folder == "-" else Path(folder), HandClock())
    for place, offset in told.items():
        blob = await blobs.find(CALLER, name_of(content_of(place)))
        assert (0 if blob is None else blob.offset) >= offset, place
        if blob is not None and blob.offset:
            assert await blobs.read(blob, 0, blob.offset) == content_of(place)[: blob.offset], place
    await database.close()


@pytest.mark.parametrize("stores", ["files"], indirect=True)
def test_killed_at_any_moment_no_told_byte_is_lost(stores: tuple[str, str]) -> None:
    """Two senders of each file, killed while they send: each byte told of is there, each file ends whole."""
    told = run_and_kill(stores, kills=1, seed=3)
    asyncio.run(check(stores, dict(enumerate(SIZES))))
    assert told == dict(enumerate(SIZES))


@pytest.mark.soak
def test_killed_a_hundred_times(stores: tuple[str, str]) -> None:
    """Files survive a hundred kills while they are written."""
    for seed in range(20):
        run_and_kill(stores, kills=5, seed=100 * seed)


def test_any_cuts_and_rivals_end_in_the_same_file(world: World) -> None:
    """Pieces of any size from any of three senders, some giving up half-way: the file is whole and itself."""

    async def sender(rng: random.Random, content: bytes) -> None:
        name = name_of(content)
        for _ in range(200):
            store = rng.choice((world.blobs, world.another()))
            blob = await store.begin(CALLER, name, len(content), 1 << 30)
            if blob.complete:
                return
            try:
                if blob.offset == len(content):
                    await store.finish(blob, name)
                    continue
                adding = asyncio.ensure_future(
                    store.add(blob, content[blob.offset :][: rng.randint(9, 15_000)], "application/pdf")
                )
                if rng.random() < 0.2:
                    await asyncio.sleep(0)
                    adding.cancel()
                await adding
            except (Moved, asyncio.CancelledError):
                continue

    async def story() -> None:
        for seed in range(2):
            rng = random.Random(seed)
            content = file_of(rng.randint(9, 60_000), seed)
            await asyncio.gather(*(sender(random.Random(f"{seed}{each}"), content) for each in range(3)))
            await sender(random.Random(f"{seed} last"), content)  # a piece of one who gave up may still be on its way
            assert await world.content(name_of(content)) == content

    asyncio.run(story())
