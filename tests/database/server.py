"""The databases of a test session: a PostgreSQL server, and migrated databases that are copies of one.

Where no PostgreSQL is installed its tests are left out, which CI does not allow.
"""

from __future__ import annotations

import os
import shutil
from functools import cached_property
from typing import TYPE_CHECKING

import pytest

from gateway.database.migrate import migrate
from gateway.testing.postgres import PostgresMissing, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def running_server() -> Iterator[PostgresServer]:
    """Start a server for as long as the generator is held."""
    try:
        server = PostgresServer()
    except PostgresMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"PostgreSQL is needed in CI: {missing}")
        pytest.skip(str(missing))
    with server:
        yield server


class Migrated:
    """Makes migrated databases: the first of a kind is migrated, the others are copies of it.

    Args:
        folder: Where the first one of SQLite is kept.
        server: Gives the server of those of PostgreSQL.
    """

    def __init__(self, folder: Path, server: Callable[[], PostgresServer]) -> None:
        self._folder = folder
        self._server = server

    def sqlite(self, folder: Path) -> str:
        """URL of a new `gateway.db` in a folder."""
        file = folder / "gateway.db"
        shutil.copy(self._first_sqlite, file)
        return f"sqlite:///{file}"

    def postgresql(self) -> str:
        """URL of a new one of the server."""
        return self._server().new_database(like=self._first_postgresql)

    @cached_property
    def _first_sqlite(self) -> Path:
        file = self._folder / "first.db"
        migrate(f"sqlite:///{file}")
        return file

    @cached_property
    def _first_postgresql(self) -> str:
        url = self._server().new_database()
        migrate(url)
        return url
