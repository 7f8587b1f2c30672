"""What a gateway that was killed, or lost its power, left in its journal: moved into the database at the next start."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from gateway.database import StorageFailed, StorageFault
from gateway.database.engine import database_file
from gateway.ledger import rows
from gateway.ledger.journal import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.database import Database
    from gateway.ledger.lines import Kept
    from gateway.vault.signer import Signer

_log = structlog.get_logger("gateway.ledger")


def journal_file(database: Database) -> Path:
    """Where the journal of a ledger on SQLite lies: beside its file."""
    file = database_file(database.url)
    return file.with_name(file.name + ".journal")


def settle(database: Database, signer: Signer) -> int:
    """Move what a gateway left in the journal when it was killed, for commands; how many pages. Blocks.

    A running gateway does that itself: then nothing is moved, and what is newer than half a second is not seen.

    Raises:
        StorageFailed, DatabaseError: It cannot be moved.
    """
    if database.kind != "sqlite" or not journal_file(database).exists():
        return 0
    try:
        journal = Journal(journal_file(database))
    except StorageFailed as error:
        if error.fault in {StorageFault.LOCKED, StorageFault.READ_ONLY}:  # a running gateway's, or an auditor's copy
            return 0
        raise
    try:
        found = ours(journal.pages(), signer)
        return database.write_sync(partial(rows.catch_up, pages=found, signer=signer)) if found else 0
    finally:
        journal.close()


async def take_over(database: Database, journal: Journal, signer: Signer) -> None:
    """Move what an earlier run left in the journal."""
    found = ours(await asyncio.to_thread(journal.pages), signer)
    if found and (pages := await database.write(partial(rows.catch_up, pages=found, signer=signer))):
        _log.warning("ledger.journal.taken_over", pages=pages)


def ours(pages: list[Kept], signer: Signer) -> list[Kept]:
    """The pages that a gateway with our secret wrote; others are left alone, and told."""
    found = [one for one in pages if signer.is_marked(one.message, one.mark)]
    if len(found) < len(pages):
        _log.warning("ledger.journal.foreign", pages=len(pages) - len(found))
    return found
