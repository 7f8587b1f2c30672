"""Synthetic files, and stores of blobs of every kind over one clock that is set by hand."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.blobs.blobs import MOST_FRAMES
from gateway.blobs.files import FilePieces
from gateway.blobs.pieces import TablePieces
from gateway.blobs.sealing import BlobSealer
from gateway.blobs.store import DatabaseBlobs
from gateway.testing.memory_blobs import MemoryBlobs
from tests.outbox.world import KEYRING

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.blobs.blobs import Blob, Blobs
    from gateway.database import Database
    from gateway.outbox.outbox import Outbox
    from tests.outbox.world import HandClock

CALLER, OTHER = "desk000001", "desk000002"
MOST: Final = 1 << 30
NAME: Final = b"SITI AMINAH 3527034101900001"
"""Planted in every synthetic file, to be looked for on disk."""


def file_of(size: int, seed: int = 1, magic: bytes = b"%PDF-1.7\n") -> bytes:
    """A synthetic file of so many bytes with a name and a NIK in it."""
    noise = random.Random(seed).randbytes(size)
    return (magic + NAME + noise)[:size]


def name_of(content: bytes) -> str:
    """Its SHA-256."""
    return hashlib.sha256(content).hexdigest()


@dataclass
class World:
    """A store of blobs under test.

    Attributes:
        blobs: The store.
        outbox: An outbox whose submissions take its blobs.
        clock: Its clock.
        database: Where its facts are; None for the one in memory.
        folder: Where its files are; None where it has none.
    """

    blobs: Blobs
    outbox: Outbox
    clock: HandClock
    database: Database | None = None
    folder: Path | None = None

    def another(self) -> Blobs:
        """The same store as another process sees it; in memory there is only one."""
        if self.database is None:
            return self.blobs
        return stored(self.database, self.folder, self.clock)

    def bounded(self, frames: int) -> World:
        """A store of this kind that keeps at most so many frames of a blob."""
        if self.database is None:
            return replace(self, blobs=MemoryBlobs(self.clock, frames))
        return replace(self, blobs=stored(self.database, self.folder, self.clock, frames))

    async def upload(self, content: bytes, caller: str = CALLER, piece: int = 100_000) -> Blob:
        """Upload all of a file."""
        blob = await self.blobs.begin(caller, name_of(content), len(content), MOST)
        while blob.offset < len(content):
            blob = await self.blobs.add(blob, content[blob.offset : blob.offset + piece], "application/pdf")
        whole = await self.blobs.finish(blob, name_of(content))
        assert whole is not None
        return whole

    async def content(self, sha256: str, caller: str = CALLER) -> bytes:
        """All of a complete blob."""
        opened = await self.blobs.open_(caller, sha256)
        assert opened is not None
        return await opened.read(0, opened.length)


def stored(database: Database, folder: Path | None, clock: HandClock, frames: int = MOST_FRAMES) -> DatabaseBlobs:
    """Blobs over a database: in files where there is a folder, else in its table."""
    pieces = TablePieces(database) if folder is None else FilePieces(database, folder, 0)
    return DatabaseBlobs(database, pieces, BlobSealer(KEYRING, clock.now), clock, frames)
