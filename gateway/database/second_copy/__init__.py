"""The second copy of a SQLite database, on another device: every commit is there before anybody is told of it.

| module | does |
| --- | --- |
| `wal` | reads what was committed out of SQLite's own journal |
| `log` | the copy's files: snapshots (bases) and the pages committed since |
| `base` | makes snapshots |
| `place` | where the copy goes, and whether it may |
| `tail` | keeps the journal from being overwritten before it was copied; follows it |
| `copier` | the thread that copies, and what the writer asks it |
| `assemble` | makes a database of a copy again |
| `files` | copies of files beside the database, such as attachments |
"""

from gateway.database.second_copy.copier import Bounds, CopyPlace, SecondCopy, State

__all__ = ["Bounds", "CopyPlace", "SecondCopy", "State"]
