"""Who did what: a record before and after each exchange, chained so that no later change goes unseen.

| module | does |
| --- | --- |
| `records` | what is written, without personal data |
| `lines` | the chain: canonical lines, pages of them, what is signed (pure) |
| `ledger` | `Ledger`: began (durable before it returns), ended, checkpoints |
| `writer` | `Writer`: what waits shares a page; a page of unknown fate |
| `stores`, `journal`, `leftover` | where pages go, and what a kill left on the way |
| `rows`, `tables`, `migrations` | the same in a database |
| `scan` | walks a chain and says where it was changed (pure) |
| `audit` | verify, export and checkpoint over a database, for commands |
"""

from gateway.database.migrate import MigrationSet

TABLES = MigrationSet("ledger", "gateway.ledger.migrations", prefix="ledger_")
"""The ledger's tables: on SQLite in a file of their own, on PostgreSQL beside all others."""
