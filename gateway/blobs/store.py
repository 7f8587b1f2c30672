"""Blobs on disk: one code over both databases and both places for frames."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import msgspec
import structlog

from gateway.blobs import rows
from gateway.blobs.blobs import MOST_FRAMES, Blob, Damaged, Moved
from gateway.blobs.tables import BLOB_KEYS
from gateway.contract.errors import FieldFault, Invalid
from gateway.database.wrapped_keys import wrap_anew

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from typing import Any

    import sqlalchemy as sa

    from gateway.blobs.pieces import Pieces
    from gateway.blobs.sealing import BlobSealer
    from gateway.contract.host import Clock
    from gateway.database import Database

_log = structlog.get_logger("gateway.blobs")

READ = 1_048_576
"""Bytes of a blob held in memory while it is checked."""


class DatabaseBlobs:
    """The blobs of one database; several processes may share it if their pieces do.

    Args:
        database: Migrated.
        pieces: Where frames are kept.
        sealer: Seals and opens them.
        clock: The gateway's clock.
        most_frames: Frames of one blob, at most.
    """

    def __init__(
        self,
        database: Database,
        pieces: Pieces,
        sealer: BlobSealer,
        clock: Clock,
        most_frames: int = MOST_FRAMES,
    ) -> None:
        self._database = database
        self._pieces = pieces
        self._sealer = sealer
        self._clock = clock
        self._most_frames = most_frames
        self._turns: dict[str, _Turn] = {}
        self._adding: set[asyncio.Task[Blob]] = set()

    async def find(self, caller: str, sha256: str) -> Blob | None:
        """See `Blobs.find`."""
        mark = self._sealer.mark(caller, sha256)
        return await self._database.read(lambda connection: rows.of_mark(connection, mark))

    async def begin(self, caller: str, sha256: str, length: int, most: int) -> Blob:
        """See `Blobs.begin`."""
        known = await self.find(caller, sha256)
        if known is not None:
            return known
        id_, wrapped = self._sealer.new()
        new = Blob(id_, caller, length, wrapped_key=wrapped)
        mark, now = self._sealer.mark(caller, sha256), self._clock.now()
        return await self._database.write(lambda connection: rows.begin(connection, new, mark, most, now))

    async def add(self, blob: Blob, data: bytes, media: str) -> Blob:
        """See `Blobs.add`."""
        task = asyncio.ensure_future(self._in_turn(blob.id, self._add(blob, data, media)))
        self._adding.add(task)
        task.add_done_callback(self._added)
        return await asyncio.shield(task)

    async def finish(self, blob: Blob, sha256: str) -> Blob | None:
        """See `Blobs.finish`."""
        if not await self._is_itself(blob, sha256):
            await self.drop(blob)
            return None
        now = self._clock.now()
        if not await self._database.write(lambda connection: rows.complete(connection, blob.id, now)):
            raise Moved
        whole = msgspec.structs.replace(blob, complete=True)
        await self._pieces.copied([whole])  # where that fails the receipt says so
        return whole

    async def mend(self, blob: Blob, sha256: str) -> Blob:
        """See `Blobs.mend`."""
        if await self._is_itself(blob, sha256):
            return blob
        emptied = Blob(blob.id, blob.caller, blob.length, wrapped_key=self._sealer.renewed(blob.id))
        now = self._clock.now()

        def empty(connection: sa.Connection) -> bool:
            if not rows.empty(connection, emptied, now):
                return False
            self._pieces.clear(connection, blob.id)
            return True

        if not await self._database.write(empty):
            raise Moved
        self._database.unscrubbed = True
        _log.warning("blobs.emptied")
        return emptied

    async def drop(self, blob: Blob) -> None:
        """See `Blobs.drop`."""
        await self._database.write(lambda connection: rows.remove(connection, blob.id))
        self._database.unscrubbed = True
        if await self._database.read(lambda connection: rows.of_id(connection, blob.id)) is None:
            await self._pieces.remove(blob.id)

    async def named(self, caller: str, names: Sequence[str]) -> tuple[str, ...]:
        """See `Blobs.named`."""
        marks = [self._sealer.mark(caller, name) for name in names]
        found = await self._database.read(lambda connection: rows.complete_ids(connection, marks))
        return tuple(found.get(mark, "") for mark in marks)

    async def copied(self, submission: str) -> bool:
        """See `Blobs.copied`."""
        blobs = await self._database.read(lambda connection: rows.of_submission(connection, submission))
        return all(blob.complete for blob in blobs) and await self._pieces.copied(blobs)

    async def open_(self, caller: str, sha256: str) -> OpenedBlob | None:
        """See `Blobs.open_`."""
        blob = await self.find(caller, sha256)
        return OpenedBlob(self, blob) if blob is not None and blob.complete else None

    async def sweep(self, before: float) -> int:
        """See `Blobs.sweep`."""
        count = 0
        while gone := await self._database.write(lambda connection: rows.sweep(connection, before)):
            count += gone
            self._database.unscrubbed = True
        await self._pieces.sweep()
        return count

    async def fill(self) -> int:
        """Bring files to the second copy that were complete while there was none; how many.

        Raises:
            StorageUnavailable: The database could not be read.
        """
        return await self._pieces.fill()

    async def rewrap(self) -> int:
        """Wrap the keys of files that an older master sealed under the present one; how many there were.

        What cannot be opened stays as it is; an upload that goes on meanwhile may put its old one back until next time.

        Raises:
            StorageUnavailable: It could not be read or written.
        """
        return await wrap_anew(self._database, BLOB_KEYS, self._sealer.master, self._sealer.rewrap)

    async def read(self, blob: Blob, at: int, size: int) -> bytes:
        """Bytes of a blob that are there; errors as of `Opened.read`."""
        frames = await self._pieces.frames(blob, at, size)
        return await asyncio.to_thread(self._sealer.open_, blob, frames, at, size)

    def _added(self, task: asyncio.Task[Blob]) -> None:
        """It ended, perhaps after who waited for it was gone: its error is then nobody's."""
        self._adding.discard(task)
        if not task.cancelled():
            task.exception()

    async def _is_itself(self, blob: Blob, sha256: str) -> bool:
        """Whether what is kept of a blob can be read and is what its name says."""
        digest = hashlib.sha256()
        try:
            for at in range(0, blob.length, READ):
                part = await self.read(blob, at, min(READ, blob.length - at))
                await asyncio.to_thread(digest.update, part)
        except Damaged:
            return False
        return digest.hexdigest() == sha256

    async def _add(self, blob: Blob, data: bytes, media: str) -> Blob:
        """One turn: nobody else of this process writes this blob's file; the row says whether another process did."""
        present = await self._database.read(lambda connection: rows.of_id(connection, blob.id))
        if present is None or present.complete or present.offset != blob.offset:
            raise Moved
        if present.frames >= self._most_frames:
            await self.drop(blob)
            raise Invalid(faults=(_TINY,))
        try:
            frames = await asyncio.to_thread(self._sealer.seal, present, data)
            stored = present.stored + await self._pieces.keep(present, frames)
        except Damaged:  # its key or its file is gone: let its sender begin anew
            await self.drop(blob)
            raise Moved from None
        after = msgspec.structs.replace(
            present, offset=blob.offset + len(data), media=media, frames=present.frames + len(frames), stored=stored
        )
        now = self._clock.now()

        def grow(connection: sa.Connection) -> bool:
            if not rows.grow(connection, present, after, now):
                return False
            self._pieces.insert(connection, blob, frames)
            return True

        if not await self._database.write(grow):
            raise Moved
        return after

    async def _in_turn(self, id_: str, work: Coroutine[Any, Any, Blob]) -> Blob:
        turn = self._turns.setdefault(id_, _Turn())
        turn.wanted += 1
        try:
            async with turn.lock:
                return await work
        finally:
            work.close()
            turn.wanted -= 1
            if not turn.wanted:
                self._turns.pop(id_, None)


class OpenedBlob:
    """A complete blob on disk.

    Args:
        blobs: Where it is.
        blob: Which.
    """

    def __init__(self, blobs: DatabaseBlobs, blob: Blob) -> None:
        self.length = blob.length
        self._blobs = blobs
        self._blob = blob

    async def read(self, at: int, size: int) -> bytes:
        """See `Opened.read`."""
        return await self._blobs.read(self._blob, at, size)


class _Turn:
    """Who writes one blob now, and how many want to."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted = 0


_TINY = FieldFault(
    "header:content-length",
    "too_many_pieces",
    "The file came in too many small pieces and was thrown away; send it in larger ones.",
    "Berkas dikirim dalam terlalu banyak potongan kecil dan dibuang; kirim dalam potongan lebih besar.",
)
