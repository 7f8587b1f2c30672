"""What an instance lives on: alone, with others, without a database; and what all of it does to the centre."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from gateway.centre.limit import Limit
from gateway.centre.limiter import Limiter
from gateway.centre.share_holder import Ground, Holding, ShareHolder
from gateway.centre.share_store import DatabaseShareStore
from gateway.centre.shares import LASTS, Leased, Share
from gateway.database.errors import StorageFailed, StorageFault
from gateway.settings.centre import LimiterSettings
from gateway.simulator.centre import CentreModel
from tests.centre.instances import CENTRE, Instance, Stage
from tests.centre.stage import FarEnd, LoopClock, ManualClock, a_call, reply, virtually

if TYPE_CHECKING:
    from gateway.centre.shares import Wish
    from gateway.contract.messages import Call, Reply
    from gateway.database import Database

SETTINGS = LimiterSettings()
WEAK = CentreModel(workers=8)
"""A centre of 32 calls a second."""


def a_share(value: float, *, gateways: int = 2, budget: float = 20.0, pause: float = 0.0) -> Share:
    """A lease, by another clock."""
    return Share(value, pause, 1e9, budget, gateways)


def taught(holding: Holding, value: float) -> Limit:
    """The holding's own limit, with something learnt."""
    own = holding.limit
    assert isinstance(own, Limit)
    own.value, own.typical, own.spread = value, 0.25, 0.1
    return own


def test_alone_it_lives_on_a_limit_of_its_own() -> None:
    """As long as nobody else leases, the limit learns at once from every call, and tells what it believes."""
    holding = Holding(SETTINGS, 0.0)
    assert holding.wish(1.0, 30).believed is None
    own = taught(holding, 33.0)
    holding.take(1.0, 1.0, a_share(16.0, gateways=1))
    assert holding.limit is own
    wish = holding.wish(3.0, 30)
    assert (wish.wanted, wish.seen, wish.believed) == (15.0, None, 33.0)


def test_with_others_it_lives_on_its_share() -> None:
    """Once somebody else holds a lease the share counts, from when it was asked for, and what is seen is passed on."""
    holding = Holding(SETTINGS, 0.0)
    before = taught(holding, 33.0)
    holding.take(5.2, 5.0, a_share(7.0))
    leased = holding.limit
    assert isinstance(leased, Leased)
    assert (leased.value, leased.until, leased.typical, leased.spread) == (7.0, 5.0 + LASTS, 0.25, 0.1)
    assert leased.epoch != before.epoch
    assert (holding.ground, holding.instances, holding.budget) == (Ground.SHARED, 2, 20.0)
    leased.sample(5.5, epoch=0, seconds=0.4, answered=True)
    wish = holding.wish(6.0, 0)
    assert (wish.believed, wish.seen and wish.seen.count) == (None, 1)
    holding.take(6.0, 6.0, a_share(4.0))
    assert holding.limit is leased
    assert leased.value == 4.0


def test_the_last_one_left_begins_at_what_all_believed() -> None:
    """When nobody else is left, its own limit starts at the budget, with no bound but the config's."""
    holding = Holding(SETTINGS, 0.0)
    holding.take(0.0, 0.0, a_share(7.0))
    holding.take(1.0, 1.0, a_share(7.0, gateways=1, budget=24.0))
    own = holding.limit
    assert isinstance(own, Limit)
    assert (own.value, holding.ground) == (24.0, Ground.OWN)
    own._move(1.0, 500.0)
    assert own.value == 500.0


def test_without_a_database_the_last_share_is_kept_and_never_exceeded() -> None:
    """A lease counts for three seconds; after it the share stays, learns downwards, and never rises above it."""
    holding = Holding(SETTINGS, 0.0)
    holding.take(0.0, 0.0, a_share(12.4))
    holding.missed(LASTS - 0.1)
    assert holding.ground is Ground.SHARED
    holding.missed(LASTS)
    kept = holding.limit
    assert isinstance(kept, Limit)
    assert (holding.ground, kept.value) == (Ground.KEPT, 12.0)
    holding.missed(LASTS + 1.0)
    assert holding.limit is kept
    kept._move(4.0, 500.0)
    assert kept.value == 12.0
    assert holding.wish(5.0, 1).believed is None
    holding.take(6.0, 6.0, a_share(3.0))
    assert type(holding.limit).__name__ == Leased.__name__


def test_without_a_database_an_idle_one_may_use_an_equal_part() -> None:
    """Who happened to want nothing when the database went away may rise to its equal part of the budget."""
    holding = Holding(SETTINGS, 0.0)
    holding.take(0.0, 0.0, a_share(0.4, pause=2.0))
    holding.missed(LASTS)
    kept = holding.limit
    assert isinstance(kept, Limit)
    assert kept.value == 1.0
    kept._move(4.0, 500.0)
    assert kept.value == 10.0


class Given:
    """A store that gives what it is told to, or fails."""

    def __init__(self, *shares: Share | None) -> None:
        self._shares = list(shares)
        self.wishes: list[Wish] = []
        self.left = 0
        self.closed = False

    async def renew(self, wish: Wish) -> Share:
        """The next share."""
        self.wishes.append(wish)
        share = self._shares.pop(0)
        if share is None:
            raise StorageFailed(StorageFault.GONE)
        return share

    async def leave(self) -> None:
        """Count it."""
        self.left += 1
        if not self._shares:
            raise StorageFailed(StorageFault.GONE)

    async def close(self) -> None:
        """Note it."""
        self.closed = True


def test_the_limiter_is_told_and_what_was_offered_is_counted_once() -> None:
    """Each renewal hands over the calls since the one before, and the limiter lives on what comes back."""

    async def scenario() -> None:
        clock = LoopClock()
        limiter = Limiter(FarEnd(clock), SETTINGS, clock=clock, random=Random(1))
        store = Given(a_share(5.0), a_share(6.5))
        holder = ShareHolder(limiter, store, SETTINGS, clock)
        for _ in range(3):
            await limiter.ask(a_call())
        await asyncio.sleep(1.0)
        await holder.renew()
        assert limiter.limit == 5.0
        await asyncio.sleep(2.0)
        await holder.renew()
        assert limiter.limit == 6.5
        assert [wish.wanted for wish in store.wishes] == [3.0, 0.0]

    virtually(scenario())


def test_a_larger_share_lets_those_who_wait_go_at_once() -> None:
    """Who waits for a place is admitted by the renewal itself, not by the next call that ends."""

    async def scenario() -> None:
        clock = LoopClock()
        open_ = asyncio.Event()

        async def act(_call: Call) -> Reply:
            await open_.wait()
            return reply()

        far = FarEnd(clock, act)
        limiter = Limiter(far, SETTINGS, clock=clock, random=Random(1))
        holder = ShareHolder(limiter, Given(a_share(1.0), a_share(3.0)), SETTINGS, clock)
        await holder.renew()
        asking = [asyncio.create_task(limiter.ask(a_call())) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert far.running == 1
        await holder.renew()
        await asyncio.sleep(0.01)
        assert far.running == 3
        open_.set()
        await asyncio.gather(*asking)

    virtually(scenario())


def test_a_change_is_told_once_and_the_share_is_given_back() -> None:
    """The log says when others came and when the database went away, not every second; closing never fails."""

    async def scenario() -> None:
        clock = ManualClock()
        limiter = Limiter(FarEnd(clock), SETTINGS, clock=clock, random=Random(1))
        store = Given(a_share(5.0), a_share(5.0), None, None, None)
        holder = ShareHolder(limiter, store, SETTINGS, clock)
        with capture_logs() as logs:
            for _ in range(5):
                await holder.renew()
                clock.seconds += LASTS
            await holder.close()
        assert [line["event"] for line in logs] == [
            "centre.shares.changed",
            "centre.shares.kept",
            "centre.shares.not_given_back",
        ]
        assert store.closed

    asyncio.run(scenario())


@pytest.mark.postgres
def test_two_instances_keep_to_the_budget_of_one(shared: Database) -> None:
    """Overloaded threefold, both together stay within the budget, the centre works usefully, and both get alike."""
    stage = Stage(shared, 40.0, WEAK)
    both = [Instance(stage, name, rate=1.5 * stage.capacity) for name in ("a", "b")]
    watched = stage.watch(both, 40.0)
    assert all(under_way <= 2.0 * budget for under_way, budget in watched), "until both have a share"
    assert all(under_way <= budget + len(both) for under_way, budget in watched[10:])
    assert stage.useful(10, 40) >= 0.95
    answered = [sum(when >= 10.0 for when in one.questions.good) for one in both]
    assert min(answered) >= 0.9 * max(answered)


@pytest.mark.postgres
def test_the_share_of_a_killed_one_goes_to_the_other(shared: Database) -> None:
    """From three seconds after the kill on the one that is left uses the whole centre, on a limit of its own."""
    stage = Stage(shared, 50.0, WEAK)
    one, other = (Instance(stage, name, rate=1.5 * stage.capacity) for name in ("a", "b"))
    stage.world.run(20.0)
    assert {one.holding.ground, other.holding.ground} == {Ground.SHARED}
    other.kill()
    stage.world.run(20.0 + LASTS + 1.2)
    assert one.holding.ground.value == "own"
    stage.world.run(50.0)
    assert stage.useful(30, 50) >= 0.95


@pytest.mark.postgres
def test_while_the_database_is_away_both_go_on_within_the_budget(shared: Database) -> None:
    """Without leases for a minute the centre is used as before, also when it gets weak; afterwards they share again."""
    stage = Stage(shared, 130.0, WEAK)
    both = [Instance(stage, name, rate=1.5 * stage.capacity) for name in ("a", "b")]
    stage.world.run(30.0)
    stage.meeting.away = True
    stage.world.run(60.0)
    assert {one.holding.ground for one in both} == {Ground.KEPT}
    assert sum(one.holding.limit.value for one in both) <= 1.5 * (both[0].holding.budget or 0.0)
    assert stage.useful(36, 60) >= 0.9
    stage.centre.become(workers=3, mode=stage.centre.mode)
    stage.world.run(90.0)
    assert stage.useful(70, 90) >= 0.85
    stage.centre.become(workers=8, mode=stage.centre.mode)
    stage.meeting.away = False
    stage.world.run(130.0)
    assert {one.holding.ground for one in both} == {Ground.SHARED}
    assert stage.useful(110, 130) >= 0.9


@pytest.mark.postgres
def test_an_idle_instance_begins_a_rush_without_waiting_for_its_lease(shared: Database) -> None:
    """All but a few questions of three seconds' rush at the idle one of two are answered."""
    stage = Stage(shared, 40.0, WEAK)
    Instance(stage, "busy", rate=0.4 * stage.capacity)
    idle = Instance(stage, "idle")
    stage.world.run(30.0)
    idle.rush(0.4 * stage.capacity, 33.0)
    stage.world.run(38.0)
    assert idle.questions.asked > 30
    assert len(idle.questions.good) >= 0.95 * idle.questions.asked


@pytest.mark.postgres
def test_leases_in_a_running_loop_are_renewed_and_given_back(shared: Database) -> None:
    """Two holders on the real clock see each other; when one closes, the other is alone at its next renewal."""

    async def scenario() -> None:
        clock = LoopClock()
        holders = []
        for name in ("a", "b"):
            limiter = Limiter(FarEnd(clock), SETTINGS, clock=clock, random=Random(1))
            store = DatabaseShareStore(shared.url, SETTINGS, CENTRE, name)
            holders.append(ShareHolder(limiter, store, SETTINGS, clock))
        one, other = holders
        for holder in (one, other, one):
            await holder.renew()
        assert (one.holding.instances, other.holding.instances) == (2, 2)
        await other.close()
        await one.renew()
        assert (one.holding.instances, one.holding.ground) == (1, Ground.OWN)
        await one.close()

    asyncio.run(scenario())
