"""The PostgreSQL server at which instances of the tests of this room meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.database import Database
from gateway.database.migrate import migrate
from tests.database.server import running_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.testing.postgres import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server."""
    yield from running_server()


@pytest.fixture
def shared(postgres_server: PostgresServer) -> Iterator[Database]:
    """An empty, migrated PostgreSQL database."""
    url = postgres_server.new_database()
    migrate(url)
    database = Database.open(url, durable=False)
    yield database
    database.close_sync()
