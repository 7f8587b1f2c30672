"""What the centre issued of a submission we lost is fetched once its hand-in is repeated."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.outbox.follow_store import DatabaseFollowing
from gateway.outbox.following import Tiding
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from tests.documents.world import opened
from tests.outbox.test_following import WHOLE, take
from tests.outbox.test_strays import DECIDED_AT, lost, renewed
from tests.outbox.world import KEYRING
from tests.outbox.world import World as Outboxes

if TYPE_CHECKING:
    from pathlib import Path


def test_papers_of_what_is_adopted_are_due(tmp_path: Path) -> None:
    """None while it is a stray; then each is due, issued when the centre decided."""
    stores = opened(f"sqlite:///{tmp_path}/gateway.db", tmp_path / "blobs")
    world = next(stores)
    database, clock = world.database, world.clock
    sealer = Sealer(KEYRING, clock.now)
    outboxes = Outboxes(DatabaseOutbox(database, sealer, clock, world.book), clock, database)
    outboxes.kept = (DatabaseFollowing(database, sealer, clock, world.book), outboxes.notifying())

    async def story() -> None:
        new = outboxes.new()
        id_ = lost(outboxes, new)
        await take(outboxes, Tiding(1, id_, "SK1", WHOLE, at=DECIDED_AT))
        assert await world.documents.due(10) == []
        await outboxes.outbox.accept(renewed(outboxes, new))
        due = await world.documents.due(10)
        assert {(one.submission, one.caller, one.issued_at) for one in due} == {(id_, new.caller, DECIDED_AT)}
        assert {one.kind for one in due} == {one.kind for one in WHOLE} - {"kia"}

    asyncio.run(story())
    assert next(stores, None) is None
