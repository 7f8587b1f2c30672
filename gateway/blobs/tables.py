"""The tables of blobs as the code sees them; migration `core:0004` makes them."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.database.wrapped_keys import WrappedKeys

METADATA = sa.MetaData()
"""The tables of this room."""

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is compared byte by byte in both databases."""

BLOBS = sa.Table(
    "blobs",
    METADATA,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("mark", sa.LargeBinary, nullable=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("got", sa.BigInteger, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("media", sa.Text, nullable=False),
    sa.Column("frames", sa.Integer, nullable=False),
    sa.Column("stored", sa.BigInteger, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("touched_at", sa.Double, nullable=False),
)
"""One row for each caller's blob (`mark` is unique); without it what is stored of the blob is noise."""

USES = sa.Table(
    "blob_uses",
    METADATA,
    sa.Column("submission", KEY, primary_key=True),
    sa.Column("blob", KEY, primary_key=True),
)
"""Which submissions need which blobs; gone with the submission's content."""

PIECES = sa.Table(
    "blob_pieces",
    METADATA,
    sa.Column("blob", KEY, primary_key=True),
    sa.Column("at", sa.BigInteger, primary_key=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
"""Frames, where they are kept in the database; `size` is what a frame holds once opened."""

BLOB_KEYS = WrappedKeys(BLOBS.c.id, BLOBS.c.wrapped_key)
"""Keys of files."""
