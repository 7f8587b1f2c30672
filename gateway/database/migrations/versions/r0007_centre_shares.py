"""Shares of the limit at the centre, leased by the instances that share a PostgreSQL database.

Revision ID: 0007
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; on SQLite nothing is ever written to them."""
    op.create_table(
        "centre_limits",
        sa.Column("centre", sa.Text, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("clock_offset", sa.Double, nullable=False),
        sa.Column("state", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "centre_shares",
        sa.Column("centre", sa.Text, primary_key=True),
        sa.Column("instance", sa.Text, primary_key=True),
        sa.Column("wanted", sa.Double, nullable=False),
        sa.Column("share", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
