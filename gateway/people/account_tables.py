"""The tables of people as the code sees them; migration `core:0008` makes them.

```
people            one row for each account; its name and its TOTP secret sealed under a key of its own
person_sessions   who is signed in where; hashes of tokens only
person_codes      recovery codes and set-up codes; hashes only, deleted when they are used
person_guesses    how often somebody guessed wrong, by keyed hashes of whom and whence
```
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.database.wrapped_keys import WrappedKeys

METADATA = sa.MetaData()
"""The tables of people."""

PEOPLE = sa.Table(
    "people",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_name", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("villages", sa.Text, nullable=False),
    sa.Column("adapters", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("seen_at", sa.Double),
    sa.Column("suspended_at", sa.Double),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("password", sa.Text),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed_name", sa.LargeBinary, nullable=False),
    sa.Column("sealed_totp", sa.LargeBinary),
    sa.Column("sealed_totp_new", sa.LargeBinary),
    sa.Column("totp_step", sa.BigInteger),
)
"""Accounts. They are suspended, never deleted: the ledger names them. `totp_step` is the last time step used."""

SESSIONS = sa.Table(
    "person_sessions",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("generation", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("hash_next", sa.LargeBinary),
    sa.Column("hash_before", sa.LargeBinary),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("renewed_at", sa.Double, nullable=False),
    sa.Column("taken_at", sa.Double, nullable=False),
)
"""Sessions; see `session_policy` for the three hashes and the times."""

CODES = sa.Table(
    "person_codes",
    METADATA,
    sa.Column("hash", sa.LargeBinary, primary_key=True),
    sa.Column("person", sa.Text, sa.ForeignKey("people.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""One-time codes."""

GUESSES = sa.Table(
    "person_guesses",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("failures", sa.Double, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
"""Wrong guesses; see `guess_policy`."""

PERSON_KEYS: Final = WrappedKeys(PEOPLE.c.id, PEOPLE.c.wrapped_key)
"""Where the keys of accounts stand."""
