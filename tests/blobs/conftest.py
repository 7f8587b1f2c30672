"""The four stores every promise is proven on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.database import Database
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.testing.memory_blobs import MemoryBlobs
from gateway.testing.memory_store import MemoryOutbox
from tests.blobs.world import World, stored
from tests.outbox.world import KEYRING, HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.database.server import Migrated


@pytest.fixture(params=["files", "table", pytest.param("postgresql", marks=pytest.mark.postgres), "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> Iterator[World]:
    """An empty store of each kind in turn."""
    clock = HandClock()
    if request.param == "memory":
        blobs = MemoryBlobs(clock)
        yield World(blobs, MemoryOutbox(clock, blobs), clock)
        return
    url = migrated.postgresql() if request.param == "postgresql" else migrated.sqlite(tmp_path)
    yield from opened(url, tmp_path / "blobs" if request.param == "files" else None)


@pytest.fixture
def on_disk(tmp_path: Path, migrated: Migrated) -> Iterator[World]:
    """An empty store in files."""
    yield from opened(migrated.sqlite(tmp_path), tmp_path / "blobs")


def opened(url: str, folder: Path | None) -> Iterator[World]:
    """A store over a new database."""
    clock = HandClock()
    database = Database.open(url, durable=False)
    outbox = DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock)
    yield World(stored(database, folder, clock), outbox, clock, database, folder)
    asyncio.run(database.close())
