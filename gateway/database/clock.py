"""The database's own clock: leases are on it, for it is the one that all instances share."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW: Final[Mapping[str, sa.ColumnElement[float]]] = MappingProxyType(
    {
        "sqlite": sa.literal_column("((julianday('now') - 2440587.5) * 86400.0)", sa.Double()),
        "postgresql": sa.literal_column("CAST(extract(epoch FROM clock_timestamp()) AS double precision)", sa.Double()),
    }
)
"""The present moment by dialect, Unix seconds, as a part of a statement."""


def now_in(connection: sa.Connection) -> sa.ColumnElement[float]:
    """The present moment, Unix seconds, as a part of a statement: of the statement, not of its transaction's begin."""
    return NOW[connection.dialect.name]


def now_by(connection: sa.Connection) -> float:
    """The present moment, Unix seconds, asked of the database."""
    return float(connection.execute(sa.select(now_in(connection))).scalar_one())
