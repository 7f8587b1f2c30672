"""Remembered answers on disk, sealed: `cache.db`, expendable, never in an asker's way.

A file that cannot be used is thrown away and made anew; if that fails too, the cache lives in memory only. A row
that does not open (another key, a changed byte) is no answer. A fault of the cache is a miss and a line in the log;
only a `forget` that could not be carried out is raised, for what should be forgotten must not come back.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec
import structlog
from sqlalchemy import bindparam, delete, func, select, update

from gateway.centre.cache_key import HALF
from gateway.centre.cache_policy import Entry
from gateway.centre.known_keys import KnownKeys
from gateway.centre.tables import answers, cache_metadata, marks
from gateway.contract.errors import GatewayError, StorageUnavailable
from gateway.database.database import Database, Limits, insert_into
from gateway.database.errors import DatabaseError, StorageFailed, StorageFault
from gateway.vault.errors import VaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    import sqlalchemy as sa

    from gateway.contract.host import Clock

log = structlog.get_logger()

FAULTS = (GatewayError, DatabaseError)
"""How the database says that it cannot."""

BROKEN = frozenset({StorageFault.CORRUPT, StorageFault.NOT_MIGRATED})
"""Faults of a file that will not get better."""

CHUNK = 10_000
"""Keys read at once while the filter is filled."""

PRUNE_EVERY = 64
"""Batches between two looks at what is too old or too much."""

PRUNE_PART = 16
"""Once more than this part of the size was added, the next look comes sooner."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


class Sealer(Protocol):
    """Encrypts what is stored; the vault's `Envelope` is one."""

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """Encrypt."""

    def open_(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt; raises `VaultError`."""


class CacheStore(Protocol):
    """Where answers outlive the process."""

    async def open(self) -> None:
        """Make it usable; never raises."""

    def may_have(self, key: bytes) -> bool:
        """False if a look on disk would certainly be in vain."""

    async def get(self, key: bytes) -> Entry | None:
        """What is stored, or None."""

    async def put(self, batch: dict[bytes, Entry]) -> None:
        """Store entries."""

    async def touch(self, keys: Iterable[bytes]) -> None:
        """Say that entries are still in use."""

    async def forget(self, subjects: Iterable[bytes], upto: int | None = None) -> None:
        """Drop everything about some subjects, and note `upto` with it; raises `StorageUnavailable` if it cannot."""

    async def forget_all(self, upto: int) -> None:
        """Drop everything, and note `upto` with it; raises `StorageUnavailable` if it cannot."""

    async def noted(self) -> int | None:
        """What was noted last; None if nothing was; raises `StorageUnavailable` if it cannot be read."""

    async def close(self) -> None:
        """Release it."""


class SqliteCacheStore:
    """The store in a SQLite file of its own.

    Args:
        path: The file.
        sealer: Encrypts entries; the key is their context.
        clock: The gateway's clock.
        entries: Rows kept; the longest unused go first.
        size: Bytes they may take together; again the longest unused go first.
        keep: Seconds after which a row is of no use to anybody.
    """

    def __init__(self, path: Path, sealer: Sealer, *, clock: Clock, entries: int, size: int, keep: float) -> None:
        self._path = path
        self._sealer = sealer
        self._clock = clock
        self._entries = entries
        self._size = size
        self._keep = keep
        self._database: Database | None = None
        self._known: KnownKeys | None = None
        self._added: set[bytes] = set()
        self._filling: asyncio.Task[None] | None = None
        self._batches = 0
        self._added_bytes = 0
        self._mending = asyncio.Lock()

    async def open(self) -> None:
        """Open the file, or make it anew; without either, nothing is stored."""
        if not await self._begin():
            await self._discard()
            if not await self._begin():
                log.error("centre.cache.memory_only", file=self._path.name)

    def may_have(self, key: bytes) -> bool:
        """False if nothing was ever stored under the key; True while the keys on disk are still being read."""
        return self._database is not None and (self._known is None or key in self._known)

    async def get(self, key: bytes) -> Entry | None:
        """What is stored under a key; None also if it does not open."""
        database = self._database
        if database is None:
            return None
        try:
            return await database.read(lambda connection: self._load(connection, key))
        except FAULTS as error:
            await self._failed(error, database)
            return None

    async def put(self, batch: dict[bytes, Entry]) -> None:
        """Seal and store a batch in one transaction."""
        self._note(batch)
        await self._write(lambda connection: self._save(connection, batch))
        self._batches += 1
        self._added_bytes += sum(entry.weight for entry in batch.values())
        if self._batches >= PRUNE_EVERY or PRUNE_PART * self._added_bytes >= self._size:
            self._batches = self._added_bytes = 0
            await self._write(self._prune)

    async def touch(self, keys: Iterable[bytes]) -> None:
        """Note that entries were used, so that they are not pruned first."""
        now = self._clock.now()
        rows = [{"touched": key, "now": now} for key in keys]
        statement = update(answers).where(answers.c.key == bindparam("touched")).values(used_at=bindparam("now"))

        def work(connection: sa.Connection) -> None:
            connection.execute(statement, rows)

        if rows:
            await self._write(work)

    async def forget(self, subjects: Iterable[bytes], upto: int | None = None) -> None:
        """Delete all rows whose keys begin with these halves.

        Raises:
            StorageUnavailable: They may still be there.
        """
        wanted = [(subject, subject + b"\xff" * HALF) for subject in subjects]

        def work(connection: sa.Connection) -> None:
            for first, last in wanted:
                connection.execute(delete(answers).where(answers.c.key.between(first, last)))
            if upto is not None:
                _note(connection, upto)

        if not await self._write(work):
            raise StorageUnavailable

    async def forget_all(self, upto: int) -> None:
        """Delete all rows.

        Raises:
            StorageUnavailable: They may still be there.
        """

        def work(connection: sa.Connection) -> None:
            connection.execute(delete(answers))
            _note(connection, upto)

        if not await self._write(work):
            raise StorageUnavailable

    async def noted(self) -> int | None:
        """What was noted last.

        Raises:
            StorageUnavailable: It cannot be read now.
        """
        database = self._database
        if database is None:
            return None
        try:
            return await database.read(lambda connection: connection.execute(select(marks.c.value)).scalar())
        except FAULTS as error:
            await self._failed(error, database)
        raise StorageUnavailable

    async def prune(self) -> None:
        """Delete what is too old, and the longest unused above the limit."""
        await self._write(self._prune)

    async def close(self) -> None:
        """Release the file."""
        await self._stop()

    async def filled(self) -> None:
        """Wait until the filter knows every key on disk; before that every miss looks on disk."""
        if self._filling is not None:
            await asyncio.wait((self._filling,))

    async def _begin(self) -> bool:
        """Open the file, its table, and begin to read its keys."""
        try:
            await asyncio.to_thread(self._path.parent.mkdir, parents=True, exist_ok=True)
            self._database = Database.open(f"sqlite:///{self._path}", durable=False, limits=Limits(readers=2))
            await self._database.write(cache_metadata.create_all)
            await self._database.read(lambda connection: connection.execute(select(answers).limit(1)).all())
        except (*FAULTS, OSError) as error:
            log.warning("centre.cache.unusable", file=self._path.name, error=type(error).__name__)
            await self._stop()
            return False
        self._filling = asyncio.get_running_loop().create_task(self._fill(self._database))
        return True

    async def _stop(self) -> None:
        database, self._database = self._database, None
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.wait((self._filling,))
            self._filling = None
        self._known = None
        if database is not None:
            await database.close()

    async def _discard(self) -> None:
        """Throw the file away, with what SQLite keeps beside it."""
        log.warning("centre.cache.recreated", file=self._path.name)
        for suffix in ("", "-wal", "-shm", "-journal"):
            path = self._path.with_name(self._path.name + suffix)
            try:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            except OSError as error:
                log.warning("centre.cache.not_removed", file=path.name, error=type(error).__name__)

    async def _failed(self, error: Exception, database: Database) -> None:
        """A fault: a corrupt file is made anew, once for all who met it; anything else may pass by itself."""
        log.warning("centre.cache.failed", error=type(error).__name__, fault=getattr(error, "fault", None))
        if not isinstance(error, StorageFailed) or error.fault not in BROKEN:
            return
        async with self._mending:
            if self._database is database:
                await self._stop()
                await self._discard()
                await self._begin()

    async def _write(self, work: Callable[[sa.Connection], None]) -> bool:
        """Whether it was written, or there is no file to write to."""
        database = self._database
        if database is None:
            return True
        try:
            await database.write(work)
        except FAULTS as error:
            await self._failed(error, database)
            return False
        return True

    async def _fill(self, database: Database) -> None:
        """Read all keys, chunk by chunk, into a filter that is used once it is complete."""
        known = KnownKeys(self._entries)
        last = b""
        try:
            while keys := await database.read(_keys_after(last)):
                for key in keys:
                    known.add(key)
                last = keys[-1]
        except FAULTS as error:
            log.warning("centre.cache.keys_unread", error=type(error).__name__)
            self._added.clear()
            return
        for key in self._added:
            known.add(key)
        self._added.clear()
        self._known = known

    def _note(self, batch: Iterable[bytes]) -> None:
        """Tell the filter of new keys, or keep them until it is filled; one that cannot be filled is not used."""
        if self._known is not None:
            for key in batch:
                self._known.add(key)
        elif self._filling is not None and not self._filling.done():
            self._added.update(batch)

    def _load(self, connection: sa.Connection, key: bytes) -> Entry | None:
        sealed = connection.execute(select(answers.c.sealed).where(answers.c.key == key)).scalar()
        if sealed is None:
            return None
        try:
            return _decode(self._sealer.open_(sealed, context=key))
        except (VaultError, msgspec.DecodeError) as error:
            log.warning("centre.cache.unopened", error=type(error).__name__)
            return None

    def _save(self, connection: sa.Connection, batch: dict[bytes, Entry]) -> None:
        now = self._clock.now()
        rows: list[dict[str, Any]] = [
            {
                "key": key,
                "stored_at": entry.as_of,
                "used_at": now,
                "sealed": self._sealer.seal(_encode(entry), context=key),
            }
            for key, entry in batch.items()
        ]
        statement = insert_into(connection, answers)
        fresh = {name: statement.excluded[name] for name in ("stored_at", "used_at", "sealed")}
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=fresh), rows)

    def _prune(self, connection: sa.Connection) -> None:
        connection.execute(delete(answers).where(answers.c.stored_at < self._clock.now() - self._keep))
        held = connection.execute(select(func.count()).select_from(answers)).scalar_one()
        if held > self._entries:
            unused = select(answers.c.key).order_by(answers.c.used_at).limit(held - self._entries)
            connection.execute(delete(answers).where(answers.c.key.in_(unused)))
        if (excess := _bytes_held(connection) - self._size) > 0:
            _free(connection, excess)


def _bytes_held(connection: sa.Connection) -> int:
    """Bytes of the file that are in use; a freed page is filled again before the file grows."""
    pages, free, size = (
        connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _free(connection: sa.Connection, excess: int) -> None:
    """Delete the longest unused rows until so many bytes are free."""
    rows = connection.execute(select(answers.c.used_at, func.length(answers.c.sealed)).order_by(answers.c.used_at))
    last = 0.0
    for used_at, length in rows:
        if excess <= 0:
            break
        last = used_at
        excess -= length
    rows.close()
    connection.execute(delete(answers).where(answers.c.used_at <= last))


def _keys_after(last: bytes) -> Callable[[sa.Connection], list[bytes]]:
    statement = select(answers.c.key).where(answers.c.key > last).order_by(answers.c.key).limit(CHUNK)
    return lambda connection: list(connection.execute(statement).scalars())


def _note(connection: sa.Connection, upto: int) -> None:
    statement = insert_into(connection, marks).values(name="news", value=upto)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": upto}))
