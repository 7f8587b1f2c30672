"""The PostgreSQL server at which instances of the tests of this room meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.database.server import Migrated


@pytest.fixture
def shared(migrated: Migrated) -> Iterator[Database]:
    """An empty, migrated PostgreSQL database."""
    database = Database.open(migrated.postgresql(), durable=False)
    yield database
    database.close_sync()
