"""Synthetic documents over one clock that is set by hand, in stores of every kind."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.documents import document_id
from gateway.contract.submissions import IssuedDocument
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.documents.book import DocumentBook
from gateway.documents.sealing import DocumentSealer
from gateway.documents.store import Documents
from gateway.signing.digests import digest_of
from tests.blobs.world import stored
from tests.outbox.world import KEYRING, START, HandClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.blobs.store import DatabaseBlobs
    from gateway.documents.documents import Document

CALLER, OTHER, VILLAGE = "desk000001", "desk000002", "3527032001"
NO_KK, NIK = "3527030101900001", "3527034101900001"
PDF = b"%PDF-1.7 SITI AMINAH " + NIK.encode() + random.Random(1).randbytes(80_000)
TABLES = ("documents", "prints", "spoiled_sheets", "check_codes", "blobs", "blob_uses", "blob_pieces")
KK = IssuedDocument("kk", NO_KK, "DKK1")
AKTA = IssuedDocument("akta_kelahiran", "3527-LU-22112026-0001", "DAKTA1", NIK)
KTP = IssuedDocument("ktp", NIK, "DKTP1", NIK)


class Origin(msgspec.Struct, frozen=True):
    """A submission, as far as documents care."""

    id: str = "0192f0c4-7b1e-7c3a-9a51-0f8e6f6d2b11"
    caller: str = CALLER
    right: str = "sampang"
    adapter: str = "native"
    service: str = "birth"
    village: str = VILLAGE


@dataclass
class World:
    """A store of documents under test.

    Attributes:
        documents: The store.
        book: What the centre's news go into.
        blobs: Where PDFs are.
        database: Where everything else is.
        clock: Its clock.
        folder: Where files are; None where it has none.
    """

    documents: Documents
    book: DocumentBook
    blobs: DatabaseBlobs
    database: Database
    clock: HandClock
    folder: Path | None
    origin: Origin = field(default_factory=Origin)

    async def issue(self, *documents: IssuedDocument, at: float = START, origin: Origin | None = None) -> list[str]:
        """Have papers issued; their ids."""
        whose = origin or self.origin
        await self.database.write(
            lambda connection: self.book.issued(connection, whose, documents, at, self.clock.now())
        )
        return [document_id(whose.id, one.kind, one.receipt) for one in documents]

    async def changed(self, *families: str, at: float) -> None:
        """The data of families change."""
        await self.database.write(lambda connection: self.book.changed(connection, families, at, self.clock.now()))

    async def known(self, id_: str) -> Document:
        """A document that is there."""
        found = await self.documents.find(id_)
        assert found is not None
        return found

    async def ready(self, one: IssuedDocument = KK, pdf: bytes = PDF) -> Document:
        """A document that may be printed."""
        (id_,) = await self.issue(one)
        assert await self.documents.keep(await self.known(id_), pdf, digest_of(pdf))
        return await self.known(id_)


def opened(url: str, folder: Path | None) -> Iterator[World]:
    """A store over a new database."""
    migrate(url)
    made = world_of(url, folder)
    yield made
    asyncio.run(made.database.close())


def emptied(url: str) -> None:
    """Throw away what the test before left."""
    database = Database.open(url, durable=False)
    database.write_sync(lambda connection: connection.exec_driver_sql(f"TRUNCATE {', '.join(TABLES)}").close())
    database.close_sync()


def world_of(url: str, folder: Path | None, seed: int = 7) -> World:
    """A store over a migrated database, as one process sees it."""
    clock = HandClock()
    database = Database.open(url, durable=False)
    sealer = DocumentSealer(KEYRING, clock.now)
    blobs = stored(database, folder, clock)
    documents = Documents(database, blobs, sealer, clock, random.Random(seed).getrandbits)
    return World(documents, DocumentBook(sealer), blobs, database, clock, folder)
