"""Callers over a real database, at a time the test decides."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.database.migrate import migrate
from tests.database.server import running_server
from tests.people.desk import Desk
from tests.people.world import HandClock, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server."""
    yield from running_server()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty, migrated database of each kind in turn."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/gateway.db"
    else:
        url = request.getfixturevalue("postgres_server").new_database()
    migrate(url)
    with asyncio.Runner() as runner:
        made = World(url, HandClock(), runner)
        yield made
        made.close()


@pytest.fixture
def desk(world: World) -> Desk:
    """People over it."""
    return Desk(world)
