"""What follows delivery, in the outbox's own database; see `following` for what is promised."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.outbox import follow_rows, lease_rows, stray_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.contract.submissions import IssuedDocument, SubmissionMoved
    from gateway.database import Database
    from gateway.outbox.following import IssuedPapers, News, Stray, TakenIn, Tiding
    from gateway.outbox.sealing import Sealer


class DatabaseFollowing:
    """Beside the outbox of a database; several processes may share it, and one of them at a time follows.

    Args:
        database: Migrated.
        sealer: Seals what the centre issued.
        clock: The gateway's clock; the lease is on the database's own.
        papers: Told of what was issued and what changed; None for nobody.
    """

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, papers: IssuedPapers | None = None) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._papers = papers

    async def hold(self, holder: str) -> int | None:
        """See `Following.hold`."""
        return await self._database.write(lambda connection: lease_rows.take(connection, follow_rows.LEASE, holder))

    async def let_go(self, token: int) -> None:
        """See `Following.let_go`."""
        await self._database.write(lambda connection: lease_rows.give_up(connection, follow_rows.LEASE, token))

    async def cursor(self, account: str) -> int:
        """See `Following.cursor`."""
        return await self._database.read(lambda connection: follow_rows.cursor(connection, account))

    async def take_in(self, token: int, account: str, tidings: Sequence[Tiding], upto: int) -> TakenIn | None:
        """See `Following.take_in`."""
        work = partial(follow_rows.take_in, sealer=self._sealer, now=self._clock.now(), papers=self._papers)
        return await self._database.write(lambda connection: work(connection, token, account, tidings, upto))

    async def caught_up(self, token: int, account: str) -> None:
        """See `Following.caught_up`."""
        now = self._clock.now()
        await self._database.write(lambda connection: follow_rows.caught_up(connection, token, account, now))

    async def taken(self, rights: Collection[str], before: float, after: str) -> tuple[str, ...]:
        """See `Following.taken`."""
        return await self._database.read(lambda connection: follow_rows.taken(connection, rights, before, after))

    async def rewind(self, token: int, account: str, ids: Sequence[str]) -> tuple[SubmissionMoved, ...] | None:
        """See `Following.rewind`."""
        now = self._clock.now()
        return await self._database.write(lambda connection: follow_rows.rewind(connection, token, account, ids, now))

    async def read_at(self) -> float | None:
        """See `Following.read_at`."""
        return await self._database.read(follow_rows.read_at)

    async def documents(self, id_: str) -> tuple[IssuedDocument, ...]:
        """See `Following.documents`."""
        return await self._database.read(lambda connection: follow_rows.documents(connection, id_, self._sealer))

    async def strays(self) -> tuple[Stray, ...]:
        """See `Following.strays`."""
        return await self._database.read(stray_rows.open_ones)

    async def recall(self, references: Sequence[str]) -> tuple[str, ...]:
        """See `Following.recall`."""
        now = self._clock.now()

        def work(connection: sa.Connection) -> tuple[str, ...]:
            return tuple(one for one in references if stray_rows.recall(connection, one, now))

        return await self._database.write(work)

    async def settle(self, reference: str, actor: str, reason: str) -> bool:
        """See `Following.settle`."""
        now = self._clock.now()
        return await self._database.write(
            lambda connection: stray_rows.settle(connection, reference, actor, reason, now)
        )

    async def news(self, after: int | None) -> News:
        """See `Following.news`."""
        return await self._database.read(lambda connection: follow_rows.news(connection, after))

    async def forget_news(self, before: float) -> int:
        """See `Following.forget_news`."""
        return await self._database.write(lambda connection: follow_rows.forget_news(connection, before))
