"""The door to the gateway's own storage; the same over SQLite and PostgreSQL.

```
await write(work) ─► GroupWriter (one thread, grouped commits) ─► result after COMMIT
await read(work)  ─► ReaderPool (a few threads, connections that cannot write) ─► result
```

`work` is a plain function of a SQLAlchemy connection. It returns plain values, not open cursors; it neither commits
nor rolls back; it acts on nothing but the connection, for it may be run again.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlalchemy import exc
from sqlalchemy.dialects import postgresql, sqlite

from gateway.contract.errors import OwnError
from gateway.database.copies import FileCopies, StandbyCopies
from gateway.database.engine import Tuning, database_file, empty_journal, kind_of, make_engine, parse_url
from gateway.database.errors import DatabaseError, StorageFailed, StorageFault, translate
from gateway.database.readers import ReaderPool, read_once
from gateway.database.second_copy import SecondCopy
from gateway.database.writer import BatchLimits, GroupWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from gateway.database.engine import Kind
    from gateway.database.second_copy import CopyPlace
    from gateway.database.ticket import Ticket

_log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one database.

    Attributes:
        batch: Bounds of the writer.
        readers: Threads that read.
        waiting_reads: Reads that may wait for a thread; one more is refused at once.
        patience: Seconds after which a caller is told that the storage is too slow.
        closing: Seconds that `close` waits for the writer, and again for the readers.
    """

    batch: BatchLimits = field(default_factory=BatchLimits)
    readers: int = 4
    waiting_reads: int = 1024
    patience: float = 10.0
    closing: float = 2.0


class Database:
    """One database, opened by `Database.open` and closed by `close`.

    Attributes:
        unscrubbed: Something was deleted since the last `scrub` that must not stay anywhere; set by who deleted it.
    """

    def __init__(self, url: sa.URL, tuning: Tuning, limits: Limits) -> None:
        self.kind: Kind = kind_of(url)
        self.url = url
        self._limits = limits
        self._engine = make_engine(url, tuning)
        self._read_engine = make_engine(url, replace(tuning, connections=limits.readers), read_only=True)
        self._writer = GroupWriter(self._engine, limits.batch)
        self._readers = ReaderPool(self._read_engine, threads=limits.readers, waiting=limits.waiting_reads)
        self.second_copy: SecondCopy | None = None
        self.unscrubbed = False
        if self.kind == "postgresql":
            self._writer.copies = StandbyCopies()

    @classmethod
    def open(
        cls, url: str, *, durable: bool = True, tuning: Tuning | None = None, limits: Limits | None = None
    ) -> Database:
        """Open a database; it connects when it is first used, so that a server that is away stops no start.

        Args:
            url: `sqlite:///<path>` (the file is made, mode 600) or `postgresql://user@host/name`.
            durable: Whether committed writes must survive a power cut; overrides `tuning.durable`.
            tuning: Patience of the engines.
            limits: Bounds of queues and threads.

        Raises:
            BadDatabaseUrl: The URL names no database the gateway can use.
            StorageFailed: The file of a SQLite database cannot be made.
        """
        tuning = replace(tuning or Tuning(), durable=durable)
        return cls(parse_url(url), tuning, limits or Limits())

    async def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work together with all that waits, and return its result once it is committed.

        A caller who is cancelled before the work began leaves no trace; later, the work may be committed.

        Raises:
            Overloaded: Too much is waiting.
            StorageFailed: Nothing was written, or (`executed` is `unknown`) nobody knows.
            DatabaseError: The database refused this work; nothing of it was written.
        """
        return (await self.write_kept(work))[0]

    async def write_kept(self, work: Callable[[sa.Connection], T]) -> tuple[T, int]:
        """As `write`, with how many copies hold it: two once a second one does, else one."""
        ticket = self._writer.submit(work, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(self._limits.patience) as patience:
                result = await ticket.future
                return result, ticket.copies
        except TimeoutError:
            if not patience.expired():
                raise
        raise _too_slow(ticket)

    async def read(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a read on a thread of its own and return its result.

        Raises:
            Overloaded: Too many reads are waiting.
            StorageFailed: The storage cannot serve now.
            DatabaseError: The database refused the statement.
        """
        try:
            async with asyncio.timeout(self._limits.patience) as patience:
                return await self._readers.read(work)
        except TimeoutError:
            if not patience.expired():
                raise
        raise StorageFailed(StorageFault.TOO_SLOW)

    def write_sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run work in a transaction of its own in this thread, for commands; errors as of `write`."""
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except exc.SQLAlchemyError as error:
            failure = translate(error)
        raise failure

    def read_sync(self, work: Callable[[sa.Connection], T]) -> T:
        """Run a read in this thread, for commands; errors as of `read`."""
        return read_once(self._read_engine, work)

    async def writable(self, *, within: float = 2.0) -> bool:
        """Whether writes are being committed: one was within the last second, or one is within that many seconds."""
        if time.monotonic() - self._writer.last_commit < 1.0:
            return True
        probe = _probe_sqlite if self.kind == "sqlite" else _probe_postgres
        try:
            async with asyncio.timeout(within):
                await self.write(probe)
        except (OwnError, DatabaseError, TimeoutError) as error:
            fault = error.fault if isinstance(error, StorageFailed) else StorageFault.TOO_SLOW
            _log.warning("database.probe.failed", fault=fault, error=type(error).__name__)
            return False
        return True

    @property
    def copies(self) -> int:
        """How many copies hold what is committed: 2 while a second one is in step, as far as was seen last."""
        if self.second_copy is not None:
            return 2 if self.second_copy.state == "in_step" else 1
        return self._writer.last_copies

    def keep_copy(self, place: CopyPlace) -> SecondCopy:
        """Keep a second copy from now on; only on SQLite, before anything is written."""
        copy = self.second_copy = SecondCopy(database_file(self.url), place)
        self._writer.copies = FileCopies(copy)
        copy.start()
        return copy

    async def scrub(self, tables: Sequence[str]) -> None:
        """Have what was deleted leave the journal and the second copy, soon; on PostgreSQL, vacuum the tables.

        Raises:
            StorageFailed: The storage cannot serve now.
        """
        self.unscrubbed = False
        try:
            if self.second_copy is not None:
                self.second_copy.scrub()
            elif self.kind == "sqlite":
                await asyncio.to_thread(empty_journal, database_file(self.url))
            else:
                await asyncio.to_thread(self._vacuum, tables)
        except BaseException:
            self.unscrubbed = True
            raise

    def _vacuum(self, tables: Sequence[str]) -> None:
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("SET statement_timeout = 0")
                for table in tables:
                    connection.exec_driver_sql(f"VACUUM {table}")
                connection.exec_driver_sql("RESET statement_timeout")
        except exc.SQLAlchemyError as error:
            failure = translate(error)
        else:
            return
        raise failure

    async def close(self) -> None:
        """Commit what waits and release threads and connections; may be called again.

        Bounded in time: what is stuck in the database keeps its connection until the database lets go of it.
        """
        within = self._limits.closing
        written = await asyncio.to_thread(self._writer.close, within)
        if written:
            self._engine.dispose()
        else:
            _log.error("database.writer.stuck")
        read = await asyncio.to_thread(self._readers.close, within)
        if read:
            self._read_engine.dispose()
        else:
            _log.error("database.readers.stuck")
        if self.second_copy is not None and written and read:  # closed earlier it would take away their locks
            await asyncio.to_thread(self.second_copy.close, within)

    def close_sync(self) -> None:
        """Release the connections of a database that was only used by `write_sync` and `read_sync`."""
        self._engine.dispose()
        self._read_engine.dispose()


def insert_into(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """An `INSERT` that knows `on_conflict_do_nothing` and `on_conflict_do_update`, for the database connected to."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def inserts(table: sa.Table, complete: Callable[[Any], T]) -> Mapping[str, T]:
    """One `INSERT` made once for each database, by name of the dialect; for statements that run very often.

    Args:
        table: Where to.
        complete: Adds what stands behind the values, such as `on_conflict_do_nothing` and `returning`.
    """
    return {"sqlite": complete(sqlite.insert(table)), "postgresql": complete(postgresql.insert(table))}


def _too_slow(ticket: Ticket[T]) -> StorageFailed:
    return StorageFailed(StorageFault.TOO_SLOW, executed="unknown" if ticket.taken else "no")


def _probe_sqlite(connection: sa.Connection) -> None:
    """Write the file's first page, without changing anything in it."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")


def _probe_postgres(connection: sa.Connection) -> None:
    """Write a message into the server's log of changes; a standby refuses it."""
    connection.exec_driver_sql("SELECT pg_logical_emit_message(true, 'gateway', '')")
