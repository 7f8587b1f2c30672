"""Blobs: files that belong to submissions, who needs them, and their frames where no folder is shared.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "blobs",
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
    op.create_index("blobs_mark", "blobs", ["mark"], unique=True)
    op.create_index("blobs_of_caller", "blobs", ["caller"])
    op.create_index("blobs_touched", "blobs", ["touched_at"])
    op.create_table(
        "blob_uses",
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("blob", KEY, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("blob_uses_of_blob", "blob_uses", ["blob"])
    op.create_table(
        "blob_pieces",
        sa.Column("blob", KEY, primary_key=True),
        sa.Column("at", sa.BigInteger, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":  # sealed bytes cannot be compressed: do not try
        op.execute("ALTER TABLE blob_pieces ALTER COLUMN sealed SET STORAGE EXTERNAL")
