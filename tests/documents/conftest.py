"""The stores every promise is proven on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.database.migrate import migrate
from tests.database.server import running_server
from tests.documents.world import emptied, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.testing.postgres import PostgresServer
    from tests.documents.world import World


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server."""
    yield from running_server()


@pytest.fixture(scope="session")
def migrated(postgres_server: PostgresServer) -> str:
    """A database of that server with the tables in it, emptied before each test, for migrating takes its time."""
    url = postgres_server.new_database()
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty store of each kind in turn."""
    url, folder = f"sqlite:///{tmp_path}/gateway.db", tmp_path / "blobs"
    if request.param == "postgresql":
        url = request.getfixturevalue("migrated")
        emptied(url)
    yield from opened(url, folder if request.param == "sqlite" else None)
