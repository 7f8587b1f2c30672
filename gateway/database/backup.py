"""Files of a SQLite database as a whole: taken while it is written, and looked at before they are trusted."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

from gateway.database.errors import StorageFailed, StorageFault
from gateway.database.second_copy.base import write_snapshot
from gateway.durable import sync_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def take(database: Path, target: Path, tell: Callable[[int, int], None] = lambda _left, _whole: None) -> None:
    """Copy a database that may be in use into one new file without a journal, mode 600, synced.

    Args:
        database: The file.
        target: The new file.
        tell: Told pages left and pages in all.

    Raises:
        StorageFailed: It cannot be read, or not written there.
    """
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=5.0, isolation_level=None)) as source:
            source.execute("BEGIN").close()
            source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            write_snapshot(source, target, tell)
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode=DELETE").close()
    except (sqlite3.Error, OSError) as error:
        full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        raise StorageFailed(StorageFault.DISK_FULL if full else StorageFault.INPUT_OUTPUT) from error
    sync_file(target)


def is_sound(database: Path) -> bool:
    """Whether a file is a whole SQLite database; its rows are not opened."""
    try:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


def rows_in(database: Path, table: str) -> int:
    """How many rows a table has; -1 where there is none."""
    try:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 # our own names
    except sqlite3.Error:
        return -1
