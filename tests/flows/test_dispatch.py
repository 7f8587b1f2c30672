"""The verb dispatch: once each, asked before resent, in order, through any fault."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.contract.errors import Invalid, Overloaded, QuotaExhausted, StorageUnavailable
from gateway.contract.events import CircuitMove, CircuitState
from gateway.contract.messages import CentreService, Priority
from gateway.contract.submissions import SubmissionState as State
from gateway.flows import dispatch
from gateway.flows.dispatch import Dispatcher, Pace, Partly
from gateway.outbox import backoff
from gateway.outbox.outbox import Ending, Wanted
from gateway.testing.memory_store import MemoryOutbox
from tests.flows.centre import AWAY, BROKEN, HANG, LOST_ANSWER, LOST_REQUEST, REFUSE, Centre
from tests.outbox.world import START, HandClock, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.contract.submissions import SubmissionMoved
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed, NewSubmission

MOVED = CircuitMove(CentreService.BIODATA, CircuitState.OPEN, CircuitState.HALF_OPEN, "open_time_over", START)
QUICK = Pace(deadline=10.0, margin=1e9, widest=8, tend_every=0.002, closing=0.2)
IMPATIENT = Pace(deadline=0.3, margin=1e9, widest=8, tend_every=0.002, closing=0.2)


class Hurried(HandClock):
    """A clock on which pauses are over at the next look, while calls take the time they take."""

    def now(self) -> float:
        """A minute later each time."""
        self.at += 60.0
        return self.at

    def monotonic(self) -> float:
        """The machine's."""
        return time.monotonic()


@dataclass
class Stage:
    """An outbox in memory, a centre, and what was told.

    Attributes:
        world: Hands in.
        centre: The far end.
        dispatcher: Under test.
        told: The moves told.
    """

    world: World
    centre: Centre
    dispatcher: Dispatcher
    told: list[SubmissionMoved] = field(default_factory=list)

    async def accept(self, *new: NewSubmission) -> list[str]:
        """Hand in."""
        return [(await self.world.outbox.accept(one)).receipt.id for one in new]

    async def states(self, id_: str) -> list[str]:
        """The states a submission went through."""
        return [str(move.after) for move in await self.world.outbox.moves(id_)]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Let the dispatcher work until something is so; pauses of the drain are cut short."""
        async with asyncio.timeout(10.0):
            while not reached():
                self.centre.arrived.clear()
                self.dispatcher.circuit_moved(MOVED)
                await self._look_again()

    async def _look_again(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.centre.arrived.wait(), 0.005)

    async def until_all(self, state: State) -> None:
        """Let the dispatcher work until everything is in a state."""
        async with asyncio.timeout(20.0):
            while {facts.state for facts in await self.world.outbox.page(Wanted(limit=10_000))} != {state}:
                self.centre.arrived.clear()
                self.dispatcher.circuit_moved(MOVED)
                await self._look_again()


@asynccontextmanager
async def running(clock: HandClock | None = None, pace: Pace = QUICK) -> AsyncIterator[Stage]:
    """A dispatcher at work."""
    clock = clock or Hurried()
    outbox, centre = MemoryOutbox(clock), Centre()
    stage = Stage(World(outbox, clock), centre, Dispatcher(outbox, centre, clock, random.Random(1), pace))
    stage.dispatcher.tell = stage.told.append
    task = asyncio.create_task(stage.dispatcher.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


def test_everything_is_delivered_once_in_order() -> None:
    """What waits reaches the centre once, each subject in order of filing, and every move is told."""

    async def story() -> None:
        async with running() as stage:
            ids = await stage.accept(*(stage.world.new(subject=n % 3, filed=float(n)) for n in range(12)))
            await stage.until_all(State.DELIVERED)
            assert stage.centre.effects == dict.fromkeys(ids, 1)
            for subject in range(3):
                assert [id_ for id_ in stage.centre.order if id_ in ids[subject::3]] == ids[subject::3]
            assert stage.centre.asked == []
            facts = await stage.world.outbox.find(ids[0])
            assert facts is not None
            assert facts.centre_receipt == f"SK-{ids[0][-6:]}"
            told = [(one.id, one.move.before, one.move.after) for one in stage.told]
            assert sorted(told) == sorted((id_, State.SENDING, State.DELIVERED) for id_ in ids)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fault", "states", "calls"),
    [
        (LOST_ANSWER, ["queued", "sending", "unknown", "delivered"], 2),
        (LOST_REQUEST, ["queued", "sending", "unknown", "queued", "sending", "delivered"], 3),
        (HANG, ["queued", "sending", "unknown", "queued", "sending", "delivered"], 3),
        (BROKEN, ["queued", "sending", "unknown", "queued", "sending", "delivered"], 3),
        (AWAY, ["queued", "sending", "delivered"], 2),
        (REFUSE, ["queued", "sending", "attention"], 1),
        (Overloaded(retry_after=1.0), ["queued", "sending", "delivered"], 2),
        (QuotaExhausted(retry_after=9000.0), ["queued", "sending", "delivered"], 2),
        (Invalid(), ["queued", "sending", "attention"], 1),
    ],
    ids=str,
)
def test_what_follows_a_fault(fault: str | Exception, states: list[str], calls: int) -> None:
    """Without a clear answer the centre is asked before anything is resent; what was not sent leaves no trace."""

    async def story() -> None:
        async with running(pace=IMPATIENT if fault == HANG else QUICK) as stage:
            stage.centre.faults.append(fault)
            (id_,) = await stage.accept(stage.world.new())
            await stage.until_all(State(states[-1]))
            assert await stage.states(id_) == states
            assert stage.centre.calls == calls
            assert stage.centre.effects[id_] == (0 if states[-1] == "attention" else 1)

    asyncio.run(story())


def test_what_cannot_be_asked_stays_unknown() -> None:
    """While the asking fails nothing is resent, however long that lasts; then the answer decides."""

    async def story() -> None:
        async with running(pace=IMPATIENT) as stage:
            stage.centre.faults.extend([LOST_ANSWER, HANG, *[AWAY, LOST_ANSWER] * 2])
            (id_,) = await stage.accept(stage.world.new())
            await stage.until_all(State.DELIVERED)
            assert stage.centre.asked == [id_] * 6
            assert stage.centre.effects == {id_: 1}
            assert await stage.states(id_) == ["queued", "sending", "unknown", "delivered"]

    asyncio.run(story())


def test_a_claim_whose_dispatcher_died_is_asked_about() -> None:
    """A claim nobody ended is asked about once its lease is over, and delivered if the centre has it."""

    async def story() -> None:
        async with running() as stage:
            new = stage.world.new()
            stage.centre.closed.add("birth")
            await stage.accept(new)
            await stage.world.outbox.claim(1, -5.0, lambda _lane: True)
            stage.centre.effects[new.id] = 1
            stage.centre.closed.clear()
            await stage.until_all(State.DELIVERED)
            assert stage.centre.asked == [new.id]
            assert await stage.states(new.id) == ["queued", "sending", "unknown", "delivered"]

    asyncio.run(story())


def test_one_that_always_fails_needs_a_person() -> None:
    """After twenty failures of its own a submission is in attention, and asked about when it is tried again."""

    async def story() -> None:
        async with running() as stage:
            (good,) = await stage.accept(stage.world.new())
            await stage.until_all(State.DELIVERED)
            stage.centre.choose = lambda: LOST_ANSWER
            (bad,) = await stage.accept(stage.world.new())
            await stage.until(lambda: len(stage.told) >= 3)
            facts = await stage.world.outbox.find(bad)
            assert facts is not None
            assert (facts.state, facts.reason) == (State.ATTENTION, "too_many_failures")
            assert (facts.uncertain, facts.failures) == (True, backoff.MOST_FAILURES)
            assert len(stage.centre.asked) == backoff.MOST_FAILURES - 1
            stage.centre.choose = None
            await stage.world.outbox.act(bad, "retry", "operator:ani")
            await stage.until_all(State.DELIVERED)
            assert stage.centre.effects == {good: 1, bad: 1}
            assert (await stage.states(bad))[2:] == ["unknown", "attention", "unknown", "delivered"]

    asyncio.run(story())


def test_a_centre_that_is_away_sends_nothing_to_attention() -> None:
    """A hundred vain tries while nobody gets through count against no submission, and leave no moves."""

    async def story() -> None:
        async with running() as stage:
            stage.centre.away = True
            ids = await stage.accept(*(stage.world.new(filed=float(n)) for n in range(3)))
            for _ in range(100):
                stage.world.clock.at += 10.0
                calls = stage.centre.calls
                await stage.until(lambda calls=calls: stage.centre.calls > calls)  # type: ignore[misc] # bound at once
            stage.centre.away = False
            await stage.until_all(State.DELIVERED)
            assert stage.centre.effects == dict.fromkeys(ids, 1)
            assert await stage.states(ids[0]) == ["queued", "sending", "delivered"]
            facts = await stage.world.outbox.find(ids[0])
            assert facts is not None
            assert facts.failures == 0
            assert facts.tries > 1

    asyncio.run(story())


def test_a_closed_service_waits_and_the_others_flow() -> None:
    """Lanes of a service whose circuit is open are not claimed; once it moves they are, at once."""

    async def story() -> None:
        async with running() as stage:
            stage.centre.closed.add("death")
            death, birth = await stage.accept(
                stage.world.new(service="death", priority=Priority.URGENT), stage.world.new(service="birth")
            )
            await stage.until(lambda: stage.centre.effects[birth] == 1)
            assert await stage.states(death) == ["queued"]
            stage.centre.closed.clear()
            await stage.until(lambda: stage.centre.effects[death] == 1)

    asyncio.run(story())


def test_calls_under_way_end_before_the_dispatcher_does() -> None:
    """Stopped, the dispatcher claims nothing more, lets a call end, and stores how it ended."""

    async def story() -> None:
        clock = HandClock()
        outbox, centre = MemoryOutbox(clock), Centre()
        world = World(outbox, clock)
        dispatcher = Dispatcher(outbox, centre, clock, random.Random(1), Pace(tend_every=0.002))
        centre.holding = asyncio.Event()
        new = world.new()
        await outbox.accept(new)
        task = asyncio.create_task(dispatcher.run())
        await centre.arrived.wait()
        task.cancel()
        await asyncio.sleep(0)
        centre.holding.set()
        await asyncio.wait({task})
        facts = await outbox.find(new.id)
        assert facts is not None
        assert facts.state is State.DELIVERED

    asyncio.run(story())


class Dying(MemoryOutbox):
    """An outbox whose storage never answers when an end is to be stored."""

    async def finish(self, claimed, ending):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201, ARG002 # as the outbox's
        """Hang."""
        await asyncio.Event().wait()


@pytest.mark.parametrize("asking", [False, True])
def test_a_call_that_does_not_end_is_cut_and_asked_about_at_once(asking: bool) -> None:  # noqa: FBT001 # drawn
    """A stop waits so long and no longer; whoever drains next need not wait until the lease is over, and asks first."""

    async def story() -> None:
        clock = HandClock()
        outbox, centre = MemoryOutbox(clock), Centre()
        new = World(outbox, clock).new()
        await outbox.accept(new)
        if asking:
            (claimed,) = await outbox.claim(1, 60.0, lambda _lane: True)
            await outbox.finish(claimed, Ending(State.UNKNOWN, "centre_timeout"))
        centre.faults.append(HANG)
        pace = Pace(deadline=60.0, margin=1e9, tend_every=0.002, closing=0.01)
        task = asyncio.create_task(Dispatcher(outbox, centre, clock, random.Random(1), pace).run())
        await centre.arrived.wait()
        task.cancel()
        await asyncio.wait({task})
        facts = await outbox.find(new.id)
        assert facts is not None
        assert (facts.state, facts.claimed, facts.failures) == (State.UNKNOWN, False, 0)
        assert facts.reason == ("centre_timeout" if asking else "stopped")
        clock.at += backoff.CENTRE_WIDE
        (claimed,) = await outbox.claim(1, 60.0, lambda _lane: True)
        assert claimed.facts.state is State.UNKNOWN

    asyncio.run(story())


def test_a_stop_waits_for_no_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the end of a cut call cannot be stored, the claim stays, its lease runs out, and the next one asks."""
    monkeypatch.setattr(dispatch, "LAST_WORD", 0.01)

    async def story() -> None:
        clock = HandClock()
        outbox, centre = Dying(clock), Centre()
        world = World(outbox, clock)
        pace = Pace(deadline=60.0, tend_every=0.002, closing=0.01)
        centre.faults.append(HANG)
        new = world.new()
        await outbox.accept(new)
        task = asyncio.create_task(Dispatcher(outbox, centre, clock, random.Random(1), pace).run())
        await centre.arrived.wait()
        task.cancel()
        await asyncio.wait({task})
        facts = await outbox.find(new.id)
        assert facts is not None
        assert (facts.state, facts.claimed) == (State.SENDING, True)
        clock.at += 100.0
        assert await outbox.expire() == 1

    asyncio.run(story())


def test_what_a_killed_predecessor_had_is_asked_about_at_once() -> None:
    """A dispatcher that is alone waits for no lease of one that lives no more, and resends nothing blindly."""

    async def story() -> None:
        clock = Hurried()
        outbox, centre = MemoryOutbox(clock), Centre()
        new = World(outbox, clock).new()
        await outbox.accept(new)
        await outbox.claim(1, 1e12, lambda _lane: True)
        centre.effects[new.id] = 1  # it was sent just before
        pace = Pace(deadline=10.0, margin=1e9, tend_every=0.002, alone=True)
        task = asyncio.create_task(Dispatcher(outbox, centre, clock, random.Random(1), pace).run())
        await centre.arrived.wait()
        task.cancel()
        await asyncio.wait({task})
        assert centre.asked == [new.id]
        assert [str(move.after) for move in await outbox.moves(new.id)] == [
            "queued",
            "sending",
            "unknown",
            "delivered",
        ]

    asyncio.run(story())


class Failing(MemoryOutbox):
    """An outbox whose storage fails as often as told: at claiming, and at storing an end."""

    claims = 2
    ends = 1
    error: Exception = StorageUnavailable()

    async def claim(self, want: int, lease: float, is_open: Callable[[Lane], bool]) -> list[Claimed]:
        """Fail, or claim."""
        if self.claims:
            self.claims -= 1
            raise StorageUnavailable
        return await super().claim(want, lease, is_open)

    async def finish(self, claimed, ending):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201 # as the outbox's
        """Fail, break, or store."""
        if self.ends:
            self.ends -= 1
            raise self.error
        return await super().finish(claimed, ending)


@pytest.mark.parametrize(
    ("error", "before"),
    [(StorageUnavailable(), "sending"), (ValueError("3527012904900001"), "unknown")],
    ids=["typed", "unforeseen"],
)
def test_storage_that_fails_is_tried_again(error: Exception, before: str) -> None:
    """The dispatcher outlives its storage: an end is stored once that works; else it is found out by asking."""

    async def story() -> None:
        clock = Hurried()
        outbox, centre = Failing(clock), Centre()
        outbox.error = error
        stage = Stage(World(outbox, clock), centre, Dispatcher(outbox, centre, clock, random.Random(1), QUICK))
        (id_,) = await stage.accept(stage.world.new())
        task = asyncio.create_task(stage.dispatcher.run())
        await stage.until(lambda: not outbox.ends)
        clock.at += 2e9
        await stage.until_all(State.DELIVERED)
        task.cancel()
        await asyncio.wait({task})
        assert centre.effects == {id_: 1}
        assert (await stage.states(id_))[-2:] == [before, "delivered"]

    asyncio.run(story())


def test_content_that_cannot_be_opened_needs_a_person() -> None:
    """Without its content nothing is sent, and nothing is dropped."""

    async def story() -> None:
        async with running() as stage:
            stage.centre.closed.add("birth")
            (id_,) = await stage.accept(stage.world.new())
            outbox = stage.world.outbox
            assert isinstance(outbox, MemoryOutbox)
            outbox.rows.of(id_).content = None
            stage.centre.closed.clear()
            await stage.until_all(State.ATTENTION)
            assert stage.centre.calls == 0
            facts = await outbox.find(id_)
            assert facts is not None
            assert (facts.reason, facts.uncertain) == ("unreadable", False)

    asyncio.run(story())


def test_files_that_grow_at_the_centre_are_no_failure_and_those_that_do_not_are() -> None:
    """As long as each try brings more it goes on at once; a centre that keeps nothing is for a person in the end."""

    async def story() -> None:
        async with running() as stage:
            grow = iter([Partly(0, 5), Partly(0, 9), Partly(1, 3), Partly(1, 4)])
            stage.centre.partly = lambda: next(grow, None)
            (good,) = await stage.accept(stage.world.new())
            await stage.until_all(State.DELIVERED)
            assert await stage.states(good) == ["queued", "sending", "delivered"]
            forgets = itertools.cycle([Partly(1, 4), Partly(0, 9)])
            stage.centre.partly = lambda: next(forgets)
            (bad,) = await stage.accept(stage.world.new())
            await stage.until(lambda: stage.told[-1].move.after is State.ATTENTION)
            facts = await stage.world.outbox.find(bad)
            assert facts is not None
            assert (facts.reason, facts.failures, facts.uncertain) == (
                "too_many_failures",
                backoff.MOST_FAILURES,
                False,
            )
            assert facts.tries == backoff.MOST_FAILURES + 1
            moves = await stage.world.outbox.moves(bad)
            assert {move.reason for move in moves if move.after is State.QUEUED} == {"", "files_not_kept"}

    asyncio.run(story())


def test_any_mixture_of_faults_ends_with_one_effect_each() -> None:
    """A third of all calls fail in every way there is: all is delivered once, in order of its subject."""

    async def story() -> None:
        rng = random.Random(11)

        def some_fault() -> str | None:
            return rng.choice([LOST_ANSWER, LOST_REQUEST, AWAY, BROKEN]) if rng.random() < 0.33 else None

        async with running() as stage:
            stage.centre.choose = some_fault
            ids = await stage.accept(*(stage.world.new(subject=n % 10, filed=float(n)) for n in range(40)))
            await stage.until_all(State.DELIVERED)
            assert stage.centre.effects == dict.fromkeys(ids, 1)
            for subject in range(10):
                assert [id_ for id_ in stage.centre.order if id_ in ids[subject::10]] == ids[subject::10]

    asyncio.run(story())
