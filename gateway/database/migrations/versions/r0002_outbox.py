"""The outbox: submissions, their payloads and moves, and what is claimable.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of the outbox."""
    _make_submissions()
    _index_submissions()
    _make_payloads()
    _make_moves()
    _make_claiming()
    _make_idempotency_keys()
    _make_switches()


def _make_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("number", KEY, nullable=False),
        sa.Column("caller", KEY, nullable=False),
        sa.Column("right_name", sa.Text, nullable=False),
        sa.Column("adapter", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("village", KEY, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("lane", KEY, nullable=False),
        sa.Column("filed_at", sa.Double, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("origin", sa.LargeBinary),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("state_at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("rank", sa.SmallInteger),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("claimed", sa.Boolean, nullable=False),
        sa.Column("uncertain", sa.Boolean, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Double),
        sa.Column("moves", sa.Integer, nullable=False),
        sa.Column("centre_receipt", sa.Text),
    )


def _index_submissions() -> None:
    op.create_index("submissions_number", "submissions", ["number"], unique=True)
    op.create_index("submissions_origin", "submissions", ["origin"], unique=True)
    op.create_index("submissions_of_caller", "submissions", ["caller", "id"])
    waiting, attention = sa.text("rank IS NOT NULL"), sa.text("state = 'attention'")
    op.create_index(
        "submissions_of_subject",
        "submissions",
        ["subject", "rank", "seq", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "submissions_waiting",
        "submissions",
        ["village", "priority", "seq", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "submissions_in_attention", "submissions", ["id"], sqlite_where=attention, postgresql_where=attention
    )


def _make_payloads() -> None:
    op.create_table(
        "payloads",
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _make_moves() -> None:
    op.create_table(
        "moves",
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_claiming() -> None:
    op.create_table(
        "ready",
        sa.Column("lane", KEY, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "running",
        sa.Column("submission", KEY, primary_key=True),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("subject", sa.LargeBinary, nullable=False),
        sa.Column("lease_until", sa.Double, nullable=False),
    )
    op.create_index("running_one_for_each_subject", "running", ["subject"], unique=True)
    op.create_index("running_lease", "running", ["lease_until"])
    op.create_table(
        "later",
        sa.Column("at", sa.Double, primary_key=True),
        sa.Column("submission", KEY, primary_key=True),
        sqlite_with_rowid=False,
    )


def _make_idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", KEY, primary_key=True),
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("submission", KEY, nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_keys_made_at", "idempotency_keys", ["made_at"])


def _make_switches() -> None:
    op.create_table(
        "switches",
        sa.Column("scope", KEY, primary_key=True),
        sa.Column("name", KEY, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
