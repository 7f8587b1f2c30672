"""The centre's book: what was handed in, what was decided, what happened, and blobs. SQLite; a commit is durable.

Without a folder the book is in memory and ends with the process. In a folder it is written ahead and forced to the disk
before anything is acknowledged, so neither SIGKILL nor a power cut takes back what somebody was told. Everything that
arrives together is committed together: nothing may be told to anybody while the book is `unsettled`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from gateway.mock_siak.cases import Case
from gateway.mock_siak.state import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gateway.mock_siak.cases import Document

_TABLES = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS taken (
    id INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT NOT NULL, due_at REAL NOT NULL, decided INTEGER,
    body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS taken_reference ON taken (reference);
CREATE INDEX IF NOT EXISTS taken_due ON taken (due_at, id) WHERE decided IS NULL;
CREATE INDEX IF NOT EXISTS taken_decided ON taken (decided) WHERE decided IS NOT NULL;
CREATE TABLE IF NOT EXISTS arrival (reference TEXT PRIMARY KEY, arrivals INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refusal (
    reference TEXT NOT NULL, code TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (reference, code));
CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS blob (
    account TEXT NOT NULL, sha256 TEXT NOT NULL, length INTEGER NOT NULL, got INTEGER NOT NULL,
    PRIMARY KEY (account, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS piece (
    account TEXT NOT NULL, sha256 TEXT NOT NULL, at INTEGER NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (account, sha256, at));
CREATE TABLE IF NOT EXISTS document (receipt TEXT PRIMARY KEY, taken INTEGER NOT NULL) WITHOUT ROWID;
"""
_KEPT = ("taken", "arrival", "refusal", "event", "blob", "piece", "document")
_case = msgspec.json.Decoder(Case).decode
_encode = msgspec.json.encode


class Blob(msgspec.Struct, frozen=True):
    """How much of a blob is there, in bytes."""

    length: int
    got: int

    @property
    def complete(self) -> bool:
        """Whether all of it is there."""
        return self.got == self.length


class Book:
    """Open it before use; what is written is durable after `commit`."""

    def __init__(self, folder: Path | None, population: str) -> None:
        """A book for the population described by `population`; decisions about another one would make no sense."""
        self._file = folder / "mock_siak.db" if folder else None
        self._population = population
        self._database: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or make it.

        Raises:
            StateError: The file is damaged, or belongs to another population.
        """
        self._database = sqlite3.connect(self._file or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_TABLES)
            self._db.execute("INSERT OR IGNORE INTO fact VALUES ('population', ?)", (self._population,))
            (found,) = self._db.execute("SELECT value FROM fact WHERE name = 'population'").fetchone()
            self._list_documents()
        except sqlite3.DatabaseError as error:
            self.close()
            raise StateError(f"{self._file}: {error}") from error
        if found != self._population:
            self.close()
            raise StateError(f"{self._file}: belongs to {found}, not {self._population}")

    def close(self) -> None:
        """Close it, with what was written; safe to call twice."""
        if self._database is not None:
            self.commit()
            self._database.close()
            self._database = None

    @property
    def unsettled(self) -> bool:
        """Whether something was written that is not durable yet."""
        return self._database is not None and self._database.in_transaction

    def commit(self) -> None:
        """Make everything written so far durable.

        Raises:
            sqlite3.Error: It is not, and is forgotten.
        """
        if not self._db.in_transaction:
            return
        try:
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def clear(self) -> None:
        """Forget everything; cursors given out before stay good."""
        with self._transaction() as database:
            for table in _KEPT:
                database.execute(f"DELETE FROM {table}")  # noqa: S608 one of our own names

    def arrive(self, reference: str) -> None:
        """Count one more arrival of something the book holds."""
        with self._transaction() as database:
            database.execute(_ARRIVE, (reference,))

    def take(self, case: Case) -> Case:
        """Write a new case down and, if somebody handed it in, its arrival; the case with its number."""
        with self._transaction() as database:
            if case.account:
                database.execute(_ARRIVE, (case.reference,))
            row = (case.reference, case.due_at, _encode(case))
            number = database.execute("INSERT INTO taken (reference, due_at, body) VALUES (?, ?, ?)", row).lastrowid
        return replace(case, id=number or 0)

    def refuse(self, reference: str, code: str) -> None:
        """Count a refusal under a reference."""
        with self._transaction() as database:
            database.execute(_REFUSE, (reference, code))

    def find(self, reference: str) -> Case | None:
        """The first case under a reference."""
        query = "SELECT id, body FROM taken WHERE reference = ? ORDER BY id LIMIT 1"
        return next(self._cases(query, (reference,)), None)

    def next_due(self) -> float | None:
        """When the office has something to decide next; None for never."""
        found: tuple[float | None] = self._db.execute("SELECT min(due_at) FROM taken WHERE decided IS NULL").fetchone()
        return found[0]

    def due(self, now: float) -> list[Case]:
        """What the office has to decide by `now`, the most urgent first."""
        query = "SELECT id, body FROM taken WHERE decided IS NULL AND due_at <= ? ORDER BY due_at, id LIMIT 1000"
        return list(self._cases(query, (now,)))

    def decided(self) -> Iterator[Case]:
        """Everything that was decided, in that order."""
        return self._cases("SELECT id, body FROM taken WHERE decided IS NOT NULL ORDER BY decided", ())

    def decide(self, cases: Sequence[Case], events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Write decisions down in their order, with the events (account or empty for all, body) that come of them."""
        with self._transaction() as database:
            (last,) = database.execute(
                "SELECT coalesce(max(decided), 0) FROM taken WHERE decided IS NOT NULL"
            ).fetchone()
            rows = [(last + place, _encode(case), case.id) for place, case in enumerate(cases, 1)]
            database.executemany("UPDATE taken SET decided = ?, body = ? WHERE id = ?", rows)
            database.executemany(_LIST, _listed(cases))
            told = [(account, _encode(body)) for account, body in events]
            database.executemany("INSERT INTO event (account, body) VALUES (?, ?)", told)

    def issued(self, account: str, receipt: str) -> tuple[Case, Document] | None:
        """The document of a receipt, and the case it was issued in, if the account handed that in."""
        query = "SELECT id, body FROM taken WHERE id = (SELECT taken FROM document WHERE receipt = ?)"
        found = ((case, one) for case in self._cases(query, (receipt,)) for one in case.documents)
        mine = ((case, one) for case, one in found if one.receipt == receipt and case.account == account)
        return next(mine, None)

    def events(self, account: str, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """Up to `limit` events that an account sees after a cursor, and whether there are more."""
        query = "SELECT seq, body FROM event WHERE seq > ? AND account IN ('', ?) ORDER BY seq LIMIT ?"
        rows = self._db.execute(query, (after, account, limit + 1)).fetchall()
        return [{"seq": seq, **msgspec.json.decode(body)} for seq, body in rows[:limit]], len(rows) > limit

    def last_event(self) -> int:
        """The highest cursor ever given out."""
        found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return int(found[0]) if found else 0

    def ledger(self) -> dict[str, Any]:
        """What took effect, and what was refused, by reference."""
        query = "SELECT reference, arrivals FROM arrival ORDER BY rowid"
        entries = [self._entry(reference, arrivals) for reference, arrivals in self._db.execute(query).fetchall()]
        refused = self._db.execute("SELECT reference, code, times FROM refusal ORDER BY rowid").fetchall()
        told = [{"reference": reference, "code": code, "arrivals": times} for reference, code, times in refused]
        return {"entries": entries, "refused": told}

    def blob(self, account: str, sha256: str) -> Blob | None:
        """How much of a blob an account has handed in."""
        query = "SELECT length, got FROM blob WHERE account = ? AND sha256 = ?"
        found = self._db.execute(query, (account, sha256)).fetchone()
        return Blob(*found) if found else None

    def add_piece(self, account: str, sha256: str, piece: bytes, before: Blob) -> Blob:
        """Add a piece where a blob ends."""
        after = Blob(before.length, before.got + len(piece))
        with self._transaction() as database:
            database.execute("REPLACE INTO blob VALUES (?, ?, ?, ?)", (account, sha256, after.length, after.got))
            database.execute("REPLACE INTO piece VALUES (?, ?, ?, ?)", (account, sha256, before.got, piece))
        return after

    def content(self, account: str, sha256: str) -> bytes:
        """What there is of a blob."""
        query = "SELECT content FROM piece WHERE account = ? AND sha256 = ? ORDER BY at"
        return b"".join(row[0] for row in self._db.execute(query, (account, sha256)))

    def drop_blob(self, account: str, sha256: str) -> None:
        """Throw a blob away."""
        with self._transaction() as database:
            database.execute("DELETE FROM blob WHERE account = ? AND sha256 = ?", (account, sha256))
            database.execute("DELETE FROM piece WHERE account = ? AND sha256 = ?", (account, sha256))

    @property
    def _db(self) -> sqlite3.Connection:
        if self._database is None:
            raise RuntimeError("the book is closed")
        return self._database

    def _list_documents(self) -> None:
        """Once, in a book that was begun before documents could be fetched."""
        first = self._db.execute("INSERT OR IGNORE INTO fact VALUES ('documents', 'listed')").rowcount
        if first:
            self._db.executemany(_LIST, _listed(self.decided()))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, as a part of what is committed next."""
        database = self._db
        if not database.in_transaction:
            database.execute("BEGIN IMMEDIATE")
        database.execute("SAVEPOINT part")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK TO part")
            raise
        finally:
            database.execute("RELEASE part")

    def _cases(self, query: str, values: tuple[object, ...]) -> Iterator[Case]:
        for number, body in self._db.execute(query, values).fetchall():
            yield replace(_case(body), id=number)

    def _entry(self, reference: str, arrivals: int) -> dict[str, Any]:
        """A line of the ledger; effects are counted, not assumed."""
        query = "SELECT id, body FROM taken WHERE reference = ? ORDER BY id"
        cases = list(self._cases(query, (reference,)))
        first = cases[0]
        return {
            "reference": reference,
            "receipt": first.receipt,
            "arrivals": arrivals,
            "effects": len(cases),
            "account": first.account,
            "service": first.service,
            "digest": first.digest,
            "state": first.state,
        }


_ARRIVE = "INSERT INTO arrival VALUES (?, 1) ON CONFLICT DO UPDATE SET arrivals = arrivals + 1"
_LIST = "INSERT OR IGNORE INTO document VALUES (?, ?)"
_REFUSE = "INSERT INTO refusal VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1"


def _listed(cases: Iterable[Case]) -> list[tuple[str, int]]:
    """Rows of the table of documents."""
    return [(document.receipt, case.id) for case in cases for document in case.documents]
