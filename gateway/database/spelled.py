"""Statements in the driver's own words, for those that run for every hand-in and every claim.

SQLAlchemy spells each of them out once; from then on the text goes straight to the driver's cursor, which costs a tenth
of Core's time. The driver sees the values as they are: no enumerations, and truth comes back as 0 and 1 from SQLite.
Its errors are SQLAlchemy's as everywhere in this room.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import exc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import sqlalchemy as sa
    from sqlalchemy.sql.compiler import SQLCompiler


_row_of: Any = namedtuple  # noqa: PYI024 # the columns are known when the statement ran


class Found(NamedTuple):
    """What a statement gave.

    Attributes:
        rows: The rows, with the columns by name.
        rowcount: How many rows it changed; of a question whatever the driver says.
    """

    rows: list[Any]
    rowcount: int

    def all(self) -> list[Any]:
        """Every row."""
        return self.rows

    def one(self) -> Any:
        """The only row.

        Raises:
            NoResultFound: There is none.
            MultipleResultsFound: There are more.
        """
        if not self.rows:
            raise exc.NoResultFound("one row was expected, and there is none")
        if len(self.rows) > 1:
            raise exc.MultipleResultsFound("one row was expected, and there are more")
        return self.rows[0]

    def one_or_none(self) -> Any:
        """The only row; None where there is none.

        Raises:
            MultipleResultsFound: There are more.
        """
        return self.one() if self.rows else None

    def scalar_one_or_none(self) -> Any:
        """The first column of the only row; None where there is no row.

        Raises:
            MultipleResultsFound: There are more rows.
        """
        return self.one()[0] if self.rows else None


class _Words(NamedTuple):
    """A statement as one driver understands it: the text, values of its own, and the order where values have places."""

    text: str
    own: dict[str, Any]
    order: tuple[str, ...] | None

    def given(self, values: Mapping[str, Any]) -> Any:
        """Values as the driver takes them."""
        every = {**self.own, **values} if self.own else values
        return every if self.order is None else tuple([every[name] for name in self.order])


class Spelled:
    """One statement; may be shared by threads.

    Args:
        statement: The same for both databases, or one by name of the dialect. Its values are given by name, always
            the same names.
    """

    def __init__(self, statement: sa.sql.ClauseElement | Mapping[str, Any]) -> None:
        self._statement = statement
        self._words: dict[str, _Words] = {}
        self._row: Callable[[Any], Any] | None = None

    def run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Found:
        """Execute it.

        Args:
            connection: Of either database, in a transaction.
            values: The values of its parameters.

        Raises:
            DBAPIError: The driver's error, as SQLAlchemy tells it.
        """
        words = self._words.get(connection.dialect.name) or self._spell(connection, values)
        return self._send(connection, words.text, words.given(values), many=False)

    def run_many(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> Found:
        """Execute it for several rows of values; what they give is not read.

        Raises:
            DBAPIError: The driver's error, as SQLAlchemy tells it.
        """
        words = self._words.get(connection.dialect.name) or self._spell(connection, rows[0])
        return self._send(connection, words.text, [words.given(row) for row in rows], many=True)

    def _send(self, connection: sa.Connection, text: str, given: Any, *, many: bool) -> Found:
        dbapi: Any = connection.dialect.loaded_dbapi
        cursor: Any = connection.connection.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(text, given)
            told = [] if many or cursor.description is None else cursor.fetchall()
            return Found([*map(self._row or self._named(cursor), told)] if told else [], cursor.rowcount)
        except dbapi.Error as error:
            gone = connection.dialect.is_disconnect(error, connection.connection, cursor)
            if gone:
                connection.invalidate(error)
            raise exc.DBAPIError.instance(
                text, None, error, dbapi.Error, hide_parameters=True, connection_invalidated=gone,
                dialect=connection.dialect,
            ) from error  # fmt: skip
        finally:
            cursor.close()

    def _named(self, cursor: Any) -> Callable[[Any], Any]:
        row = _row_of("Row", [column[0] for column in cursor.description], rename=True)
        self._row = row._make
        return self._row

    def _spell(self, connection: sa.Connection, values: Mapping[str, Any]) -> _Words:
        dialect = connection.dialect
        statement: Any = self._statement
        if isinstance(statement, dict):
            statement = statement[dialect.name]
        keys = list(values) if getattr(statement, "is_insert", False) else None
        compiled: SQLCompiler = statement.compile(dialect=dialect, column_keys=keys)
        own = {name: value for name, value in compiled.params.items() if name not in values}
        order = None if compiled.positiontup is None else tuple(compiled.positiontup)
        spelled = self._words[dialect.name] = _Words(str(compiled), own, order)
        return spelled
