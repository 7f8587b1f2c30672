"""Which errors are the storage's, which the statement's, and which nobody's here."""

from __future__ import annotations

import sqlite3

from sqlalchemy import exc

from gateway.contract.errors import Conflict, StorageUnavailable
from gateway.database.errors import StorageFailed, StorageFault, fault_of, is_passing, translate


def wrapped(code: int, kind: type[exc.DBAPIError] = exc.OperationalError) -> exc.DBAPIError:
    """An error as SQLAlchemy hands it on, with SQLite's code."""
    original = sqlite3.OperationalError("some text")
    original.sqlite_errorcode = code
    return kind("SELECT 1", None, original)


def test_errors_of_others_pass_unchanged() -> None:
    """What is no driver's error is returned as it is, and is nobody's fault here."""
    own = Conflict()
    assert translate(own) is own
    assert fault_of(own) is None
    assert not is_passing(own)


def test_a_pool_without_connections_is_exhausted() -> None:
    """SQLAlchemy's own timeout, for want of a connection, is the storage's fault."""
    error = translate(exc.TimeoutError())
    assert isinstance(error, StorageFailed)
    assert error.fault is StorageFault.EXHAUSTED


def test_a_failure_keeps_its_fault() -> None:
    """A failure that was translated before tells the same fault."""
    assert fault_of(StorageFailed(StorageFault.DISK_FULL)) is StorageFault.DISK_FULL


def test_extended_codes_of_sqlite_count_as_their_family() -> None:
    """SQLite refines its codes; each is told by its lowest byte."""
    assert fault_of(wrapped(sqlite3.SQLITE_IOERR_WRITE)) is StorageFault.INPUT_OUTPUT
    assert fault_of(wrapped(sqlite3.SQLITE_BUSY_SNAPSHOT)) is StorageFault.LOCKED
    assert fault_of(wrapped(sqlite3.SQLITE_ERROR)) is None


def test_a_lost_connection_is_gone_whatever_the_driver_says() -> None:
    """Once SQLAlchemy gave the connection up the storage is gone, and beginning anew is worth a try."""
    error = exc.InterfaceError("SELECT 1", None, Exception("closed"), connection_invalidated=True)
    assert fault_of(error) is StorageFault.GONE
    assert is_passing(error)


def test_public_texts_say_what_is_known() -> None:
    """A failure that wrote nothing says so; one that may have written does not claim it."""
    assert StorageFailed(StorageFault.GONE).detail == StorageUnavailable.text()
    unsure = StorageFailed(StorageFault.GONE, executed="unknown")
    assert unsure.executed == "unknown"
    assert "not known" in unsure.detail
