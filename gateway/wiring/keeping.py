"""What keeps what was handed in, and what lets go of it: the second copy, and retention.

```
serving ─► second copy of gateway.db (and ledger.db), each with a log and bases of its own
every so often ─► content of what ended long ago, and its files: deleted ─┬─► journal emptied, second copy begun anew
                  uploads nobody handed in, contents of before a correction ┘
                  keys under an older master, of files too: wrapped anew, so that the master can be dropped
```
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from gateway.blobs.tables import BLOBS, PIECES
from gateway.database import lineage
from gateway.database.second_copy import CopyPlace
from gateway.documents.tables import DOCUMENTS
from gateway.ledger.records import Returned
from gateway.outbox.tables import OUTCOMES, PAYLOADS

if TYPE_CHECKING:
    from gateway.blobs.store import DatabaseBlobs
    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.documents.store import Documents
    from gateway.ledger.ledger import Ledger
    from gateway.outbox.store import DatabaseOutbox
    from gateway.settings import Settings

LOOK_EVERY: Final = 60.0
"""Seconds between two looks whether it is time: `retention.every` may be longer than a process lives."""

SCRUBBED: Final = tuple(table.name for table in (PAYLOADS, OUTCOMES, BLOBS, PIECES, DOCUMENTS))
"""Tables that hold what retention destroys."""

_DAY: Final = 86_400.0
_log = structlog.get_logger("gateway.wiring")


async def keep_copy(settings: Settings, database: Database) -> CopyPlace | None:
    """Keep a second copy of a SQLite database from now on, where the config names a place; the place.

    Raises:
        StorageUnavailable: The database cannot be read.
    """
    folder = settings.replica_folder
    if folder is None or database.kind != "sqlite":
        return None
    owner = await database.read(lineage.installation)
    place = CopyPlace(folder.absolute(), owner, settings.replica.same_device, settings.replica.patience)
    database.keep_copy(place)
    return place


async def tell_returns(database: Database, ledger: Ledger | None) -> None:
    """Write each return of the database into the ledger, once; without one they wait until there is.

    Raises:
        StorageUnavailable: It could not be written.
    """
    if ledger is None:
        return
    for one in await database.read(lineage.untold):
        await ledger.returned(Returned(one.at, one.how, one.doubted))
        await database.write(partial(lineage.note_told, number=one.number))


class Retention:
    """Destroys the content of what ended long ago.

    Args:
        settings: The config, read at start.
        database: Holds the outbox.
        outbox: Whose contents these are.
        blobs: The files that belong to them.
        documents: What was issued of them; destroyed by its own job, `Fetcher.tidy`.
        clock: The gateway's clock.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        outbox: DatabaseOutbox,
        blobs: DatabaseBlobs,
        clock: Clock,
        documents: Documents | None = None,
    ) -> None:
        self._settings = settings.retention
        self._unused = settings.blobs.keep_days
        self._database = database
        self._outbox = outbox
        self._blobs = blobs
        self._documents = documents
        self._clock = clock
        self._not_before = float("-inf")

    @property
    def every(self) -> float:
        """Seconds between two calls of `run`."""
        return min(LOOK_EVERY, self._settings.every)

    async def run(self) -> None:
        """Destroy what is due, if it is time to look.

        Raises:
            StorageUnavailable: It could not be done; what was not is due again.
        """
        if self._clock.monotonic() < self._not_before:
            return
        now = self._clock.now()
        days = self._settings.days
        gone = await self._outbox.shred(now - days * _DAY)
        keys = await self._outbox.forget_keys(now - max(days, self._settings.key_days) * _DAY)
        wrapped = await self._outbox.rewrap() + await self._blobs.rewrap()
        wrapped += 0 if self._documents is None else await self._documents.rewrap()
        if gone:
            await self._blobs.sweep(now - self._unused * _DAY)
        if gone or wrapped or self._database.unscrubbed:
            await self._database.scrub(SCRUBBED)
        if gone or keys or wrapped:
            _log.info("retention.finished", removed=gone, keys=keys, rewrapped=wrapped)
        self._not_before = self._clock.monotonic() + self._settings.every
