"""What the centre tells of submissions that are not known here, as after the return from an old backup.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "strays",
        sa.Column("reference", key, primary_key=True),
        sa.Column("tail", key, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.Column("documents", sa.Text, nullable=False),
        sa.Column("rejected", sa.Text, nullable=False),
        sa.Column("decided_at", sa.Double),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("settled_at", sa.Double),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
    )
    op.create_index("strays_by_tail", "strays", ["tail"])
