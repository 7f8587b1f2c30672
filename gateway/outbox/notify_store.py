"""Notices and deliveries in the outbox's own database; see `notifying` for what is promised."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.outbox import delivery_rows, lease_rows, notice_rows
from gateway.outbox.notifying import spelled

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.database import Database
    from gateway.outbox.delivery_rows import Key
    from gateway.outbox.notice_rows import Notice, Place
    from gateway.outbox.notifying import Counts, Delivery, DeliveryState

LOOKED_AT: Final = 1_000
"""Notices looked at in one go for whose they are."""

PACED: Final = 500
"""Last notices among which deliveries to the centre are counted."""

RETRIED_AT_ONCE: Final = 100
"""Deliveries that are tried again by one transaction."""


class DatabaseNotifying:
    """Beside the outbox of a database; several processes may share it, and one of them at a time tells.

    Args:
        database: Migrated.
        clock: The gateway's clock; the lease is on the database's own.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def hold(self, holder: str) -> int | None:
        """See `Notifying.hold`."""

        def work(connection: sa.Connection) -> int | None:
            token = lease_rows.take(connection, delivery_rows.LEASE, holder)
            if token is not None:
                notice_rows.renumber(connection)
            return token

        return await self._database.write(work)

    async def let_go(self, token: int) -> None:
        """See `Notifying.let_go`."""
        await self._database.write(lambda connection: lease_rows.give_up(connection, delivery_rows.LEASE, token))

    async def unrouted(self, limit: int) -> tuple[Notice, ...]:
        """See `Notifying.unrouted`."""

        def work(connection: sa.Connection) -> tuple[Notice, ...] | None:
            place = delivery_rows.routed(connection)
            return None if place is None else notice_rows.after(connection, place, limit)

        found = await self._database.read(work)
        return () if found is None else found

    async def begun(self, token: int) -> None:
        """See `Notifying.begun`."""

        def work(connection: sa.Connection) -> None:
            if delivery_rows.routed(connection) is None:
                delivery_rows.route(connection, token, notice_rows.last(connection), ())

        await self._database.write(work)

    async def route(self, token: int, upto: Place, deliveries: Sequence[Delivery]) -> bool:
        """See `Notifying.route`."""
        return await self._database.write(lambda connection: delivery_rows.route(connection, token, upto, deliveries))

    async def due(self, notifier: str, resting: Collection[str], each: int) -> tuple[Delivery, ...]:
        """See `Notifying.due`."""
        now = self._clock.now()
        return await self._database.read(lambda connection: delivery_rows.due(connection, notifier, resting, each, now))

    async def delivered(self, token: int, delivery: Delivery) -> bool:
        """See `Notifying.delivered`."""
        return await self._database.write(lambda connection: delivery_rows.delivered(connection, token, delivery))

    async def failed(self, token: int, delivery: Delivery) -> bool:
        """See `Notifying.failed`."""
        return await self._database.write(lambda connection: delivery_rows.failed(connection, token, delivery))

    async def listed(self, state: DeliveryState | None, limit: int) -> tuple[Delivery, ...]:
        """See `Notifying.listed`."""
        return await self._database.read(lambda connection: delivery_rows.listed(connection, state, limit))

    async def retry(self, ids: Collection[str] | None) -> int:
        """See `Notifying.retry`."""
        count = 0
        if ids is None:
            while keys := await self._database.read(lambda connection: delivery_rows.dead(connection, RETRIED_AT_ONCE)):
                count += await self._retry(keys)
            return count
        wanted = sorted(map(spelled, ids))
        for first in range(0, len(wanted), RETRIED_AT_ONCE):
            some = frozenset(wanted[first : first + RETRIED_AT_ONCE])
            count += await self._retry(await self._database.read(partial(delivery_rows.named, ids=some)))
        return count

    async def _retry(self, keys: Sequence[Key]) -> int:
        now = self._clock.now()
        return await self._database.write(lambda connection: delivery_rows.retry(connection, keys, now))

    async def counts(self) -> Counts:
        """See `Notifying.counts`."""
        return await self._database.read(delivery_rows.counts)

    async def purge(self, before: float) -> int:
        """See `Notifying.purge`."""
        return await self._database.write(lambda connection: notice_rows.purge(connection, before))

    async def feed(self, caller: str, after: Place, limit: int) -> tuple[Notice, ...]:
        """See `Notifying.feed`."""
        return await self._database.read(lambda connection: notice_rows.after(connection, after, limit, caller))

    async def callers(self, after: Place) -> tuple[Place, frozenset[str]]:
        """See `Notifying.callers`."""
        return await self._database.read(lambda connection: notice_rows.callers_after(connection, after, LOOKED_AT))

    async def last(self) -> Place:
        """See `Notifying.last`."""
        return await self._database.read(notice_rows.last)

    async def pace(self) -> tuple[float, ...]:
        """See `Notifying.pace`."""
        return await self._database.read(lambda connection: notice_rows.pace(connection, PACED))
