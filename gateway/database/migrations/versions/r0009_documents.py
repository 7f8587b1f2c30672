"""Documents: the centre's PDFs, their prints, spoiled sheets, and the codes by which papers are checked.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_documents()
    _make_prints()
    op.create_table(
        "check_codes",
        sa.Column("mark", sa.LargeBinary, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", KEY, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("until", sa.Double),
        sa.Column("document", KEY, nullable=False),
    )
    op.create_index("check_codes_of_document", "check_codes", ["document"])


def _make_documents() -> None:
    op.create_table(
        "documents",
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
    op.create_index("documents_due", "documents", ["state", "next_at"])
    op.create_index("documents_of_subject", "documents", ["subject", "kind"])


def _make_prints() -> None:
    op.create_table(
        "prints",
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
    op.create_index("prints_of_document", "prints", ["document", "number"], unique=True)
    op.create_index("prints_mark", "prints", ["mark"], unique=True)
    op.create_index("prints_at", "prints", ["at"])
    op.create_table(
        "spoiled_sheets",
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
    op.create_index("spoiled_sheets_mark", "spoiled_sheets", ["mark"], unique=True)
    op.create_index("spoiled_sheets_at", "spoiled_sheets", ["at"])
