"""How far the history in a database file goes: of two files of one installation the one that goes on longer is newer.

```
made ── return 2 ── return 3 ──►      a database that was put back goes on as a branch of its own: branches first,
           └─── return 3' ──►         then what only ever grows along one
```

Rows alone do not tell: decisions, claims, revoked keys and destroyed contents come without a new submission.
"""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_GROWING: Final = (
    "SELECT count(*) FROM submissions",
    "SELECT seq FROM sqlite_sequence WHERE name = 'notices'",
    "SELECT version FROM caller_changes",
    "SELECT sum(tries) FROM submissions",
    "SELECT sum(at_seq) FROM cursors WHERE name LIKE 'centre:%'",
    "SELECT sum(moves) FROM submissions",
    "SELECT -count(*) FROM payloads",
)
"""Each only grows along a branch (the last two nearly so); whichever differs first tells which goes on longer."""

_PAGES: Final = ("SELECT count(*) FROM ledger_pages",)
_RETURNS: Final = "SELECT number, at FROM lineage ORDER BY number"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a file goes; the greater one is newer.

    Attributes:
        returns: Number and time (Unix seconds) of its making and of each return; of two branches the one is taken that
            was put back later.
        counts: What only grows, the most telling first; -1 where the file knows nothing of it yet.
    """

    returns: tuple[tuple[int, float], ...]
    counts: tuple[int, ...]

    def is_apart_from(self, other: Position) -> bool:
        """Whether each went a way of its own since both were the same: then neither holds all of the other."""
        common = min(len(self.returns), len(other.returns))
        return self.returns[:common] != other.returns[:common]


def of_gateway(database: Path) -> Position:
    """How far a gateway's database goes."""
    return _position(database, _GROWING)


def of_ledger(database: Path) -> Position:
    """How far a ledger goes."""
    return _position(database, _PAGES)


def _position(database: Path, questions: tuple[str, ...]) -> Position:
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        returns = tuple((int(number), float(at)) for number, at in _rows(connection, _RETURNS))
        return Position(returns, tuple(_count(connection, question) for question in questions))


def _count(connection: sqlite3.Connection, question: str) -> int:
    rows = _rows(connection, question)
    return int(rows[0][0] or 0) if rows else -1


def _rows(connection: sqlite3.Connection, question: str) -> list[tuple[float, ...]]:
    try:
        return connection.execute(question).fetchall()
    except sqlite3.OperationalError:  # a file of an older version has no such table
        return []
