"""Frames in files, one for each blob, in a folder beside the SQLite database.

```
<folder>/ab/ab12…      length u32 │ sealed frame │ length u32 │ sealed frame │ …
```

A file is written and synced, and its folder too where it is new, before the blob's row speaks of it. What stands behind
the place the row speaks of was never told to anybody: the next frames overwrite it. One process writes them at a time,
the one that holds the data folder.
"""

from __future__ import annotations

import asyncio
import errno
import os
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.blobs import rows
from gateway.blobs.blobs import Damaged
from gateway.blobs.sealing import Frame
from gateway.database.errors import StorageFailed, StorageFault
from gateway.database.second_copy.files import KeptFiles, is_same
from gateway.durable import sync_folder
from gateway.vault.objects import OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import sqlalchemy as sa

    from gateway.blobs.blobs import Blob
    from gateway.database import Database

COPIES: Final = "blobs"
"""Name of their folder in a second copy and in a backup."""

_HEAD: Final = 4
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


class FilePieces:
    """Frames in files.

    Args:
        database: Says which blobs there are.
        folder: Where the files are; made with mode 700 if it is not there.
        reserve: Bytes of its disk that files leave free, so that forms can still be accepted.
    """

    def __init__(self, database: Database, folder: Path, reserve: int) -> None:
        self._database = database
        self._folder = folder
        self._reserve = reserve
        self._kept: KeptFiles | None = None
        self._filled = False

    async def keep(self, blob: Blob, frames: Sequence[Frame]) -> int:
        """See `Pieces.keep`."""
        text = b"".join(part for frame in frames for part in (len(frame.sealed).to_bytes(_HEAD), frame.sealed))
        await asyncio.to_thread(self._write, blob, text)
        return len(text)

    def insert(self, connection: sa.Connection, blob: Blob, frames: Sequence[Frame]) -> None:
        """See `Pieces.insert`; they are there already."""

    def clear(self, connection: sa.Connection, id_: str) -> None:
        """See `Pieces.clear`; a file is overwritten from its beginning anyway."""

    async def copied(self, blobs: Sequence[Blob]) -> bool:
        """See `Pieces.copied`."""
        copies = self._copies()
        if copies is None or not await copies.keep([self._path(blob.id) for blob in blobs]):
            self._filled = False
            return False
        return True

    async def fill(self) -> int:
        """See `Pieces.fill`."""
        copies, count, after = self._copies(), 0, ""
        if copies is None or not copies.in_step:
            self._filled = False
            return 0
        if self._filled:
            return 0
        self._filled = True  # unless something fails from now on
        while blobs := await self._database.read(partial(rows.whole, after=after)):
            missing = await copies.missing([self._path(blob.id) for blob in blobs])
            kept = [await copies.keep([path]) for path in missing or ()]
            if missing is None or not all(kept):
                self._filled = False
            count, after = count + sum(kept), blobs[-1].id
        return count

    async def frames(self, blob: Blob, at: int, size: int) -> list[Frame]:
        """See `Pieces.frames`."""
        return await asyncio.to_thread(self._read, blob, at, size)

    async def remove(self, id_: str) -> None:
        """See `Pieces.remove`."""
        await asyncio.to_thread(self._unlink, [id_])

    async def sweep(self) -> None:
        """See `Pieces.sweep`: a row is made before its file, so what was listed and has no row belongs to no blob."""
        for shelf in await asyncio.to_thread(self._shelves):
            names = await asyncio.to_thread(_names, shelf)
            for start in range(0, len(names), rows.AT_ONCE):
                some = names[start : start + rows.AT_ONCE]
                known = await self._database.read(partial(rows.known, ids=some))
                await asyncio.to_thread(self._unlink, [name for name in some if name not in known])
        await self._forget_copies()

    async def _forget_copies(self) -> None:
        """By what the rows say, not by what files are here: their disk may not be mounted."""
        copies = self._copies()
        names = None if copies is None else await copies.names()
        for start in range(0, len(names or ()), rows.AT_ONCE):
            some = (names or [])[start : start + rows.AT_ONCE]
            known = await self._database.read(partial(rows.known, ids=some))
            if copies is not None and (gone := [self._path(name) for name in some if name not in known]):
                await copies.forget(gone)

    def _copies(self) -> KeptFiles | None:
        """Their second copy, where the database has one."""
        if self._kept is None and self._database.second_copy is not None:
            self._kept = KeptFiles(self._database.second_copy, self._folder, COPIES)
        return self._kept

    def _path(self, id_: str) -> Path:
        return _place(self._folder, id_)

    def _write(self, blob: Blob, text: bytes) -> None:
        path = self._path(blob.id)
        is_new = not blob.stored
        try:
            if is_new:
                for folder in (self._folder, path.parent):
                    folder.mkdir(mode=0o700, exist_ok=True)
            self._check_room(len(text))
            descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC | (os.O_CREAT if is_new else 0), 0o600)
            try:
                _write_at(descriptor, text, blob.stored)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                for folder in (path.parent, self._folder, self._folder.parent):
                    sync_folder(folder)
        except FileNotFoundError:
            if not is_new and self._folder.is_dir():
                raise Damaged from None
            raise StorageFailed(StorageFault.GONE) from None
        except OSError as error:
            raise StorageFailed(_fault(error)) from None

    def _check_room(self, size: int) -> None:
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < size + self._reserve:
            raise StorageFailed(StorageFault.DISK_FULL)

    def _read(self, blob: Blob, at: int, size: int) -> list[Frame]:
        try:
            with self._path(blob.id).open("rb") as file:
                return [
                    Frame(begins, os.pread(file.fileno(), length, place))
                    for begins, place, length in _walk(file.fileno(), blob.stored)
                    if begins < at + size and begins + length - OVERHEAD > at
                ]
        except FileNotFoundError:
            if self._folder.is_dir():
                return []
            raise StorageFailed(StorageFault.GONE) from None
        except OSError as error:
            raise StorageFailed(_fault(error)) from None

    def _unlink(self, names: Sequence[str]) -> None:
        try:
            for name in names:
                self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(_fault(error)) from None

    def _shelves(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []


def uncopied(database: Database, folder: Path, copies: Path) -> int:
    """How many complete blobs lie in a folder whose copies do not, or not as they are; for commands.

    Raises:
        StorageUnavailable, DatabaseError: The database cannot be read.
        OSError: One of the folders cannot be.
    """
    count, after = 0, ""
    while blobs := database.read_sync(partial(rows.whole, after=after)):
        paths = (_place(folder, blob.id) for blob in blobs)
        count += sum(path.exists() and not is_same(path, copies / path.relative_to(folder)) for path in paths)
        after = blobs[-1].id
    return count


def _walk(descriptor: int, stored: int) -> Iterator[tuple[int, int, int]]:
    """Where each frame begins in the blob and in the file, and its sealed length; ends where a file is cut."""
    begins, place = 0, 0
    while place + _HEAD <= stored:
        length = int.from_bytes(os.pread(descriptor, _HEAD, place))
        place += _HEAD
        if not OVERHEAD < length <= stored - place:
            return
        yield begins, place, length
        begins, place = begins + length - OVERHEAD, place + length


def _write_at(descriptor: int, text: bytes, place: int) -> None:
    view = memoryview(text)
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written


def _place(folder: Path, id_: str) -> Path:
    return folder / id_[:2] / id_


def _names(shelf: Path) -> list[str]:
    return sorted(path.name for path in shelf.iterdir())


def _fault(error: OSError) -> StorageFault:
    if error.errno in _FULL:
        return StorageFault.DISK_FULL
    return StorageFault.READ_ONLY if error.errno in _READ_ONLY else StorageFault.INPUT_OUTPUT
