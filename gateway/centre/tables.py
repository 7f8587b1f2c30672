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

marks = Table(
    "marks",
    cache_metadata,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
)
"""How far this instance has followed the news of what is to be forgotten; gone with the file, as are the answers."""

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

centre_limits = Table(
    "centre_limits",
    core_metadata,
    Column("centre", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("clock_offset", Float, nullable=False),
    Column("state", LargeBinary, nullable=False),
)
"""What all instances together may have in flight at a centre (its URL), and what that was learnt from (`share_state`).

`at` is when it was last changed, by the database's clock plus `clock_offset`, which grows where that clock goes back.
"""

centre_shares = Table(
    "centre_shares",
    core_metadata,
    Column("centre", Text, primary_key=True),
    Column("instance", Text, primary_key=True),
    Column("wanted", Float, nullable=False),
    Column("share", Float, nullable=False),
    Column("until", Float, nullable=False),
)
"""Leases: calls an instance would have in flight, those it may, and until when (on the scale of `centre_limits.at`)."""
