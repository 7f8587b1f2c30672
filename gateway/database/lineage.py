"""Which installation a database belongs to, and each time it was put back from a copy; migration `core:0006`.

A second copy is only written by the installation it is of. What was restored is told to the ledger at the next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

How = Literal["made", "copy", "backup", "marked"]
"""How a database came to be: made new, from the second copy, from a backup, by other means and only marked."""

LINEAGE: Final = sa.Table(
    "lineage",
    sa.MetaData(),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("installation", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("doubted", sa.Integer, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
)
"""The first row is the database's making, each further one a return."""


class Return(NamedTuple):
    """One time the database was put back.

    Attributes:
        number: Of its row.
        at: Unix seconds.
        how: From what.
        doubted: Submissions that became `unknown`.
    """

    number: int
    at: float
    how: str
    doubted: int


def installation(connection: sa.Connection) -> str:
    """Id of the installation, 32 hexadecimal digits; the same after every return."""
    return str(connection.execute(sa.select(LINEAGE.c.installation).order_by(LINEAGE.c.number).limit(1)).scalar_one())


def add_return(connection: sa.Connection, at: float, how: How, doubted: int) -> None:
    """Note that the database was put back."""
    last = connection.execute(sa.select(sa.func.max(LINEAGE.c.number))).scalar_one()
    row = {"number": last + 1, "installation": installation(connection), "at": at, "how": how}
    connection.execute(sa.insert(LINEAGE).values(**row, doubted=doubted, told=False))


def untold(connection: sa.Connection) -> Sequence[Return]:
    """Returns the ledger was not told of, oldest first."""
    columns = (LINEAGE.c.number, LINEAGE.c.at, LINEAGE.c.how, LINEAGE.c.doubted)
    rows = connection.execute(sa.select(*columns).where(LINEAGE.c.told.is_(False)).order_by(LINEAGE.c.number))
    return [Return(*row) for row in rows]


def note_told(connection: sa.Connection, number: int) -> None:
    """Note that the ledger was told of a return."""
    connection.execute(sa.update(LINEAGE).where(LINEAGE.c.number == number).values(told=True))
