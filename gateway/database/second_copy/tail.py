"""Follows SQLite's write-ahead log and keeps it from being overwritten before it was copied.

SQLite begins the log file anew once all of it is in the database file and nobody reads from it. The *guard*, an open
read transaction, forbids that:

- As long as it reads from the log, no further than it was copied, the file is not begun anew.
- Where it reads from the database file (all of the log is in there, and was copied) the file may be begun anew once;
  nothing of that goes into the database file meanwhile, so not a second time.

The guard is only ever moved while the write lock is held and the log was copied to its end. So nothing is missed,
whichever process writes; SQLite's count of commits proves it each time. The copy's device is never waited
for under that lock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.database.second_copy.wal import Wal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.database.second_copy.wal import End, Pages

_BUSY: Final = 5.0


class ContinuityLost(Exception):
    """Something was committed that cannot be followed; only a new snapshot leads on."""


class News(NamedTuple):
    """What was committed since `Tail.took`.

    Attributes:
        pages: What it changed; None if nothing was committed.
        end: Where that ends.
        more: There is more behind it.
    """

    pages: Pages | None
    end: End
    more: bool = False


class Tail:
    """The end of a database's log; its connections and files stay open until `close`.

    Args:
        database: A SQLite database in WAL mode.
        frames: Frames after which the log is long.
        piece: Frames after which what was missed is told in another piece.
    """

    def __init__(self, database: Path, frames: int, piece: int) -> None:
        self._database = database
        self._most = frames
        self._piece = piece
        self._guard = self._connect()
        self._helper = self._connect()
        self._guard.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # makes the log and its index
        self._wal = Wal(database)
        self._at: End = self._wal.end()
        self._renewed = self._at

    @contextlib.contextmanager
    def still(self) -> Iterator[None]:
        """Hold the write lock: nobody commits meanwhile.

        Raises:
            sqlite3.OperationalError: Somebody else holds it for too long.
        """
        self._helper.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._helper.execute("ROLLBACK")

    def begin(self) -> sqlite3.Connection:
        """Follow from here on.

        Returns:
            A connection that sees the database as it is here, for any thread; to be closed.

        Raises:
            sqlite3.Error: The write lock is held by somebody else for too long.
        """
        with self.still():
            self.let_go()
            self._at = self._renewed = self._wal.end()
            self._hold()
            return self._snapshot()

    def cut(self) -> tuple[News, sqlite3.Connection] | None:
        """What `news` tells, with a connection that sees the database as it is there; errors as of both.

        None where that is too much to be held at once: copy it first.
        """
        with self.still():
            news = self.news()
            return None if news.more else (news, self._snapshot())

    def news(self) -> News:
        """What was committed since `took`, or the first piece of it.

        Raises:
            ContinuityLost: It cannot be told.
            WalUnreadable: The log is not as SQLite leaves it.
        """
        return self._news(self._piece)

    def _news(self, most: int) -> News:
        end, at = self._wal.end(), self._at
        after = at.frame if end.salt == at.salt else 0
        commits = end.commits_since(at)
        if end.frame < after or (end.frame == after and commits):
            raise ContinuityLost
        if end.frame == after:
            return News(None, end)
        if end.frame - after > most and self._wal.commits(after, end) != commits:
            raise ContinuityLost  # before a part of it is told
        pages, frame = self._wal.read(after, end, most)
        if frame < end.frame:
            return News(pages, replace(end, frame=frame, changes=at.changes + pages.commits), more=True)
        if pages.commits != commits:
            raise ContinuityLost
        return News(pages, end)

    def took(self, end: End) -> None:
        """What was committed up to there is copied."""
        self._at = end

    @property
    def is_long(self) -> bool:
        """Whether the log should be brought into the database file."""
        same = self._at.salt == self._renewed.salt
        return self._at.frame - (self._renewed.frame if same else 0) >= self._most

    def renew(self) -> None:
        """Bring the log into the database file, so that it can be begun anew; not while something is new."""
        with self.still():
            if self.news().pages is not None:
                return
            self.let_go()
            self._guard.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            self._hold()
            self._renewed = self._at

    def truncate(self) -> tuple[bool, News]:
        """Empty the log file.

        Returns:
            Whether it was: not where something in it is new, or somebody reads from it; and what was committed since,
            for `took` once it is copied. That is all of it, for the guard goes there: as much as is committed while
            SQLite empties the file.

        Raises:
            ContinuityLost: Something was committed meanwhile, and may be in the database file only.
        """
        with self.still():
            if (news := self.news()).pages is not None:
                return False, news
        self.let_go()
        busy, _, _ = self._guard.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        with self.still():
            news = self._news(sys.maxsize)
            self._hold()
            self._renewed = news.end
        return not busy, news

    def let_go(self) -> None:
        """End the guard's transaction; may be called from any thread."""
        if self._guard.in_transaction:
            self._guard.execute("ROLLBACK")

    def close(self) -> None:
        """Close connections and files; only after all other connections of this process."""
        self._guard.close()
        self._helper.close()
        self._wal.close()

    def _hold(self) -> None:
        _read_from_now_on(self._guard)

    def _snapshot(self) -> sqlite3.Connection:
        connection = self._connect()
        _read_from_now_on(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._database, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL").close()
        return connection


def _read_from_now_on(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
