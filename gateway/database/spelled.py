"""Statements in the driver's own words, for those that run for every hand-in and every claim.

SQLAlchemy spells each of them out once; from then on the text goes straight to the driver, which costs a third of
Core's time. The driver sees the values as they are: no enumerations, and truth comes back as 0 and 1 from SQLite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa
    from sqlalchemy.sql.compiler import SQLCompiler


class Spelled:
    """One statement; may be shared by threads.

    Args:
        statement: The same for both databases, or one by name of the dialect. Its values are given by name, always
            the same names.
    """

    def __init__(self, statement: sa.sql.ClauseElement | Mapping[str, Any]) -> None:
        self._statement = statement
        self._texts: dict[str, tuple[str, dict[str, Any], tuple[str, ...] | None]] = {}

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> sa.CursorResult[Any]:
        """Execute it.

        Args:
            connection: Of either database.
            values: The values of its parameters.
        """
        text, own, order = self._texts.get(connection.dialect.name) or self._spell(connection, values)
        given: Any = {**own, **values} if own else values
        if order is not None:
            given = tuple([given[name] for name in order])
        return connection.exec_driver_sql(text, given)

    def run_many(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> sa.CursorResult[Any]:
        """Execute it for several rows of values."""
        text, own, order = self._texts.get(connection.dialect.name) or self._spell(connection, rows[0])
        given: Any = [{**own, **row} for row in rows] if own else rows
        if order is not None:
            given = [tuple([row[name] for name in order]) for row in given]
        return connection.exec_driver_sql(text, given)

    def _spell(
        self, connection: sa.Connection, values: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], tuple[str, ...] | None]:
        dialect = connection.dialect
        statement: Any = self._statement
        if isinstance(statement, dict):
            statement = statement[dialect.name]
        keys = list(values) if getattr(statement, "is_insert", False) else None
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=keys)
        own = {name: value for name, value in compiled.params.items() if name not in values}
        order = None if compiled.positiontup is None else tuple(compiled.positiontup)
        spelled = self._texts[dialect.name] = (str(compiled), own, order)
        return spelled
