"""A right's day is spent per attempt, follows the centre's word, and survives restarts and clocks."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from gateway.centre.allowance import Allowance
from gateway.centre.allowance_book import KEPT, SPREAD, AllowanceBook, DayRow
from gateway.centre.allowance_store import DatabaseAllowanceStore
from gateway.centre.link import Carried
from gateway.centre.tables import core_metadata
from gateway.centre.verdict import ADMIT, Refuse
from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    Invalid,
    Maintenance,
    Overloaded,
    QuotaExhausted,
    StorageUnavailable,
)
from gateway.contract.messages import CentreService, Right
from gateway.database.database import Database
from gateway.settings.centre import AllowanceSettings
from tests.centre.stage import FarEnd, LoopClock, ManualClock, a_call, raises, reply, virtually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.contract.errors import (
        GatewayError,
    )
    from gateway.contract.messages import Call, Reply

JAKARTA = ZoneInfo("Asia/Jakarta")
NOON = datetime(2027, 1, 15, 12, tzinfo=JAKARTA).timestamp()
DAY = 86_400.0
BIODATA, VERIFY = CentreService.BIODATA, CentreService.VERIFY


def rights(allowance: int | None = 10) -> dict[str, Right]:
    """One right."""
    right = Right(
        name="dinas",
        title="Dinas",
        services=frozenset(CentreService),
        fields=frozenset(),
        purposes=frozenset(),
        daily_allowance=allowance,
    )
    return {"dinas": right}


def book(allowance: int | None = 10, **knobs: Any) -> AllowanceBook:
    """A book of one right."""
    return AllowanceBook(rights(allowance), AllowanceSettings(**knobs), zone=JAKARTA, random=Random(1))


def use(of: AllowanceBook, now: float, count: int, service: CentreService = BIODATA) -> int:
    """Spend as much as is let, up to `count`."""
    spent = 0
    while spent < count and of.offer(now, "dinas", service) is ADMIT:
        of.settle(of.spend(now, "dinas", service), sent=True)
        spent += 1
    return spent


def test_what_is_spent_is_gone_until_midnight_in_the_centres_zone() -> None:
    """After the allowance nothing is let through; retry-after leads past midnight in Jakarta, spread."""
    made = book()
    assert use(made, NOON, 100) == 10
    refused = [made.offer(NOON, "dinas", BIODATA) for _ in range(20)]
    afters = {verdict.after for verdict in refused if isinstance(verdict, Refuse)}
    assert len(afters) == 20
    assert all(DAY / 2 <= after <= DAY / 2 + SPREAD for after in afters)
    assert use(made, NOON + DAY / 2 + 1.0, 100) == 10


def test_a_clock_set_back_does_not_refill() -> None:
    """What was spent on the later day counts on the earlier one too, and again when the day comes."""
    made = book()
    assert use(made, NOON, 10) == 10
    assert use(made, NOON - DAY, 10) == 0
    assert use(made, NOON, 10) == 0
    assert use(made, NOON + DAY, 10) == 10


def test_a_clock_that_jumps_ahead_and_back_is_not_stuck() -> None:
    """After a year's jump and its correction, the next real day has its allowance."""
    made = book()
    use(made, NOON + 365 * DAY, 10)
    assert use(made, NOON, 10) == 0
    assert use(made, NOON + DAY, 10) == 10


def test_a_clock_that_jumps_over_midnight_and_back_keeps_what_was_spent() -> None:
    """What was spent before the jump is still spent after its correction."""
    made = book()
    assert use(made, NOON, 10) == 10
    assert use(made, NOON + DAY, 1) == 1
    assert use(made, NOON, 10) == 0


def test_few_days_are_held_in_memory() -> None:
    """Days pass, memory does not grow."""
    made = book()
    for number in range(100):
        use(made, NOON + number * DAY, 1)
    assert len(made._stored) <= KEPT + 1


def test_the_centres_word_corrects_the_count() -> None:
    """`quotaLimiter` lowers and raises what is left; attempts under way are taken off."""
    made = book()
    first = made.spend(NOON, "dinas", BIODATA)
    made.spend(NOON, "dinas", BIODATA)
    made.settle(first, sent=True, quota_left=4)
    assert made.left(NOON, "dinas") == 3
    assert use(made, NOON, 10) == 3


def test_an_allowance_below_the_centres_is_a_cap_of_our_own() -> None:
    """Where the centre would give more than the config allows, the config's figure holds."""
    made = book()
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, quota_left=56_616)
    assert use(made, NOON, 100) == 9


def test_without_an_allowance_only_the_centres_word_limits() -> None:
    """None is unlimited until the centre says what is left."""
    made = book(None)
    assert use(made, NOON, 1000) == 1000
    assert made.left(NOON, "dinas") is None
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, quota_left=2)
    assert use(made, NOON, 10) == 2


def test_used_up_too_early_is_looked_at_again_now_and_then() -> None:
    """Below the allowance one attempt in 15 minutes goes through; its answer ends the stop, its failure does not."""
    made = book(1000)
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, exhausted=True)
    assert use(made, NOON + 899.0, 5) == 0
    assert use(made, NOON + 900.0, 5) == 1
    assert use(made, NOON + 1799.0, 5) == 0
    late = made.spend(NOON, "dinas", BIODATA)
    assert made.settle(late, sent=True, exhausted=True) is False
    probe = made.spend(NOON + 1800.0, "dinas", BIODATA)
    assert made.offer(NOON + 1800.0, "dinas", BIODATA) != ADMIT
    assert made.settle(probe, sent=True, answered=True) is True
    assert use(made, NOON + 1800.0, 5) == 5


@pytest.mark.parametrize(("allowance", "left"), [(1, None), (1000, 0), (None, 0)])
def test_what_is_used_up_by_any_other_count_is_left_alone(allowance: int | None, left: int | None) -> None:
    """Where our count is at the allowance, or the centre's own stands at 0, nothing is sent until the reset."""
    made = book(allowance)
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, quota_left=left, exhausted=True)
    assert use(made, NOON + 3600.0, 5) == 0
    assert use(made, NOON + DAY, 1) == 1


def test_an_answer_that_was_on_its_way_ends_no_stop() -> None:
    """Only an attempt begun after the centre said "used up" can tell that it no longer is."""
    made = book(1000)
    early = made.spend(NOON, "dinas", BIODATA)
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, exhausted=True)
    assert made.settle(early, sent=True, answered=True) is False
    assert use(made, NOON + 1.0, 5) == 0


def test_a_right_stopped_by_mistake_is_served_again_the_same_day() -> None:
    """831 askers of a right called used up reach the centre once; after 15 minutes all are served."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(QuotaExhausted()))
        link = Allowance(
            far,
            AllowanceSettings(),
            rights=rights(100_000),
            zone=JAKARTA,
            store=None,
            clock=far.clock,
            random=Random(1),
        )
        for _ in range(831):
            with pytest.raises(QuotaExhausted):
                await link.ask(a_call())
        assert len(far.calls) == 1
        far.act = None
        await asyncio.sleep(901.0)
        with capture_logs() as logs:
            for _ in range(10):
                await link.ask(a_call(deadline=2000.0))
        assert len(far.calls) == 11
        assert [line["event"] for line in logs] == ["centre.allowance.resumed"]

    virtually(main())


def test_exhausted_means_nothing_is_sent_until_the_reset() -> None:
    """When the centre says so, the own count no longer matters."""
    made = book(None)
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=True, exhausted=True)
    assert isinstance(made.offer(NOON, "dinas", VERIFY), Refuse)
    assert made.left(NOON, "dinas") == 0
    assert made.offer(NOON + DAY, "dinas", VERIFY) is ADMIT


def test_a_reserve_is_kept_for_its_service() -> None:
    """Three of ten are left to verifications; they may use all that is left."""
    made = book(reserve={"verify": 0.3})
    assert use(made, NOON, 100) == 7
    assert isinstance(made.offer(NOON, "dinas", BIODATA), Refuse)
    assert use(made, NOON, 100, VERIFY) == 3


def test_what_the_centre_never_saw_is_given_back() -> None:
    """An attempt that was not sent costs nothing."""
    made = book()
    for _ in range(50):
        made.settle(made.spend(NOON, "dinas", BIODATA), sent=False)
    assert made.left(NOON, "dinas") == 10


def test_the_centres_word_survives_restarts_and_clocks() -> None:
    """What the centre said is left is stored, given back with an unsent attempt, and carried to an earlier day."""
    made = book(None)
    made.load(
        [
            DayRow("dinas", "2027-01-14", BIODATA, 1, 50, exhausted=False),
            DayRow("dinas", "2027-01-15", BIODATA, 1, 5, exhausted=False),
            DayRow("dinas", "2027-01-15", VERIFY, 1, 4, exhausted=False),
        ]
    )
    assert made.left(NOON, "dinas") == 4
    made.settle(made.spend(NOON, "dinas", BIODATA), sent=False)
    assert made.left(NOON, "dinas") == 4
    assert {row.service: row.used for row in made.unsaved("dinas")} == {BIODATA: 0, VERIFY: 0}
    assert made.left(NOON - DAY, "dinas") == 4
    assert made.left(NOON + 2 * DAY, "dinas") is None


def test_the_alarm_is_given_once_a_day() -> None:
    """At nine tenths there is one warning."""
    made = book()
    use(made, NOON, 8)
    assert made.alarm("dinas") is None
    use(made, NOON, 1)
    assert made.alarm("dinas") == (9, 10)
    assert made.alarm("dinas") is None


def test_old_rows_and_reloaded_rights_keep_what_was_spent() -> None:
    """A restart goes on with the stored day; a raised allowance adds to it."""
    made = book()
    made.load([DayRow("dinas", "2027-01-15", BIODATA, 8, None, exhausted=False)])
    assert use(made, NOON, 10) == 2
    made.replace_rights(rights(12))
    assert use(made, NOON, 10) == 2


class MemoryStore:
    """A store that keeps rows in memory and can refuse."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], DayRow] = {}
        self.broken = False

    async def load(self) -> list[DayRow]:
        """All rows."""
        return list(self.rows.values())

    async def add(self, rows: Sequence[DayRow]) -> dict[tuple[str, str, str], int]:
        """Add to what is kept."""
        if self.broken:
            raise StorageUnavailable
        for row in rows:
            key = (row.right, row.day, row.service)
            before = self.rows[key].used if key in self.rows else 0
            self.rows[key] = replace(row, used=before + row.used)
        return {(row.right, row.day, row.service): self.rows[row.right, row.day, row.service].used for row in rows}


def allowance(
    far: FarEnd, store: MemoryStore | DatabaseAllowanceStore | None = None, count: int | None = 10
) -> Allowance:
    """The link under test."""
    return Allowance(
        far, AllowanceSettings(), rights=rights(count), zone=JAKARTA, store=store, clock=far.clock, random=Random(2)
    )


def test_a_hammered_question_costs_no_call_once_the_quota_is_gone() -> None:
    """831 repeats of one refused question reach the centre once, and all hear when to come back."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(QuotaExhausted()))
        link = allowance(far, count=None)
        for _ in range(831):
            with pytest.raises(QuotaExhausted) as caught:
                await link.ask(a_call())
            assert caught.value.retry_after is not None
            assert caught.value.retry_after > 3600.0
        assert len(far.calls) == 1

    virtually(main())


@pytest.mark.parametrize(
    ("error", "left"),
    [
        (CentreUnreachable(), 10),
        (CentreUnavailable(), 10),
        (Overloaded(), 10),
        (Maintenance(), 10),
        (CentreTimeout(executed="no"), 10),
        (CentreTimeout(), 9),
        (CentreMisanswered(), 9),
        (Invalid(), 9),
    ],
)
def test_an_attempt_is_spent_if_the_centre_may_have_seen_it(error: GatewayError, left: int) -> None:
    """Failures before the centre are free; whatever it may have answered is not."""

    async def main() -> None:
        link = allowance(FarEnd(LoopClock(), raises(error)))
        with pytest.raises(type(error)):
            await link.ask(a_call())
        assert link.left("dinas") == left

    virtually(main())


@pytest.mark.parametrize(("sent", "left"), [(False, 10), (True, 9)])
def test_a_cancelled_call_is_spent_only_if_it_was_sent(sent: bool, left: int) -> None:  # noqa: FBT001 - a table's column
    """Callers who leave while they wait for a place do not use up the day."""

    async def main() -> None:
        async def act(call: Call) -> Reply:
            assert isinstance(call, Carried)
            call.flight.sent = sent
            await asyncio.sleep(5.0)
            return reply()

        link = allowance(FarEnd(LoopClock(), act))
        asker = asyncio.ensure_future(link.ask(a_call()))
        await asyncio.sleep(1.0)
        asker.cancel()
        await asyncio.gather(asker, return_exceptions=True)
        assert link.left("dinas") == left

    virtually(main())


def test_answers_carry_the_centres_count() -> None:
    """`quotaLimiter` of an answer becomes what is left."""

    async def main() -> None:
        async def act(_call: Call) -> Reply:
            return reply(quota_left=2)

        link = allowance(FarEnd(LoopClock(), act), count=None)
        await link.ask(a_call())
        assert link.left("dinas") == 2

    virtually(main())


def test_a_restart_goes_on_with_what_was_left(tmp_path: Path) -> None:
    """Counts come back from the database, also after a save of nothing; a second process does not start anew."""

    async def main() -> None:
        clock = ManualClock()
        database = Database.open(f"sqlite:///{tmp_path / 'gateway.db'}")
        await database.write(core_metadata.create_all)
        store = DatabaseAllowanceStore(database, clock)
        before = allowance(FarEnd(clock), store)
        await before.open()
        for _ in range(7):
            await before.ask(a_call(deadline=1e9))
        await before.close()
        assert await store.add([]) == {}
        after = allowance(FarEnd(clock), store)
        await after.open()
        assert after.left("dinas") == 3
        await database.close()

    asyncio.run(main())


def test_instances_of_one_database_share_the_allowance(tmp_path: Path) -> None:
    """What one instance spends is gone for the other once either has saved; nothing is counted twice."""

    async def main() -> None:
        clock = ManualClock()
        database = Database.open(f"sqlite:///{tmp_path / 'gateway.db'}")
        await database.write(core_metadata.create_all)
        store = DatabaseAllowanceStore(database, clock)
        one, other = allowance(FarEnd(clock), store), allowance(FarEnd(clock), store)
        for link in (one, other):
            await link.open()
        for _ in range(3):
            await one.ask(a_call(deadline=1e9))
        await one.flush()
        await other.ask(a_call(deadline=1e9))
        await other.flush()
        assert other.left("dinas") == 6
        await one.ask(a_call(deadline=1e9))
        await one.flush()
        assert one.left("dinas") == 5
        for link in (one, other):
            await link.close()
        assert sum(row.used for row in await store.load()) == 5
        await database.close()

    asyncio.run(main())


def test_a_store_that_cannot_be_written_holds_up_nobody() -> None:
    """Questions go on; the counts stay in memory and are written with the next attempt."""

    async def main() -> None:
        store = MemoryStore()
        store.broken = True
        link = allowance(FarEnd(LoopClock()), store)
        await link.open()
        await link.ask(a_call())
        await asyncio.sleep(1.0)
        assert not store.rows
        store.broken = False
        await link.ask(a_call())
        await link.close()
        assert [row.used for row in store.rows.values()] == [2]

    virtually(main())


def test_the_link_warns_when_little_is_left() -> None:
    """At nine tenths one line in the log names the right and the figures."""

    async def main() -> None:
        link = allowance(FarEnd(LoopClock()))
        with capture_logs() as logs:
            for _ in range(10):
                await link.ask(a_call())
        assert [(line["used"], line["whole"]) for line in logs if line["event"] == "centre.allowance.alarm"] == [
            (9, 10)
        ]

    virtually(main())


def test_it_runs_without_a_store() -> None:
    """Without a store counts live in memory, and reloaded rights apply."""

    async def main() -> None:
        link = allowance(FarEnd(LoopClock()))
        await link.open()
        await link.ask(a_call())
        link.replace_rights(rights(5))
        assert link.left("dinas") == 4
        await link.close()

    virtually(main())
