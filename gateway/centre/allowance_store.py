"""The days of the allowance in the core database, so that a restart does not refill them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import delete, select

from gateway.centre.allowance_book import DayRow
from gateway.centre.tables import allowance_days
from gateway.contract.messages import CentreService
from gateway.database.database import insert_into

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.database.database import Database

KEPT_DAYS = 40
"""Days kept, for reports."""


Sums = dict[tuple[str, str, str], int]
"""Attempts stored, by right, day and service."""


class AllowanceStore(Protocol):
    """Where counts outlive the process."""

    async def load(self) -> list[DayRow]:
        """The latest days."""

    async def add(self, rows: Sequence[DayRow]) -> Sums:
        """Add to the stored counts; their sums. Raises `GatewayError` if it cannot."""


class DatabaseAllowanceStore:
    """The store in the core database (table `allowance_days`).

    Args:
        database: The core database.
        clock: The gateway's clock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def load(self) -> list[DayRow]:
        """All days kept.

        Raises:
            StorageUnavailable: They cannot be read.
        """
        return await self._database.read(_load)

    async def add(self, rows: Sequence[DayRow]) -> Sums:
        """Add to the stored counts and drop days nobody needs any more; without rows there is nothing to do.

        Raises:
            StorageUnavailable: They cannot be written.
        """
        if not rows:  # another save took them first
            return {}
        now = self._clock.now()
        return await self._database.write(lambda connection: _add(connection, rows, now))


def _load(connection: sa.Connection) -> list[DayRow]:
    columns = allowance_days.c
    rows = connection.execute(
        select(columns.right, columns.day, columns.service, columns.used, columns.left, columns.exhausted)
    )
    known = set(CentreService)
    return [
        DayRow(right, day, CentreService(service), used, left, bool(exhausted))
        for right, day, service, used, left, exhausted in rows
        if service in known
    ]


def _add(connection: sa.Connection, rows: Sequence[DayRow], now: float) -> Sums:
    values = [
        {
            "right": row.right,
            "day": row.day,
            "service": str(row.service),
            "used": row.used,
            "left": row.left,
            "exhausted": row.exhausted,
            "updated_at": now,
        }
        for row in rows
    ]
    columns = allowance_days.c
    statement = insert_into(connection, allowance_days).values(values)
    fresh: dict[str, sa.ColumnElement[Any]] = {
        name: statement.excluded[name] for name in ("left", "exhausted", "updated_at")
    }
    fresh["used"] = columns.used + statement.excluded.used
    stored = connection.execute(
        statement.on_conflict_do_update(index_elements=["right", "day", "service"], set_=fresh).returning(
            columns.right, columns.day, columns.service, columns.used
        )
    )
    sums = {(right, day, service): used for right, day, service, used in stored}
    connection.execute(delete(allowance_days).where(columns.updated_at < now - KEPT_DAYS * 86_400.0))
    return sums
