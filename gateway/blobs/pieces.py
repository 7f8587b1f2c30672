"""Where frames are kept: what a place for them promises, and the place in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from gateway.blobs.sealing import Frame
from gateway.blobs.tables import BLOBS, PIECES
from gateway.vault.objects import OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.blobs.blobs import Blob
    from gateway.database import Database

_P = PIECES.c


class Pieces(Protocol):
    """Keeps the frames of blobs."""

    async def keep(self, blob: Blob, frames: Sequence[Frame]) -> int:
        """Make frames durable before the blob's row speaks of them; bytes they take there.

        Frames kept earlier at the same place, of which no row ever spoke, are overwritten.

        Raises:
            Damaged: What was kept before is not there any more.
            StorageUnavailable: They could not be kept.
        """

    def insert(self, connection: sa.Connection, blob: Blob, frames: Sequence[Frame]) -> None:
        """The same in the transaction in which the row grows."""

    def clear(self, connection: sa.Connection, id_: str) -> None:
        """Make room for a blob's frames from the beginning, in the transaction in which its row is emptied."""

    async def copied(self, blobs: Sequence[Blob]) -> bool:
        """Have complete blobs copied to where the second copy of the database is; whether that holds all of them.

        Yes as well where frames lie in the database itself, which is copied as a whole.
        """

    async def fill(self) -> int:
        """Copy there what was missed while there was no second copy; how many blobs."""

    async def frames(self, blob: Blob, at: int, size: int) -> list[Frame]:
        """The frames that hold so many bytes from `at` on, as far as they are there.

        Raises:
            StorageUnavailable: They cannot be read now.
        """

    async def remove(self, id_: str) -> None:
        """Throw away all of a blob that is forgotten."""

    async def sweep(self) -> None:
        """Throw away what belongs to no blob."""


class TablePieces:
    """Frames as rows of the database, for whichever instance needs them.

    Args:
        database: Migrated.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, blob: Blob, frames: Sequence[Frame]) -> int:  # noqa: ARG002 # `insert` does it
        """See `Pieces.keep`."""
        return sum(len(frame.sealed) for frame in frames)

    def insert(self, connection: sa.Connection, blob: Blob, frames: Sequence[Frame]) -> None:
        """See `Pieces.insert`."""
        rows = [
            {"blob": blob.id, "at": frame.at, "size": len(frame.sealed) - OVERHEAD, "sealed": frame.sealed}
            for frame in frames
        ]
        connection.execute(sa.insert(PIECES), rows)

    def clear(self, connection: sa.Connection, id_: str) -> None:
        """See `Pieces.clear`."""
        connection.execute(sa.delete(PIECES).where(_P.blob == id_))

    async def copied(self, blobs: Sequence[Blob]) -> bool:  # noqa: ARG002 # they are where their rows are
        """See `Pieces.copied`."""
        return True

    async def fill(self) -> int:
        """See `Pieces.fill`."""
        return 0

    async def frames(self, blob: Blob, at: int, size: int) -> list[Frame]:
        """See `Pieces.frames`."""
        covering = sa.select(_P.at, _P.sealed).where(_P.blob == blob.id, _P.at < at + size, _P.at + _P.size > at)
        rows = await self._database.read(lambda connection: connection.execute(covering.order_by(_P.at)).all())
        return [Frame(row.at, bytes(row.sealed)) for row in rows]

    async def remove(self, id_: str) -> None:
        """See `Pieces.remove`."""
        await self._database.write(
            lambda connection: connection.execute(sa.delete(PIECES).where(_P.blob == id_)).close()
        )

    async def sweep(self) -> None:
        """See `Pieces.sweep`."""
        lost = ~sa.select(BLOBS.c.id).where(BLOBS.c.id == _P.blob).exists()
        await self._database.write(lambda connection: connection.execute(sa.delete(PIECES).where(lost)).close())
