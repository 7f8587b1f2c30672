"""The band in which something will be at the centre: honest, or not told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.messages import Priority
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.ageing import band_of
from gateway.outbox.outbox import Ending
from gateway.outbox.pace import CAUTION, RECENT, expected
from tests.outbox.world import LEASE, START, always

if TYPE_CHECKING:
    from tests.outbox.world import World


def steady(rate: float, seconds: float = 3_600.0) -> list[float]:
    """Deliveries at a steady pace until now, newest first."""
    return [START - number / rate for number in range(1, int(rate * seconds))][:500]


def test_a_steady_pace_makes_a_narrow_band() -> None:
    """Between what it takes at that pace and twice as long."""
    band = expected(99, steady(2.0), START)
    assert band is not None
    assert band.soonest - START == pytest.approx(50.0, rel=0.05)
    assert band.latest - START == pytest.approx(CAUTION * 50.0, rel=0.05)


@pytest.mark.parametrize(
    "delivered",
    [[], [START - 1.0] * 3, [START - RECENT - 1.0 - n for n in range(100)]],
    ids=["none", "few", "long ago"],
)
def test_without_a_pace_nothing_is_told(delivered: list[float]) -> None:
    """Nothing delivered, too little, or nothing of late: as while the centre is away."""
    assert expected(5, delivered, START) is None


def test_what_would_take_weeks_is_not_told() -> None:
    """Nobody plans by such a figure."""
    assert expected(9_000, steady(0.01), START) is None


@given(st.integers(0, 10_000), st.lists(st.floats(0.0, 5_000.0), max_size=500))
def test_a_band_is_ahead_of_now_and_in_order(ahead: int, ages: list[float]) -> None:
    """Whatever the past: soonest before latest, both to come; more before it never makes it sooner."""
    delivered = sorted((START - age for age in ages), reverse=True)
    band, more = expected(ahead, delivered, START), expected(ahead + 1, delivered, START)
    if band is not None:
        assert START < band.soonest <= band.latest
        if more is not None:
            assert more.soonest >= band.soonest
            assert more.latest >= band.latest


def test_what_goes_before_is_counted_over_all_villages(world: World) -> None:
    """More urgent classes and earlier filings, while they move; what is held or needs a person does not count."""

    async def main() -> None:
        outbox = world.outbox
        urgent = world.new(priority=Priority.URGENT, filed=9.0)
        first, held = world.new(filed=1.0), world.new(filed=2.0, village="3527032002")
        last, later = world.new(filed=5.0, village="3527032003"), world.new(filed=6.0)
        for one in (urgent, first, held, last, later):
            await outbox.accept(one)
        assert await outbox.ahead(last.id) == 3
        await outbox.act(held.id, "hold", "operator:x")
        assert await outbox.ahead(last.id) == 2
        assert await outbox.ahead(held.id) is None
        (claimed,) = await outbox.claim(1, LEASE, always)
        assert await outbox.ahead(last.id) == 2
        await outbox.finish(claimed, Ending(State.DELIVERED))
        assert await outbox.ahead(last.id) == 1
        assert await outbox.ahead(urgent.id) is None
        assert await outbox.ahead("nothing") is None

    asyncio.run(main())


def test_ageing_tells_what_is_here_and_what_is_there(world: World) -> None:
    """By service and age since filing: handed in, at the centre, decided, with a person, ended here."""

    async def main() -> None:
        outbox = world.outbox
        for service, filed in (("birth", 0.0), ("birth", 1.0), ("death", 2.0), ("birth", -90_000.0)):
            await outbox.accept(world.new(service=service, filed=filed))
        old, first = await outbox.claim(1, LEASE, always) + await outbox.claim(1, LEASE, always)
        await outbox.finish(old, Ending(State.DELIVERED))
        await outbox.finish(first, Ending(State.ATTENTION, "form_invalid"))
        found = await outbox.ageing(START + 10.0)
        rows = [(one.service, one.age, one.handed_in, one.at_centre, one.attention) for one in found]
        assert rows == [("birth", 0, 2, 0, 1), ("birth", 2, 1, 1, 0), ("death", 0, 1, 0, 0)]
        assert sum(one.decided + one.ended for one in found) == 0

    asyncio.run(main())


def test_bands_of_age_meet() -> None:
    """Each age has one band, and they ascend."""
    assert [band_of(age) for age in (0.0, 3_599.0, 3_600.0, 86_400.0, 7 * 86_400.0, 1e9)] == [0, 0, 1, 2, 4, 5]
