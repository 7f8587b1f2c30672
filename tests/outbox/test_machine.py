"""Any history of acts leaves a database and the twin in memory in the same state, and breaks no promise."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from gateway.contract.errors import Conflict, GatewayError
from gateway.contract.messages import Priority
from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database
from gateway.outbox.moves import OPEN
from gateway.outbox.outbox import Ending, Wanted
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import METADATA, READY, RUNNING, SUBMISSIONS
from gateway.testing.memory_store import MemoryOutbox
from tests.outbox.world import KEYRING, OTHER_VILLAGE, VILLAGE, HandClock, World, always

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.outbox.outbox import Claimed, Outbox

ENDINGS = [
    Ending(State.DELIVERED, centre_receipt="SK1"),
    Ending(State.QUEUED, "not_there"),
    Ending(State.UNKNOWN, "centre_timeout", failed=True),
    Ending(State.ATTENTION, "form_invalid"),
    Ending(State.ATTENTION, "too_many_failures", uncertain=True),
]
DECISIONS = [Ending(State.ISSUED), Ending(State.REJECTED, "kk_unknown"), Ending(State.UNKNOWN), Ending(State.QUEUED)]


class Machine(RuleBasedStateMachine):
    """Acts on a database and on the twin alike."""

    def __init__(self, database: Database, runner: asyncio.Runner) -> None:
        """Empty the database and begin."""
        super().__init__()
        self.database = database
        self.runner = runner
        self.clock = HandClock()
        self.real = DatabaseOutbox(database, Sealer(KEYRING, self.clock.now), self.clock)
        self.twin = MemoryOutbox(self.clock)
        self.world = World(self.twin, self.clock)
        self.ids: list[str] = []
        self.claims: list[tuple[Claimed, Claimed]] = []
        self.keys = 0
        database.write_sync(lambda c: [c.execute(sa.delete(table)) for table in METADATA.sorted_tables])

    def both(self, act: Callable[[Outbox], Coroutine[Any, Any, Any]]) -> tuple[Any, Any]:
        """Do the same to both; results, or the classes of refusals."""

        async def tried(outbox: Outbox) -> Any:
            try:
                return await act(outbox)
            except GatewayError as error:
                return type(error)

        real, twin = self.runner.run(tried(self.real)), self.runner.run(tried(self.twin))
        return real, twin

    def same(self, act: Callable[[Outbox], Coroutine[Any, Any, Any]]) -> Any:
        """Do the same to both, with the same result."""
        real, twin = self.both(act)
        assert real == twin
        return real

    @rule(
        subject=st.integers(0, 2),
        filed=st.integers(0, 4),
        urgent=st.booleans(),
        village=st.sampled_from([VILLAGE, OTHER_VILLAGE]),
        review=st.booleans(),
    )
    def accept(self, subject: int, filed: int, urgent: bool, village: str, review: bool) -> None:  # noqa: FBT001 # drawn
        """Hand something in."""
        new = self.world.new(
            subject=subject,
            filed=float(filed),
            priority=Priority.URGENT if urgent else Priority.COUNTER,
            village=village,
            state=State.IN_REVIEW if review and not filed else State.QUEUED,
        )
        accepted = self.same(lambda outbox: outbox.accept(new))
        self.ids.append(accepted.receipt.id)

    @rule(key=st.integers(0, 2), form=st.integers(0, 1), origin=st.sampled_from([None, "a", "b"]))
    def repeat(self, key: int, form: int, origin: str | None) -> None:
        """Hand in again what may have been handed in before."""
        new = self.world.new(subject=9, key=f"again-{key}", form={"n": form}, origin=origin)
        accepted = self.same(lambda outbox: outbox.accept(new))
        if not isinstance(accepted, type) and accepted.fresh:
            self.ids.append(accepted.receipt.id)

    @precondition(lambda self: self.ids)
    @rule(place=st.integers(0, 99), form=st.integers(0, 2))
    def correct(self, place: int, form: int) -> None:
        """Correct something, perhaps too late."""
        id_, submission = self.ids[place % len(self.ids)], self.world.new(subject=9, form={"n": form}).submission
        self.same(lambda outbox: outbox.correct(id_, submission, (), "caller:desk000001"))

    @rule(lost=st.booleans())
    def claim(self, lost: bool) -> None:  # noqa: FBT001 # drawn
        """Claim one; a lost claim's lease is over at once."""
        self.clock.at += 1.1  # the ring is old
        self.runner.run(self.real.wake())
        lease = -1e9 if lost else 1e9
        real, twin = self.both(lambda outbox: outbox.claim(1, lease, always))
        assert [(one.facts, one.token) for one in real] == [(one.facts, one.token) for one in twin]
        assert [one.submission for one in real] == [one.submission for one in twin]
        self.claims += zip(real, twin, strict=True)

    @precondition(lambda self: self.claims)
    @rule(place=st.integers(0, 99), ending=st.sampled_from(ENDINGS), pause=st.sampled_from([None, 2.0]))
    def finish(self, place: int, ending: Ending, pause: float | None) -> None:
        """End a claim, perhaps one that is over."""
        real, twin = self.claims[place % len(self.claims)]
        if pause is not None and ending.after in {State.QUEUED, State.UNKNOWN}:
            ending = Ending(ending.after, ending.reason, not_before=self.clock.at + pause, failed=ending.failed)
        self.same(lambda outbox: outbox.finish(real if outbox is self.real else twin, ending))

    @precondition(lambda self: self.claims)
    @rule(place=st.integers(0, 99))
    def hand_back(self, place: int) -> None:
        """Undo a claim, perhaps one that is over."""
        real, twin = self.claims[place % len(self.claims)]
        self.same(lambda outbox: outbox.hand_back(real if outbox is self.real else twin, self.clock.at + 2.0))

    @rule()
    def expire(self) -> None:
        """End what is over."""
        self.same(lambda outbox: outbox.expire())

    @precondition(lambda self: len(self.ids) > 3)
    @rule(sure=st.integers(0, 4))
    def doubt(self, sure: int) -> None:
        """Now and then, an old copy is restored."""
        if not sure:
            self.same(lambda outbox: outbox.doubt())

    @rule(seconds=st.sampled_from([1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.at += seconds

    @precondition(lambda self: self.ids)
    @rule(place=st.integers(0, 99), act=st.sampled_from(["cancel", "retry", "hold", "release", "release"]))
    def act(self, place: int, act: Any) -> None:
        """An operator acts."""
        id_ = self.ids[place % len(self.ids)]
        self.same(lambda outbox: outbox.act(id_, act, "operator:ani"))

    @precondition(lambda self: self.ids)
    @rule(place=st.integers(0, 99), ending=st.sampled_from(DECISIONS))
    def decide(self, place: int, ending: Ending) -> None:
        """Somebody decides."""
        id_ = self.ids[place % len(self.ids)]
        self.same(lambda outbox: outbox.decide(id_, ending, "centre"))

    @invariant()
    def same_facts_and_moves(self) -> None:
        """Facts and histories are equal, and each history is legal from its first move to its last."""
        self.runner.run(self.real.wake())
        for facts in self.same(lambda outbox: outbox.page(Wanted(limit=1000))):
            moves = self.same(lambda outbox, id_=facts.id: outbox.moves(id_))  # type: ignore[misc] # bound at once
            assert [move.number for move in moves] == list(range(1, facts.moves + 1))
            assert moves[-1].after is facts.state
            assert all(move.before is before.after for before, move in itertools.pairwise(moves))

    @invariant()
    def tables_are_true(self) -> None:
        """One at most of a subject is ready or under way, and exactly what the twin would give out is ready."""
        ready, running, open_ = self.database.read_sync(_tables)
        assert ready == sorted(one.facts.id for one in self.twin.rows if self.twin.rows.is_ready(one))
        assert running == sorted(one.facts.id for one in self.twin.rows if one.facts.claimed)
        assert open_ == sorted(one.facts.id for one in self.twin.rows if one.facts.state in OPEN)


def _tables(connection: sa.Connection) -> tuple[list[str], list[str], list[str]]:
    ready = connection.execute(sa.select(READY.c.submission)).scalars().all()
    running = connection.execute(sa.select(RUNNING.c.submission)).scalars().all()
    waiting = sa.select(SUBMISSIONS.c.id).where(SUBMISSIONS.c.rank.is_not(None))
    return sorted(ready), sorted(running), sorted(connection.execute(waiting).scalars())


def run(url: str, examples: int, steps: int) -> None:
    """Let the machine act."""
    database = Database.open(url, durable=False)
    with asyncio.Runner() as runner:
        try:
            run_state_machine_as_test(
                lambda: Machine(database, runner),  # type: ignore[arg-type] # anything that makes one will do
                settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None),
            )
        finally:
            runner.run(database.close())


def test_any_history_leaves_the_same(url: str) -> None:
    """The short form: a few dozen histories on each database."""
    run(url, examples=12, steps=25)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_any_long_history_leaves_the_same(url: str) -> None:
    """The long form: histories of two hundred acts."""
    run(url, examples=400, steps=200)


def test_a_refused_decision_changes_nothing(url: str) -> None:
    """A decision no table allows is refused before anything is written."""
    database = Database.open(url, durable=False)
    clock = HandClock()
    world = World(DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock), clock, database)

    async def story() -> None:
        new = world.new()
        await world.outbox.accept(new)
        before = await world.outbox.find(new.id)
        with pytest.raises(Conflict):
            await world.outbox.decide(new.id, Ending(State.ISSUED), "centre")
        assert await world.outbox.find(new.id) == before
        await database.close()

    asyncio.run(story())
