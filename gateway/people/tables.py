"""The tables of callers as the code sees them; the migrations of `gateway.database` make them.

`caller_changes` holds one row whose version grows with every change, so that other processes notice cheaply.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
"""The tables of this room."""

CALLERS = sa.Table(
    "callers",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("right_name", sa.Text),
    sa.Column("village", sa.Text),
    sa.Column("adapter", sa.Text),
    sa.Column("purposes", sa.Text),
    sa.Column("fields", sa.Text),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("may_skip_cache", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
)
"""One row for each caller; the name is unique among those not revoked."""

CALLER_KEYS = sa.Table(
    "caller_keys",
    METADATA,
    sa.Column("caller", sa.Text, sa.ForeignKey("callers.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("last_used_at", sa.Double),
)
"""The keys a caller has or had, numbered from 1; all of them show the caller's id."""

CALLER_CHANGES = sa.Table(
    "caller_changes",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""One row, id 1."""

KEY_CHECKS = sa.Table(
    "key_checks",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),
)
"""One row for each of the gateway's secrets that callers' keys or sealed content depend on: its check value."""
