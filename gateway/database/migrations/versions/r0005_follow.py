"""What follows a submission's delivery: outcomes, cursors, leases, notices and their deliveries.

Revision ID: 0005
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_outcomes()
    _make_cursors()
    _make_notices()
    _make_deliveries()


def _make_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _make_cursors() -> None:
    op.create_table(
        "leases",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_table(
        "cursors",
        sa.Column("name", KEY, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("at_seq", sa.BigInteger, nullable=False),
        sa.Column("read_at", sa.Double),
    )
    op.create_table(
        "centre_news",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _make_notices() -> None:
    """`epoch` tells on PostgreSQL which transaction wrote a row: only what all earlier ones have written is read."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    epoch = sa.text("0" if is_sqlite else "(CAST(CAST(pg_current_xact_id() AS text) AS bigint))")
    op.create_table(
        "notices",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("epoch", sa.BigInteger, nullable=False, server_default=epoch),
        sa.Column("submission", KEY, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("caller", KEY, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("village", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("notices_in_order", "notices", ["epoch", "seq"])
    op.create_index("notices_of_caller", "notices", ["caller", "epoch", "seq"])


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("notice", sa.BigInteger, primary_key=True),
        sa.Column("notifier", KEY, primary_key=True),
        sa.Column("target", KEY, primary_key=True),
        sa.Column("state", KEY, nullable=False),
        sa.Column("next_at", sa.Double, nullable=False),
        sa.Column("first_at", sa.Double, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "notifier", "target", "next_at"])
