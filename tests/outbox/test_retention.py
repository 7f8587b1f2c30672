"""Retention on each database: content goes after its time, keys are wrapped anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.database import Database
from gateway.outbox.following import Tiding
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.settings import Settings
from gateway.vault.keys import Keyring
from gateway.wiring.keeping import Retention
from gateway.wiring.parts import open_blobs
from tests.outbox.test_following import WHOLE, take
from tests.outbox.world import KEYRING, START, HandClock, World

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.vault.keys import Keyring as Ring

DAY = 86_400.0
ROTATED = Keyring({**KEYRING.masters, 2: b"n" * 32}, KEYRING.index, KEYRING.pepper)


def test_content_goes_and_keys_are_wrapped_anew(url: str, tmp_path: Path) -> None:
    """What ended is gone after its days, its receipt stays; what is open opens under the new master alone."""

    async def run() -> None:
        clock, database = HandClock(), Database.open(url)
        outbox = DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock)
        world = World(outbox, clock, database)
        ended, open_ = [(await outbox.accept(world.new())).receipt for _ in range(2)]
        await outbox.act(ended.id, "cancel", "caller:desk000001")
        clock.at = START + 91 * DAY
        rotated = DatabaseOutbox(database, Sealer(ROTATED, clock.now), clock)
        settings = Settings.model_validate({"data": {"folder": str(tmp_path)}})
        await Retention(settings, database, rotated, open_blobs(settings, database, ROTATED, clock), clock).run()
        assert await rotated.read(ended.id) is None
        assert await rotated.find(ended.id) is not None
        only_new = Sealer(_without_first(ROTATED), clock.now)
        assert await DatabaseOutbox(database, only_new, clock).read(open_.id) is not None
        assert await rotated.rewrap() == 0
        await database.close()

    asyncio.run(run())


def test_documents_of_what_was_lost_go_too(url: str) -> None:
    """A stray stays on the list without its documents after the days; once settled it goes, as of then."""

    async def run() -> None:
        clock, database = HandClock(), Database.open(url)
        world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)
        id_ = world.new().id
        await take(world, Tiding(1, id_, "SK1", WHOLE))
        assert await world.outbox.shred(START) == 0
        assert await world.outbox.shred(START + 1.0) == 1
        assert await world.following().documents(id_) == ()
        assert [one.reference for one in await world.following().strays()] == [id_]
        await world.following().settle(id_, "operator:test", "told")
        assert await world.outbox.shred(START + 1.0) == 1
        await database.close()

    asyncio.run(run())


def _without_first(ring: Ring) -> Ring:
    return Keyring({2: ring.masters[2]}, ring.index, ring.pepper)
