"""SQLAlchemy engines for the two databases the gateway speaks, with the settings its promises rest on.

| | SQLite | PostgreSQL |
| --- | --- | --- |
| durable | WAL, `synchronous=FULL` | the server's `synchronous_commit` |
| expendable | WAL, `synchronous=NORMAL` | `synchronous_commit=off` |
| a write begins with | `BEGIN IMMEDIATE` | `BEGIN` |
| a read cannot write | `query_only` | `default_transaction_read_only` |
| after the server was away | — | a ping before use, a new connection |
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.database.errors import BadDatabaseUrl, StorageFailed, StorageFault
from gateway.durable import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL

_log = structlog.get_logger()

Kind = Literal["sqlite", "postgresql"]
_JOURNAL_LIMIT = 64 * 1024 * 1024
_CHECKPOINT_PAGES = 4_000
"""Pages of journal, 16 MiB, after which they are brought into the file: each time costs two more syncs."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """How patient the engines are.

    Attributes:
        durable: Whether a committed write must survive a power cut.
        busy_seconds: How long a SQLite writer waits for another process's lock, and a PostgreSQL statement for a row's.
        statement_seconds: After which PostgreSQL ends a statement.
        connect_seconds: After which connecting to PostgreSQL is given up.
        connections: Connections kept in one engine's pool.
        cache_kilobytes: Pages of a SQLite file that a writing connection keeps in memory, at most.
    """

    durable: bool = True
    busy_seconds: float = 5.0
    statement_seconds: float = 10.0
    connect_seconds: int = 3
    connections: int = 4
    cache_kilobytes: int = 32_768


def parse_url(text: str) -> URL:
    """The URL in SQLAlchemy's form, with the driver the gateway uses.

    Raises:
        BadDatabaseUrl: Not `sqlite:///<path>` and not `postgresql://…`.
    """
    try:
        url = make_url(text)
    except ArgumentError:
        raise BadDatabaseUrl("expected sqlite:///<path> or postgresql://user@host/name") from None
    if url.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise BadDatabaseUrl(f"expected sqlite:///<path> or postgresql://…, not {url.drivername}://")
    if url.database in {None, "", ":memory:"} or url.query:
        raise BadDatabaseUrl("expected sqlite:///<path> of a file, without parameters")
    return url.set(drivername="sqlite+pysqlite")


def kind_of(url: URL) -> Kind:
    """Which database a parsed URL names."""
    return "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"


def make_engine(url: URL, tuning: Tuning, *, read_only: bool = False) -> sa.Engine:
    """An engine for writing, or for reading only; it connects when it is first used.

    Raises:
        StorageFailed: The folder or file of a SQLite database cannot be made.
    """
    if kind_of(url) == "sqlite":
        return _sqlite_engine(url, tuning, read_only=read_only)
    return _postgres_engine(url, tuning, read_only=read_only)


def database_file(url: URL) -> Path:
    """The file of a SQLite database."""
    return Path(url.database or "").absolute()


def empty_journal(path: Path) -> None:
    """Bring the write-ahead log of a SQLite database into it and empty the file, if nobody reads from it just now.

    Raises:
        StorageFailed: The database cannot be opened or written.
    """
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    except sqlite3.Error as error:
        raise StorageFailed(StorageFault.INPUT_OUTPUT) from error


@contextlib.contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock file beside a SQLite database; one process (or thread) at a time, freed by the kernel."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _sqlite_engine(url: URL, tuning: Tuning, *, read_only: bool) -> sa.Engine:
    path = database_file(url)
    with _as_storage_failure():
        _make_file(path)
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        pool_size=tuning.connections,
        connect_args={"isolation_level": None, "timeout": tuning.busy_seconds},
    )
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        _prepare_sqlite(connection, path, tuning, read_only=read_only)

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine


@contextlib.contextmanager
def _as_storage_failure() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("database.file.refused", errno=error.errno)
        raise StorageFailed(StorageFault.GONE) from error


def _make_file(path: Path) -> None:
    """Make folder (700) and file (600); SQLite gives its journal files the same mode as the file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        if path.stat().st_mode & 0o077:
            _log.warning("database.file.open_to_others", mode=oct(path.stat().st_mode & 0o777))
        return
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    sync_folder(path.parent)


def _prepare_sqlite(connection: sqlite3.Connection, path: Path, tuning: Tuning, *, read_only: bool) -> None:
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        # Two processes switching at once would refuse each other in spite of the busy timeout.
        with _as_storage_failure(), file_lock(path):
            connection.execute("PRAGMA journal_mode=WAL").close()
    synchronous = "FULL" if tuning.durable else "NORMAL"
    for setting in (
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"journal_size_limit={_JOURNAL_LIMIT}",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"query_only={'ON' if read_only else 'OFF'}",
        f"secure_delete={'ON' if tuning.durable else 'OFF'}",
        *(() if read_only else (f"cache_size=-{tuning.cache_kilobytes}",)),  # every lane's first page, of a million
    ):
        connection.execute(f"PRAGMA {setting}").close()


def _postgres_engine(url: URL, tuning: Tuning, *, read_only: bool) -> sa.Engine:
    settings = {
        "statement_timeout": str(round(tuning.statement_seconds * 1000)),
        "lock_timeout": str(round(tuning.busy_seconds * 1000)),
        "default_transaction_read_only": "on" if read_only else "off",
    }
    if not tuning.durable:
        settings["synchronous_commit"] = "off"
    defaults: dict[str, Any] = {
        "connect_timeout": tuning.connect_seconds,
        "application_name": "siak-gateway",
        "keepalives_idle": 10,
        "keepalives_interval": 3,
        "keepalives_count": 3,
        "tcp_user_timeout": round(tuning.statement_seconds * 1000),
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    chosen = {name: value for name, value in defaults.items() if name not in url.query}
    return sa.create_engine(
        url, hide_parameters=True, pool_size=tuning.connections, pool_pre_ping=True, connect_args=chosen
    )
