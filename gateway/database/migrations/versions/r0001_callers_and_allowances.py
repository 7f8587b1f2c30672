"""Callers and their keys; the rights' daily allowances.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables."""
    _make_callers()
    _make_caller_keys()
    _make_caller_changes()
    _make_allowance_days()


def _make_callers() -> None:
    op.create_table(
        "callers",
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
    alive = sa.text("revoked_at IS NULL")
    op.create_index(
        "callers_name_of_the_living", "callers", ["name"], unique=True, sqlite_where=alive, postgresql_where=alive
    )


def _make_caller_keys() -> None:
    op.create_table(
        "caller_keys",
        sa.Column("caller", sa.Text, sa.ForeignKey("callers.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double),
    )


def _make_caller_changes() -> None:
    changes = op.create_table(
        "caller_changes",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(changes, [{"id": 1, "version": 0}])


def _make_allowance_days() -> None:
    op.create_table(
        "allowance_days",
        sa.Column("right", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, primary_key=True),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("left", sa.Integer),
        sa.Column("exhausted", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
