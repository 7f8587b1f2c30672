"""The ledger's tables as the code sees them; migration `ledger:0001` makes them."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()
"""The tables of this room."""

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is compared byte by byte in both databases."""

PAGES = sa.Table(
    "ledger_pages",
    METADATA,
    sa.Column("chain", KEY, primary_key=True),
    sa.Column("first_seq", sa.BigInteger, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""Lines that were committed together."""

HEADS = sa.Table(
    "ledger_heads",
    METADATA,
    sa.Column("chain", KEY, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)
"""The end of each chain, signed and overwritten with each page, so that a cut end has no valid signature left."""

CHECKPOINTS = sa.Table(
    "ledger_checkpoints",
    METADATA,
    sa.Column("chain", KEY, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("at_ms", sa.BigInteger, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("signature", sa.LargeBinary, nullable=False),
)
"""Signed places along each chain; copies are to be kept elsewhere."""
