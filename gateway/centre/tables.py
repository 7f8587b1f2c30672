"""Tables of this room: the cache's own file, and the days of the allowance in the core database."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, MetaData, Table, Text

cache_metadata = MetaData()
"""Tables of `cache.db`, created by the cache itself: the file may be thrown away at any time."""

answers = Table(
    "answers",
    cache_metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("stored_at", Float, nullable=False),
    Column("used_at", Float, nullable=False, index=True),
    Column("sealed", LargeBinary, nullable=False),
)
"""What was answered: `key` begins with the keyed hash of the subject; `sealed` is opened with the key as context."""

core_metadata = MetaData()
"""Tables of `gateway.db`, created by the core's migrations."""

allowance_days = Table(
    "allowance_days",
    core_metadata,
    Column("right", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("used", Integer, nullable=False),
    Column("left", Integer),
    Column("exhausted", Boolean, nullable=False),
    Column("updated_at", Float, nullable=False),
)
"""Attempts spent per right, day (ISO date in the centre's zone) and service; `left` and `exhausted` are the right's."""
