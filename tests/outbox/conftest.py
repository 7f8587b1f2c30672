"""The three outboxes every promise is proven on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.testing.memory_store import MemoryOutbox
from tests.database.server import running_server
from tests.outbox.world import KEYRING, HandClock, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server."""
    yield from running_server()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database of each kind in turn."""
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path}/gateway.db"
    else:
        found = request.getfixturevalue("postgres_server").new_database()
    migrate(found)
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres), "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty outbox of each kind in turn."""
    clock = HandClock()
    if request.param == "memory":
        yield World(MemoryOutbox(clock), clock)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/gateway.db"
    else:
        url = request.getfixturevalue("postgres_server").new_database()
    migrate(url)
    database = Database.open(url, durable=False)
    yield World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
    asyncio.run(database.close())
