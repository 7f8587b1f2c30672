"""What only one instance may do at a time: a lease, and a token that fences whatever its holder still writes.

A holder that is slow, stopped or cut off loses its lease by the database's own clock. What it writes afterwards names
an old token and is refused, so two holders never both act. Renewing locks the lease's row until the transaction ends:
transactions of holders follow one another.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.database import insert_into
from gateway.database.clock import now_in
from gateway.outbox.tables import LEASES

SECONDS: Final = 30.0
"""How long a lease lasts unless it is renewed; another instance takes over after that."""

_C = LEASES.c


def take(connection: sa.Connection, name: str, holder: str) -> int | None:
    """Take a lease that is free, over, or held by the same holder; its token, or None if another has it."""
    now = now_in(connection)
    first = insert_into(connection, LEASES).values(name=name, holder="", token=0, until=0.0)
    connection.execute(first.on_conflict_do_nothing())
    mine = sa.or_(_C.holder == holder, _C.until < now)
    token = sa.case((sa.and_(_C.holder == holder, _C.until >= now), _C.token), else_=_C.token + 1)
    taken = sa.update(LEASES).where(_C.name == name, mine).values(holder=holder, token=token, until=now + SECONDS)
    return connection.execute(taken.returning(_C.token)).scalar_one_or_none()


def fence(connection: sa.Connection, name: str, token: int) -> bool:
    """Renew a lease, first of all in the transaction of what is done under it; False if it is another's by now."""
    until = now_in(connection) + SECONDS
    renewed = sa.update(LEASES).where(_C.name == name, _C.token == token).values(until=until)
    return connection.execute(renewed).rowcount == 1


def give_up(connection: sa.Connection, name: str, token: int) -> None:
    """Let another instance take over at once."""
    connection.execute(sa.update(LEASES).where(_C.name == name, _C.token == token).values(until=0.0))
