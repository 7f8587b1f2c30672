"""Where a ledger's pages go: durable when `append` returns, in the database at the latest when `settle` does.

| store | for | durable by |
| --- | --- | --- |
| `DirectStore` | PostgreSQL | the page's own commit |
| `JournalledStore` | SQLite | a write into the journal; half a second later a commit of all pages of that time |
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from gateway.database import StorageFailed, StorageFault
from gateway.ledger import rows
from gateway.ledger.hand import Hand
from gateway.ledger.lines import Kept, message

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.database import Database
    from gateway.ledger.journal import Journal
    from gateway.ledger.lines import Page, Tip
    from gateway.vault.signer import Signer

MOVE_WITHIN: Final = 0.5
"""Seconds a page stays in the journal only."""

MOVE_AT: Final = 1_000_000
"""Bytes of pages from which on they are moved at once."""

_SLACK: Final = 1024  # bytes of a frame beside its lines, at most
_log = structlog.get_logger("gateway.ledger")


class Store(Protocol):
    """Keeps the pages of one chain."""

    async def append(self, new: Page, at_ms: int) -> None:
        """Keep a page, durably, so that nobody else can have made it.

        Args:
            new: The page.
            at_ms: Unix milliseconds.

        Raises:
            StorageFailed, DatabaseError: It was not kept, or (`executed` is `unknown`) nobody knows.
        """

    async def find_tip(self, chain: str) -> Tip | None:
        """Where the chain ends in the database once everything kept is there; errors as of `append`."""

    async def settle(self) -> None:
        """Return once everything kept is in the database; errors as of `append`."""

    async def close(self) -> None:
        """Release everything but the database; what was not settled is settled at the next start."""


def marked(new: Page, at_ms: int, signer: Signer) -> Kept:
    """A page as it goes into the journal."""
    return Kept(new, at_ms, signer.mark(message("journal", new.tip, at_ms)))


class DirectStore:
    """A commit for each page.

    Args:
        database: The ledger's.
        signer: Signs the ends.
    """

    def __init__(self, database: Database, signer: Signer) -> None:
        self._database = database
        self._signer = signer

    async def append(self, new: Page, at_ms: int) -> None:
        """See `Store.append`."""
        await self._database.write(partial(rows.append, pages=(Kept(new, at_ms),), signer=self._signer))

    async def find_tip(self, chain: str) -> Tip | None:
        """See `Store.find_tip`."""
        return await self._database.write(partial(rows.find_tip, chain=chain))

    async def settle(self) -> None:
        """See `Store.settle`."""

    async def close(self) -> None:
        """See `Store.close`."""


class JournalledStore:
    """A write into a journal for each page, and a commit now and then; falls back to commits if the journal fails.

    Args:
        database: The ledger's, SQLite.
        journal: Open, and all of its pages in the database.
        signer: Marks pages and signs the ends.
        lost: Called when the database's chain turns out not to end where it should: somebody changed it.
    """

    def __init__(self, database: Database, journal: Journal, signer: Signer, lost: Callable[[], None]) -> None:
        self._direct = DirectStore(database, signer)
        self._database = database
        self._journal = journal
        self._signer = signer
        self._lost = lost
        self._hand = Hand("ledger-journal")
        self._kept: list[Kept] = []
        self._leaving: list[Kept] = []
        self._bytes = 0
        self._moving: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._failed = False

    async def append(self, new: Page, at_ms: int) -> None:
        """See `Store.append`."""
        size = len(new.body) + _SLACK
        fits = not self._failed and size <= self._journal.half
        while fits and self._journal.room < size:
            await self._move()
        if not fits:
            await self.settle()
            await self._direct.append(new, at_ms)
            return
        try:
            kept = await self._hand.do(partial(self._write, new, at_ms))
        except StorageFailed as error:
            self._failed = True
            _log.error("ledger.journal.failed", fault=error.fault)
            raise
        self._kept.append(kept)
        self._bytes += len(new.body)
        if self._bytes >= MOVE_AT:
            self._begin()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MOVE_WITHIN, self._begin)

    async def find_tip(self, chain: str) -> Tip | None:
        """See `Store.find_tip`."""
        await self.settle()
        return await self._direct.find_tip(chain)

    async def settle(self) -> None:
        """See `Store.settle`."""
        while self._kept or self._leaving:
            await self._move()

    async def close(self) -> None:
        """See `Store.close`."""
        if self._timer is not None:
            self._timer.cancel()
        if self._moving is not None:
            await asyncio.wait((self._moving,))
        await asyncio.to_thread(self._hand.close)
        self._journal.close()

    def _write(self, new: Page, at_ms: int) -> Kept:
        kept = marked(new, at_ms, self._signer)
        self._journal.put(kept)
        return kept

    def _begin(self) -> asyncio.Task[None]:
        """Move in the background, unless that is under way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._moving is None:
            self._moving = asyncio.get_running_loop().create_task(self._move_once())
            self._moving.add_done_callback(self._moved)
        return self._moving

    async def _move(self) -> None:
        """Move what is kept, or wait for the move under way; raises what that raised."""
        await asyncio.shield(self._begin())

    async def _move_once(self) -> None:
        if not self._leaving:
            if not self._failed:
                await self._hand.do(self._journal.turn)
            self._leaving, self._kept, self._bytes = self._kept, [], 0
        if self._leaving:
            await self._database.write(partial(rows.move, pages=self._leaving, signer=self._signer))
            self._leaving = []

    def _moved(self, moving: asyncio.Task[None]) -> None:
        self._moving = None
        error = None if moving.cancelled() else moving.exception()
        if error is not None:
            fault = error.fault if isinstance(error, StorageFailed) else None
            _log.error("ledger.move.failed", pages=len(self._leaving), error=type(error).__name__, fault=fault)
            if fault is StorageFault.CORRUPT:
                self._lost()
        if (self._kept or self._leaving) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(MOVE_WITHIN, self._begin)
