"""Which installation this database belongs to, and each time it was put back from a copy.

Revision ID: 0006
Revises: 0003
"""

import time
import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the installation's id."""
    table = op.create_table(
        "lineage",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("installation", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("how", sa.Text, nullable=False),
        sa.Column("doubted", sa.Integer, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
    )
    first = {"number": 1, "installation": uuid.uuid4().hex, "at": time.time(), "how": "made"}
    op.bulk_insert(table, [{**first, "doubted": 0, "told": True}])
