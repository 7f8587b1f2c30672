"""What can go wrong with the gateway's own storage; no driver error leaves this room.

```
contract.StorageUnavailable
└── StorageFailed(fault)       the storage cannot serve now; `fault` says why, for operators
DatabaseError                  the statement, not the storage
├── AlreadyThere               a row with this key is there already
├── ConstraintBroken           another integrity rule was broken
└── StatementRefused           the database does not understand or accept the statement
```

The texts of drivers may quote values, so translated errors carry neither the driver's error nor its parameters.
"""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import exc

from gateway.contract.errors import StorageUnavailable

if TYPE_CHECKING:
    from gateway.contract.errors import Executed


class StorageFault(StrEnum):
    """Why the storage cannot serve."""

    LOCKED = "locked"
    READ_ONLY = "read_only"
    DISK_FULL = "disk_full"
    GONE = "gone"
    INPUT_OUTPUT = "input_output"
    CORRUPT = "corrupt"
    EXHAUSTED = "exhausted"
    NOT_MIGRATED = "not_migrated"
    TOO_SLOW = "too_slow"
    CLOSED = "closed"


class StorageFailed(StorageUnavailable):
    """The storage cannot serve now.

    Attributes:
        fault: Why, for logs and `doctor`; callers see only the public text.
    """

    def __init__(self, fault: StorageFault, *, executed: Executed = "no") -> None:
        detail = StorageUnavailable.text()
        if executed != "no":
            detail = "The gateway's own storage failed while writing; whether it was accepted is not known."
        super().__init__(detail, retry_after=1.0, executed=executed)
        self.fault = fault


class DatabaseError(Exception):
    """The database refused one piece of work; the text names parts of the schema, never values."""


class AlreadyThere(DatabaseError):
    """A row with this key is there already."""


class ConstraintBroken(DatabaseError):
    """An integrity rule of the database would be broken."""


class StatementRefused(DatabaseError):
    """The database does not understand or accept this statement."""


class BadDatabaseUrl(ValueError):
    """The database URL is none the gateway can use; the text says what was expected."""


_SQLITE_FAULTS = {
    sqlite3.SQLITE_BUSY: StorageFault.LOCKED,
    sqlite3.SQLITE_LOCKED: StorageFault.LOCKED,
    sqlite3.SQLITE_READONLY: StorageFault.READ_ONLY,
    sqlite3.SQLITE_PERM: StorageFault.READ_ONLY,
    sqlite3.SQLITE_FULL: StorageFault.DISK_FULL,
    sqlite3.SQLITE_CANTOPEN: StorageFault.GONE,
    sqlite3.SQLITE_IOERR: StorageFault.INPUT_OUTPUT,
    sqlite3.SQLITE_CORRUPT: StorageFault.CORRUPT,
    sqlite3.SQLITE_NOTADB: StorageFault.CORRUPT,
    sqlite3.SQLITE_NOMEM: StorageFault.EXHAUSTED,
    sqlite3.SQLITE_INTERRUPT: StorageFault.TOO_SLOW,
}
_SQLITE_DOUBLES = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID}
)
_POSTGRES_FAULTS = {
    "08": StorageFault.GONE,
    "28": StorageFault.GONE,
    "3D": StorageFault.GONE,
    "57P": StorageFault.GONE,
    "25006": StorageFault.READ_ONLY,
    "53100": StorageFault.DISK_FULL,
    "53": StorageFault.EXHAUSTED,
    "40": StorageFault.LOCKED,
    "55P03": StorageFault.LOCKED,
    "57014": StorageFault.TOO_SLOW,
    "58": StorageFault.INPUT_OUTPUT,
    "XX001": StorageFault.CORRUPT,
    "XX002": StorageFault.CORRUPT,
    "42P01": StorageFault.NOT_MIGRATED,
}
_UNIQUE_VIOLATION = "23505"


def translate(error: Exception) -> Exception:
    """What callers see instead of a driver's error; errors that are no driver's are returned as they are."""
    if isinstance(error, exc.TimeoutError):
        return StorageFailed(StorageFault.EXHAUSTED)
    if not isinstance(error, exc.DBAPIError):
        return error
    fault = fault_of(error)
    if fault is not None:
        return StorageFailed(fault)
    if _is_double(error):
        return AlreadyThere(_rule(error))
    if isinstance(error, exc.IntegrityError):
        return ConstraintBroken(_rule(error))
    return StatementRefused(f"{_reason(error)} in: {error.statement}")


def fault_of(error: Exception) -> StorageFault | None:
    """Why the storage cannot serve, or None if the error is not the storage's."""
    if isinstance(error, StorageFailed):
        return error.fault
    if not isinstance(error, exc.DBAPIError):
        return None
    if error.connection_invalidated:
        return StorageFault.GONE
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return _sqlite_fault(code, str(error.orig))
    return _postgres_fault(error)


def is_passing(error: Exception) -> bool:
    """Whether the same work may well pass if it is begun anew at once: a lost connection or a deadlock."""
    if not isinstance(error, exc.DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return fault_of(error) is StorageFault.GONE or state.startswith("40")


def _sqlite_fault(code: int, text: str) -> StorageFault | None:
    if code == sqlite3.SQLITE_ERROR and text.startswith("no such table"):
        return StorageFault.NOT_MIGRATED
    return _SQLITE_FAULTS.get(code & 0xFF)


def _postgres_fault(error: exc.DBAPIError) -> StorageFault | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return StorageFault.GONE if isinstance(error, exc.OperationalError) else None
    found = (_POSTGRES_FAULTS.get(state[:length]) for length in (5, 3, 2))
    return next((fault for fault in found if fault is not None), None)


def _is_double(error: exc.DBAPIError) -> bool:
    if getattr(error.orig, "sqlite_errorcode", None) in _SQLITE_DOUBLES:
        return True
    return getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION


def _rule(error: exc.DBAPIError) -> str:
    """Which rule of the schema: SQLite's own text, or PostgreSQL's name of the constraint or column."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is None:
        return str(error.orig)
    return str(diagnosis.constraint_name or f"{diagnosis.table_name}.{diagnosis.column_name}")


def _reason(error: exc.DBAPIError) -> str:
    """The driver's word for it without values: SQLite quotes none, PostgreSQL only names in class 42."""
    if hasattr(error.orig, "sqlite_errorcode"):
        return str(error.orig)
    state = getattr(error.orig, "sqlstate", None) or type(error.orig).__name__
    diagnosis = getattr(error.orig, "diag", None)
    words = getattr(diagnosis, "message_primary", None) if state.startswith("42") else None
    return f"{state}: {words}" if words else state
