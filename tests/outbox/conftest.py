"""The three outboxes every promise is proven on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.database import Database
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import KEYRING, HandClock, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.database.server import Migrated


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> str:
    """A migrated database of each kind in turn."""
    return migrated.sqlite(tmp_path) if request.param == "sqlite" else migrated.postgresql()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path, migrated: Migrated) -> Iterator[World]:
    """An empty outbox of each kind in turn."""
    clock = HandClock()
    if request.param == "memory":
        yield World(MemoryOutbox(clock), clock)
        return
    url = migrated.sqlite(tmp_path) if request.param == "sqlite" else migrated.postgresql()
    database = Database.open(url, durable=False)
    yield World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
    asyncio.run(database.close())
