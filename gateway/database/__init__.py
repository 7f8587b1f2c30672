"""The gateway's own storage: SQLite or PostgreSQL behind one door.

| module | does |
| --- | --- |
| `database` | `Database`: write in groups, read on threads, probe, close |
| `writer`, `batch`, `transaction_guard`, `ticket` | grouped commits; one transaction, watched; one piece of work |
| `readers` | reads on threads |
| `engine` | URLs, settings, connections |
| `clock` | the database's own clock, which leases are on |
| `errors` | what the storage refuses, without any driver's error |
| `migrate`, `upgrade`, `migrations` | the schema and its versions, for the core and for each extension |
"""

from gateway.database.database import Database, Limits, insert_into, inserts
from gateway.database.engine import Tuning
from gateway.database.errors import (
    AlreadyThere,
    BadDatabaseUrl,
    ConstraintBroken,
    DatabaseError,
    StatementRefused,
    StorageFailed,
    StorageFault,
)
from gateway.database.writer import BatchLimits

__all__ = [
    "AlreadyThere",
    "BadDatabaseUrl",
    "BatchLimits",
    "ConstraintBroken",
    "Database",
    "DatabaseError",
    "Limits",
    "StatementRefused",
    "StorageFailed",
    "StorageFault",
    "Tuning",
    "insert_into",
    "inserts",
]
