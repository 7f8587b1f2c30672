"""People who sign in: their accounts, sessions, one-time codes, and how often somebody guessed wrong.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    _make_people()
    _make_sessions()
    _make_codes_and_guesses()


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("user_name", KEY, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("villages", sa.Text, nullable=False),
        sa.Column("adapters", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("seen_at", sa.Double),
        sa.Column("suspended_at", sa.Double),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("password", sa.Text),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("sealed_name", sa.LargeBinary, nullable=False),
        sa.Column("sealed_totp", sa.LargeBinary),
        sa.Column("sealed_totp_new", sa.LargeBinary),
        sa.Column("totp_step", sa.BigInteger),
    )
    op.create_index("people_by_user_name", "people", ["user_name"], unique=True)


def _make_sessions() -> None:
    op.create_table(
        "person_sessions",
        sa.Column("id", KEY, primary_key=True),
        sa.Column("person", KEY, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("hash_next", sa.LargeBinary),
        sa.Column("hash_before", sa.LargeBinary),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("renewed_at", sa.Double, nullable=False),
        sa.Column("taken_at", sa.Double, nullable=False),
    )
    op.create_index("person_sessions_by_hash", "person_sessions", ["hash"], unique=True)
    op.create_index("person_sessions_by_hash_next", "person_sessions", ["hash_next"])
    op.create_index("person_sessions_by_hash_before", "person_sessions", ["hash_before"])
    op.create_index("person_sessions_by_person", "person_sessions", ["person"])


def _make_codes_and_guesses() -> None:
    op.create_table(
        "person_codes",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("person", KEY, sa.ForeignKey("people.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
    )
    op.create_index("person_codes_by_person", "person_codes", ["person", "kind"])
    op.create_table(
        "person_guesses",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Double, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
    op.create_index("person_guesses_by_age", "person_guesses", ["at"])
