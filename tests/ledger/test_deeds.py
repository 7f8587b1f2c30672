"""What is handed in, and what is done about it, stands in the ledger before it is done; over both databases."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.contract.errors import Conflict, StorageUnavailable
from gateway.contract.messages import Caller, CentreService, Priority, Right
from gateway.contract.submissions import Subject, Submission
from gateway.flows.rights import Rights
from gateway.flows.submit import Submitter
from gateway.flows.track import Tracker
from gateway.ledger.records import Began, Ended, Opened
from gateway.testing.memory_blobs import MemoryBlobs
from gateway.testing.memory_following import MemoryFollowing, MemoryNotifying
from gateway.testing.memory_store import MemoryOutbox
from gateway.vault.blind import BlindIndex
from tests.ledger.test_ledger import KEYRING, opened, records, report
from tests.outbox.world import VILLAGE, HandClock

if TYPE_CHECKING:
    from gateway.ledger.ledger import Ledger
    from gateway.outbox.outbox import Accepted, NewSubmission

NO_KK = "3527030101910001"
RIGHT = Right("sampang", "Sampang", frozenset(), frozenset(), frozenset(), submissions=frozenset({"birth"}))
CALLER = Caller("desk000001", "desk", right="sampang", village=VILLAGE)
BIRTH = Submission("birth", 1, VILLAGE, Subject(no_kk=NO_KK, nik="3527012904900001"), msgspec.Raw(b'{"name":"SITI"}'))
OTHER = msgspec.structs.replace(BIRTH, form=msgspec.Raw(b'{"name":"SRI"}'))


@dataclass
class Watched:
    """An outbox that looks, before it stores anything, at what a kill would leave of the ledger.

    Attributes:
        url: The ledger's database.
        left: Verb and target of the last `began` there, each time something was about to be stored.
    """

    url: str
    inner: MemoryOutbox
    left: list[tuple[str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        """Everything else is the outbox's own."""
        return getattr(self.inner, name)

    async def accept(self, new: NewSubmission) -> Accepted:
        """Look, then store."""
        self._look()
        return await self.inner.accept(new)

    async def correct(self, id_: str, *rest: Any) -> Any:
        """Look, then store."""
        self._look()
        return await self.inner.correct(id_, *rest)

    async def act(self, id_: str, *rest: Any) -> Any:
        """Look, then store."""
        self._look()
        return await self.inner.act(id_, *rest)

    def _look(self) -> None:
        last = [one for one in records(self.url) if isinstance(one, Began)][-1]
        self.left.append((last.verb, last.target))


class Desk:
    """The verbs over one outbox and one ledger."""

    def __init__(self, url: str, ledger: Ledger) -> None:
        clock = HandClock()
        blobs = MemoryBlobs(clock)
        self.outbox: Any = Watched(url, MemoryOutbox(clock, blobs))
        rights = Rights({"sampang": RIGHT}, {}, dict.fromkeys(CentreService, Priority.URGENT), clock, UTC)
        classes = {"birth": Priority.URGENT}
        bits = random.Random(5).getrandbits
        self.submitter = Submitter(self.outbox, rights, classes, lambda *_: (), blobs, clock, bits, ledger)
        following, notifying = MemoryFollowing(self.outbox.inner, clock), MemoryNotifying(self.outbox.inner, clock)
        self.tracker = Tracker(self.outbox, following, notifying, clock, lambda _: None, ledger)


def outcomes(url: str) -> list[tuple[str, str, str]]:
    """Verb, actor and outcome of each deed."""
    found = records(url)
    deeds = {seq: one for seq, one in enumerate(found, 1) if isinstance(one, Began)}
    return [(deeds[one.of].verb, deeds[one.of].caller, one.outcome) for one in found if isinstance(one, Ended)]


def test_each_deed_is_durable_before_it_is_done(url: str) -> None:
    """Hand-in, repetition, correction, an operator's acts and one refused: before and after, nobody in clear, whole."""

    async def run() -> str:
        async with opened(url) as ledger:
            desk = Desk(url, ledger)
            id_ = (await desk.submitter.submit(CALLER, BIRTH, "k")).receipt.id
            await desk.submitter.submit(CALLER, BIRTH, "k")
            await desk.submitter.correct(CALLER, id_, OTHER)
            for act in ("hold", "release"):
                await desk.tracker.act(id_, act, "budi", "")
            await desk.tracker.cancel(CALLER, id_)
            with suppress(Conflict):
                await desk.tracker.act(id_, "retry", "budi", "")
            verbs = ["submit", "submit", "correct", "hold", "release", "cancel", "retry"]
            assert [verb for verb, _ in desk.outbox.left] == verbs
            assert {target for verb, target in desk.outbox.left if verb != "submit"} == {id_}
            assert desk.outbox.left[0] == ("submit", id_)
        return id_

    asyncio.run(run())
    assert outcomes(url) == [
        ("submit", CALLER.id, "accepted"),
        ("submit", CALLER.id, "repeated"),
        ("correct", CALLER.id, "done"),
        ("hold", "operator:budi", "done"),
        ("release", "operator:budi", "done"),
        ("cancel", CALLER.id, "done"),
        ("retry", "operator:budi", "conflict"),
    ]
    first = next(one for one in records(url) if isinstance(one, Began))
    assert (first.service, first.right, first.village) == ("birth", "sampang", VILLAGE)
    assert first.subject == _index(NO_KK)
    assert NO_KK not in repr(records(url))
    assert "SITI" not in repr(records(url))
    found = report(url)
    assert (found.faults, [chain.unfinished for chain in found.chains]) == ((), [0])


def test_what_cannot_be_written_down_is_not_done(url: str) -> None:
    """A ledger that is closed refuses the hand-in and the act; nothing is stored."""

    async def run() -> None:
        async with opened(url) as ledger:
            desk = Desk(url, ledger)
            id_ = (await desk.submitter.submit(CALLER, BIRTH, "k")).receipt.id
        with pytest.raises(StorageUnavailable):
            await desk.submitter.submit(CALLER, OTHER, "k2")
        with pytest.raises(StorageUnavailable):
            await desk.tracker.act(id_, "hold", "budi", "")
        assert len(desk.outbox.left) == 1
        facts = await desk.outbox.find(id_)
        assert not facts.held

    asyncio.run(run())


def test_a_deed_nobody_ended_is_told_unfinished(url: str) -> None:
    """A kill right behind it leaves a `began` without an end, to be taken for done."""

    async def run() -> None:
        async with opened(url) as ledger:
            await Desk(url, ledger).submitter.submit(CALLER, BIRTH, "k")
            assert [type(one) for one in records(url)] == [Opened, Began]  # what a kill would leave now

    asyncio.run(run())


def _index(digits: str) -> str:
    return BlindIndex(KEYRING, purpose="ledger").of("no_kk", digits).hex()
