"""The ledger: pages of lines, the signed end of each chain, checkpoints.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of the ledger."""
    op.create_table(
        "ledger_pages",
        sa.Column("chain", KEY, primary_key=True),
        sa.Column("first_seq", sa.BigInteger, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "ledger_heads",
        sa.Column("chain", KEY, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        *_signed(),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("chain", KEY, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        *_signed()[1:],
    )


def _signed() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
