"""The verb export: any number in bounded memory, each once, and no content that is not written down."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.contract.errors import StorageUnavailable
from gateway.flows.export import AT_ONCE, Opening, exported
from gateway.outbox.outbox import Wanted
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import HandClock, World

if TYPE_CHECKING:
    from gateway.contract.submissions import Submission
    from gateway.outbox.outbox import Facts

COUNT = 2 * AT_ONCE + 50


class Paged(MemoryOutbox):
    """Notes what is asked of it."""

    def __init__(self) -> None:
        super().__init__(HandClock())
        self.limits: list[int] = []
        self.read_ids: list[str] = []

    async def page(self, wanted: Wanted) -> tuple[Facts, ...]:
        """A page."""
        self.limits.append(wanted.limit)
        return await super().page(wanted)

    async def read(self, id_: str) -> Submission | None:
        """A content."""
        self.read_ids.append(id_)
        return await super().read(id_)


class Broken:
    """A ledger that cannot be written."""

    def begin_deed(self, _deed: object) -> Any:
        """Refuse."""
        raise StorageUnavailable

    async def began(self, _beginning: object) -> None:
        """Never reached."""

    def ended(self, _beginning: object, _outcome: str, _answer: object) -> None:
        """Never reached."""


async def filled() -> Paged:
    """An outbox with some hundred submissions."""
    outbox = Paged()
    world = World(outbox, HandClock())
    for _ in range(COUNT):
        await outbox.accept(world.new())
    return outbox


def test_any_number_is_written_a_hundred_at_a_time() -> None:
    """Each once, newest first; what is handed in while it goes on is not waited for."""

    async def story() -> None:
        outbox = await filled()
        ids = []
        async for one in exported(outbox, Wanted(limit=1)):
            ids.append(one.facts.id)
            if len(ids) == AT_ONCE + 1:
                await outbox.accept(World(outbox, HandClock(), number=9_000).new(key="late"))
        assert len(ids) == len(set(ids)) == COUNT
        assert ids == sorted(ids, reverse=True)
        assert set(outbox.limits) == {AT_ONCE}
        assert outbox.read_ids == []

    asyncio.run(story())


def test_without_its_ledger_no_content_is_read() -> None:
    """What cannot be written down does not happen."""

    async def story() -> None:
        outbox = await filled()
        with pytest.raises(StorageUnavailable):
            async for _ in exported(outbox, Wanted(), Opening(Broken(), "operator:ani", "audit")):
                pass
        assert outbox.read_ids == []

    asyncio.run(story())
