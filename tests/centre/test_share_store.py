"""Shares of one limit as rows in PostgreSQL: counted, given back, ended, whatever the clock does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from gateway.centre.limit import Limit
from gateway.centre.limit_belief import Trial
from gateway.centre.share_state import frozen, thawed
from gateway.centre.share_store import standings
from gateway.centre.shares import LASTS, RENEW, Seen, Shares, Wish
from gateway.settings.centre import LimiterSettings
from gateway.simulator.centre import CentreModel
from gateway.simulator.lands import PROVINCE
from gateway.simulator.nation import NationRun
from tests.centre.instances import CENTRE, SETTINGS, Meeting, store_of

if TYPE_CHECKING:
    from gateway.centre.shares import Share
    from gateway.database import Database

BUSY = Wish(wanted=1000.0, seen=Seen(50, 10.0, 3.0))
CALM = Wish(wanted=0.0)


def lease(shared: Database, name: str, now: float, wish: Wish = CALM) -> Share:
    """Renew one instance's lease at a moment."""
    return shared.write_sync(lambda connection: store_of(shared, name).renew_in(connection, wish, lambda _: now))


@pytest.mark.postgres
def test_who_is_alone_goes_on_with_what_its_own_limit_learnt(shared: Database) -> None:
    """A lone instance is told so, and what it believes becomes the budget of all as soon as a second one comes."""
    assert lease(shared, "a", 100.0, Wish(10.0, believed=37.0)).gateways == 1
    second = lease(shared, "b", 100.5)
    assert (second.gateways, second.budget) == (2, 37.0)


@pytest.mark.postgres
def test_all_shares_together_are_no_more_than_the_budget(shared: Database) -> None:
    """Three instances that want more than there is, and one that wants nothing: each busy one gets a third."""
    for round_ in range(3):
        got = [lease(shared, name, 100.0 + round_, BUSY) for name in "abc"] + [lease(shared, "d", 100.0 + round_)]
    assert len({share.budget for share in got}) == 1
    assert sum(share.value for share in got[:3]) == pytest.approx(got[0].budget)
    assert got[0].value == pytest.approx(got[2].value)


@pytest.mark.postgres
def test_what_nobody_wants_yet_is_everybodys(shared: Database) -> None:
    """While there is enough, each idle instance may begin its part of the rest at once."""
    lease(shared, "a", 100.0, Wish(0.0, believed=40.0))
    share = lease(shared, "b", 100.1)
    assert share.value == pytest.approx(0.9 * 40.0 / 2)


@pytest.mark.postgres
def test_a_share_ends_with_its_lease_or_when_it_is_given_back(shared: Database) -> None:
    """A killed instance counts until its lease is over, one that leaves at once not any more."""
    for name in "abc":
        lease(shared, name, 100.0)
    shared.write_sync(store_of(shared, "c")._leave_in)
    assert lease(shared, "a", 100.0 + LASTS).gateways == 2
    assert lease(shared, "a", 100.1 + LASTS).gateways == 1


@pytest.mark.postgres
def test_time_goes_on_when_the_clock_of_the_database_goes_back(shared: Database) -> None:
    """Set back by an hour, leases still last three seconds and end."""
    lease(shared, "a", 5000.0)
    lease(shared, "b", 5000.0)
    assert lease(shared, "a", 1400.0).gateways == 2
    assert lease(shared, "a", 1400.0 + LASTS).gateways == 2
    assert lease(shared, "a", 1400.1 + LASTS).gateways == 1


@pytest.mark.postgres
def test_a_limit_that_nobody_fed_for_long_begins_anew_where_it_was(shared: Database) -> None:
    """After a night without leases the budget is what it was, and nothing that was learnt before is trusted."""
    for second in range(10):
        for name in "ab":
            busy = lease(shared, name, 100.0 + second, BUSY)
    assert lease(shared, "a", 40_000.0, BUSY).budget == busy.budget


@pytest.mark.postgres
def test_many_that_start_at_once_are_all_counted(shared: Database) -> None:
    """Sixteen instances that begin in an empty database at the same moment see each other, and no lease fails."""
    with ThreadPoolExecutor(8) as pool:
        names = [f"i{number}" for number in range(16)]
        list(pool.map(lambda name: lease(shared, name, 100.0), names))
    assert lease(shared, "i0", 100.0).gateways == 16


@pytest.mark.postgres
def test_doctor_sees_who_shares(shared: Database) -> None:
    """Leases by the database's own clock are listed with their shares; those of another centre are not."""
    for name in "ba":
        store = store_of(shared, name)
        shared.write_sync(partial(store.renew_in, wish=CALM))
    found = shared.read_sync(lambda connection: standings(connection, CENTRE))
    assert [one.instance for one in found] == ["a", "b"]
    assert shared.read_sync(lambda connection: standings(connection, "http://other.example")) == ()


class RowShares:
    """The coordinator of a simulation, kept in rows."""

    def __init__(self, database: Database, run: NationRun) -> None:
        self._meeting = Meeting(database, run.world)
        self.limit = Limit(LimiterSettings(), 0.0)

    def lease(self, _now: float, name: str, wanted: float, seen: Seen) -> Share:
        """Renew a lease."""
        share = self._meeting.renew(name, Wish(wanted, seen))
        self.limit.value = share.budget
        return share


@pytest.mark.postgres
def test_a_simulation_over_rows_is_the_one_in_memory(shared: Database) -> None:
    """Four gateways through an overload: the same limit, second by second, and the same answers to the last one."""
    phases = tuple(replace(phase, seconds=phase.seconds / 6.0, judged_after=0.0) for phase in PROVINCE.phases)
    land = replace(PROVINCE, gateways=4, villages=40, centre=CentreModel(workers=4), phases=phases)
    rows, memory = NationRun(land, 3), NationRun(land, 3)
    stand_in: Any = RowShares(shared, rows)
    rows.shares = stand_in
    memory.shares = Shares(SETTINGS.limiter, 0.0, every=0.0)
    assert rows.result() == memory.result()


def test_a_limit_goes_on_after_freezing() -> None:
    """Frozen and thawed before every report, a common limit goes exactly the way of one that stays in memory."""
    random, settings = Random(5), LimiterSettings()
    kept = Limit(settings, 0.0, pooled=RENEW)
    moved = thawed(frozen(kept), settings, 0.0)
    for step in range(1, 400):
        now, slow = step * 0.5, 0.2 * (1.0 + (step // 100) % 3)
        seen = [random.lognormvariate(0.0, 0.4) * slow for _ in range(1 + int(kept.value * random.random() / slow))]
        lost = sum(random.random() < 0.02 * ((step // 150) % 2) * 40 for _ in seen)
        moved = thawed(frozen(moved), settings, now)
        for limit in (kept, moved):
            limit.pool(now, len(seen), sum(seen), sum(each * each for each in seen), lost)
            limit.roll(now)
        assert frozen(moved) == frozen(kept)
    assert kept.value != settings.initial


def test_a_trial_under_way_is_kept() -> None:
    """A trial of the limit survives with all its figures; half of one does not count."""
    limit = Limit(LimiterSettings(), 0.0)
    limit._trial = Trial(10.0, 9.0, 40.0, 5.0, dip=True)
    assert thawed(frozen(limit), LimiterSettings(), 0.0)._trial == limit._trial
    state = msgspec.json.decode(frozen(limit))
    del state["_trial"]["rate"]
    assert thawed(msgspec.json.encode(state), LimiterSettings(), 0.0)._trial is None


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"[1]",
        b"\xff",
        b'{"value": "many"}',
        b'{"_belief": 3, "_window": {"count": null}, "of_a_later_version": 1}',
    ],
)
def test_what_cannot_be_read_begins_anew(state: bytes) -> None:
    """Whatever stands in the row, a limit comes out, with what of it made sense."""
    fresh = Limit(LimiterSettings(), 7.0, pooled=RENEW)
    assert frozen(thawed(state, LimiterSettings(), 7.0)) == frozen(fresh)


def test_another_version_s_figures_are_taken_as_far_as_they_are_known() -> None:
    """Value and belief of a limit with other names in it are kept; a value above this config's maximum is not."""
    state = b'{"value": 900.0, "_belief": {"calm": 0.3, "newer": [1]}, "newer": {}}'
    limit = thawed(state, LimiterSettings(maximum=100), 0.0)
    assert (limit.value, limit.calm) == (100.0, 0.3)
