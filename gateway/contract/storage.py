"""Own tables of an extension: made by its own revisions, named after it, read and written through the host."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of one extension; every name begins with the extension's name and an underscore.

    A revision that makes, changes, fills, empties or drops a table of anybody else, ends the transaction or makes a
    trigger is refused and nothing of it is kept. On SQLite they are made when the extension is loaded, on PostgreSQL
    by `siak-gateway migrate`.

    Attributes:
        migrations: Package of the revision files `r<revision>_<words>.py` (Alembic, one line of history), such as
            `village_desk.migrations`.
    """

    migrations: str
