"""The tables of documents as the code sees them; migration `core:0009` makes them."""

from __future__ import annotations

import sqlalchemy as sa

from gateway.database.wrapped_keys import WrappedKeys

METADATA = sa.MetaData()
"""The tables of this room."""

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is compared byte by byte in both databases."""

DOCUMENTS = sa.Table(
    "documents",
    METADATA,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("submission", KEY, nullable=False),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("right", sa.Text, nullable=False),
    sa.Column("adapter", sa.Text, nullable=False),
    sa.Column("service", sa.Text, nullable=False),
    sa.Column("village", KEY, nullable=False),
    sa.Column("kind", KEY, nullable=False),
    sa.Column("state", KEY, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state_at", sa.Double, nullable=False),
    sa.Column("issued_at", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("blob", KEY, nullable=False),
    sa.Column("prints", sa.Integer, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("subject", sa.LargeBinary, nullable=False),
)
"""The centre's documents; `subject` marks whom one is about, and is empty where nobody is named."""

PRINTS = sa.Table(
    "prints",
    METADATA,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("document", KEY, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("village", KEY, nullable=False),
    sa.Column("kind", KEY, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("printer", KEY, nullable=False),
    sa.Column("sheets", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("mark", sa.LargeBinary, nullable=False),
)
"""Permitted printings; (document, number) and `mark`, of caller and Idempotency-Key, are unique."""

SPOILED = sa.Table(
    "spoiled_sheets",
    METADATA,
    sa.Column("id", KEY, primary_key=True),
    sa.Column("caller", KEY, nullable=False),
    sa.Column("village", KEY, nullable=False),
    sa.Column("printer", KEY, nullable=False),
    sa.Column("sheets", sa.Integer, nullable=False),
    sa.Column("operator", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("print_id", KEY, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("mark", sa.LargeBinary, nullable=False),
)
"""Sheets that came out unusable; `mark` is unique."""

CODES = sa.Table(
    "check_codes",
    METADATA,
    sa.Column("mark", sa.LargeBinary, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", KEY, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("until", sa.Double),
    sa.Column("document", KEY, nullable=False),
)
"""What each code of `/check/{code}` tells; the codes themselves stand on the papers only."""

DOCUMENT_KEYS = WrappedKeys(DOCUMENTS.c.id, DOCUMENTS.c.wrapped_key)
"""Keys of what is known of documents."""
