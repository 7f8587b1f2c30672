"""Shares of the limit in PostgreSQL: one row for each instance, and one for the common limit.

```
renew ─► lock the limit's row ─► now, by the database's clock ─► Shares.lease ─► own row, limit, leases that are over
```

All instances use the database's clock, and never see it go back: where it does, time goes on from what was stored.
Nothing here need survive a power cut, and it waits for nobody: it has a connection of its own, so that the lock is
never held beside locks of other work.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gateway.centre.share_state import frozen, thawed
from gateway.centre.shares import Row, Shares
from gateway.centre.tables import centre_limits, centre_shares
from gateway.database import Database, Limits, Tuning, insert_into
from gateway.database.clock import now_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.centre.shares import Share, Wish
    from gateway.settings.centre import LimiterSettings

TUNING = Tuning(durable=False, busy_seconds=1.0, statement_seconds=1.0, connect_seconds=2, connections=1)
LIMITS = Limits(readers=1, waiting_reads=1, patience=1.5, closing=1.0)
"""A lease that takes longer would be over before it is of use."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An instance that holds a lease.

    Attributes:
        instance: Its name.
        share: Calls it may have in flight.
    """

    instance: str
    share: float


class DatabaseShareStore:
    """The seam `ShareStore` on PostgreSQL.

    Args:
        url: Of the core database, password included.
        settings: Of the limiter.
        centre: Whose limit it is: the URL of the centre.
        instance: A name no other instance has.
    """

    def __init__(self, url: sa.URL, settings: LimiterSettings, centre: str, instance: str) -> None:
        self._database = Database.open(
            url.render_as_string(hide_password=False), tuning=TUNING, limits=LIMITS, durable=False
        )
        self._settings = settings
        self._centre = centre
        self._instance = instance

    async def renew(self, wish: Wish) -> Share:
        """Renew this instance's lease.

        Raises:
            StorageUnavailable, Overloaded, DatabaseError: It cannot be renewed now.
        """
        return await self._database.write(lambda connection: self.renew_in(connection, wish))

    async def leave(self) -> None:
        """Give the share back; errors as of `renew`."""
        await self._database.write(self._leave_in)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._database.close()

    def renew_in(
        self, connection: sa.Connection, wish: Wish, clock: Callable[[sa.Connection], float] | None = None
    ) -> Share:
        """Renew the lease in a transaction.

        Args:
            connection: In a transaction; it holds the lock of the limit until it ends.
            wish: What is wanted, and what was seen.
            clock: Unix seconds; None asks the database.
        """
        at, offset, raw = _locked(connection, self._centre)
        told = (clock or now_by)(connection)
        now = max(at, told + offset)
        shares = Shares(self._settings, now, every=0.0)
        if raw:
            shares.resume(thawed(raw, self._settings, at), _rows(connection, self._centre), at)
        share = shares.lease(now, self._instance, wish.wanted, wish.seen, wish.believed)
        self._keep(connection, shares, share)
        kept = {"at": now, "clock_offset": now - told, "state": frozen(shares.limit)}
        connection.execute(sa.update(centre_limits).where(centre_limits.c.centre == self._centre).values(kept))
        return share

    def _leave_in(self, connection: sa.Connection) -> None:
        mine = (centre_shares.c.centre == self._centre) & (centre_shares.c.instance == self._instance)
        connection.execute(sa.delete(centre_shares).where(mine))

    def _keep(self, connection: sa.Connection, shares: Shares, share: Share) -> None:
        """Store this instance's row and drop those whose lease is over."""
        columns = centre_shares.c
        gone = columns.instance.not_in(shares.rows.keys())
        connection.execute(sa.delete(centre_shares).where(columns.centre == self._centre, gone))
        row = shares.rows[self._instance]
        values = {"wanted": row.wanted, "share": share.value, "until": row.until}
        statement = insert_into(connection, centre_shares).values(
            centre=self._centre, instance=self._instance, **values
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["centre", "instance"], set_=values))


def instance_name() -> str:
    """A name for this process that no other has: where it runs, and something random."""
    return f"{socket.gethostname()}-{secrets.token_hex(4)}"


def standings(connection: sa.Connection, centre: str) -> tuple[Standing, ...]:
    """Instances whose lease is not over, by name."""
    limit = sa.select(centre_limits.c.clock_offset).where(centre_limits.c.centre == centre)
    offset = connection.execute(limit).scalar_one_or_none()
    if offset is None:
        return ()
    columns = centre_shares.c
    living = (columns.centre == centre) & (columns.until >= now_by(connection) + offset)
    found = sa.select(columns.instance, columns.share).where(living).order_by(columns.instance)
    return tuple(Standing(name, share) for name, share in connection.execute(found))


def _locked(connection: sa.Connection, centre: str) -> tuple[float, float, bytes]:
    """When the limit was last changed, what the clock lacked then, and the limit; nobody else changes it now."""
    columns = centre_limits.c
    wanted = sa.select(columns.at, columns.clock_offset, columns.state).where(columns.centre == centre)
    row = connection.execute(wanted.with_for_update()).one_or_none()
    if row is None:
        fresh = insert_into(connection, centre_limits).values(centre=centre, at=0.0, clock_offset=0.0, state=b"")
        connection.execute(fresh.on_conflict_do_nothing())
        row = connection.execute(wanted.with_for_update()).one()
    return row.at, row.clock_offset, row.state


def _rows(connection: sa.Connection, centre: str) -> dict[str, Row]:
    columns = centre_shares.c
    found = connection.execute(
        sa.select(columns.instance, columns.wanted, columns.until).where(columns.centre == centre)
    )
    return {name: Row(wanted, until) for name, wanted, until in found}
