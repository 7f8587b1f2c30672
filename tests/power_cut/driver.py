"""APSW with the face of the standard library's `sqlite3`, as far as SQLAlchemy and the gateway look at it."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import apsw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

paramstyle = "qmark"
sqlite_version_info = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
sqlite_version = apsw.sqlite_lib_version()
Error = sqlite3.Error
DatabaseError, IntegrityError, OperationalError = (
    sqlite3.DatabaseError,
    sqlite3.IntegrityError,
    sqlite3.OperationalError,
)
InterfaceError, InternalError, NotSupportedError = (
    sqlite3.InterfaceError,
    sqlite3.InternalError,
    sqlite3.NotSupportedError,
)
DataError, ProgrammingError, Warning = sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.Warning  # noqa: A001 # theirs
Binary = bytes


@contextmanager
def translated() -> Iterator[None]:
    """Raise the standard library's errors, with SQLite's code."""
    try:
        yield
    except apsw.Error as error:
        kind = sqlite3.IntegrityError if isinstance(error, apsw.ConstraintError) else sqlite3.OperationalError
        told = kind(str(error))
        told.sqlite_errorcode = getattr(error, "extendedresult", apsw.SQLITE_IOERR)
        raise told from None


class Cursor:
    """A cursor that fetches everything at once."""

    arraysize = 1
    lastrowid: int | None = None

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        with translated():
            before = self._connection.total_changes()
            cursor = self._connection.cursor()
            cursor.exec_trace = self._describe
            self._rows = cursor.execute(statement, tuple(values)).fetchall()
            self.rowcount = self._connection.total_changes() - before
        return self

    def _describe(self, cursor: apsw.Cursor, _statement: str, _values: object) -> bool:
        """Note the columns; afterwards, without rows, nobody tells."""
        self.description = tuple((one[0], *[None] * 6) for one in cursor.get_description()) or None
        return True

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> Cursor:
        """Run it for each row."""
        count = 0
        for values in rows:
            count += self.execute(statement, values).rowcount
        self.rowcount = count
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        """Some rows."""
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All that are left."""
        return self.fetchmany(len(self._rows))

    def close(self) -> None:
        """Nothing is held."""


class Connection:
    """A connection in autocommit mode."""

    isolation_level: str | None = None

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    @property
    def in_transaction(self) -> bool:
        """Whether one is open."""
        return bool(self._connection.in_transaction)

    def cursor(self) -> Cursor:
        """A new cursor."""
        return Cursor(self._connection)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        """Run one statement."""
        return self.cursor().execute(statement, values)

    def commit(self) -> None:
        """Commit, if there is a transaction."""
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        """Roll back, if there is a transaction."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def create_function(self, *_described: object, **_more: object) -> None:
        """None is needed."""

    def close(self) -> None:
        """Close; without power nothing more is written."""
        with translated():
            self._connection.close(force=True)
