"""Shares of one limit: division, leases that end, and many gateways before one centre."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.shares import LASTS, Leased, Seen, Shares, water_level
from gateway.settings.centre import LimiterSettings
from gateway.simulator.lands import PROVINCE
from gateway.simulator.nation import NationRun, Way


@given(budget=st.floats(0.1, 1000.0), wanted=st.lists(st.floats(0.0, 100.0), min_size=1, max_size=50))
def test_the_level_gives_out_all_and_never_more(budget: float, wanted: list[float]) -> None:
    """Max-min: the whole limit is given out, or everybody gets what it wants."""
    level = water_level(budget, wanted)
    given_out = sum(min(wish, level) for wish in wanted)
    assert given_out <= budget * (1 + 1e-9) or given_out == pytest.approx(sum(wanted))
    assert given_out == pytest.approx(min(budget, sum(wanted)))


def test_shares_below_one_are_pauses() -> None:
    """Forty busy gateways before a limit of 16 get a part of the time each."""
    shares = Shares(LimiterSettings(), 0.0)
    leases = [
        shares.lease(second, f"g{number}", 100.0, Seen(4, 1.0, 0.3)) for second in (0.0, 1.0) for number in range(40)
    ]
    assert shares.gateways == 40
    assert leases[-1].value < 1.0
    assert leases[-1].pause > 0.0


def test_a_gateway_that_went_away_gives_its_share_back() -> None:
    """Without a renewal a lease ends; one that closes gives it back at once."""
    shares = Shares(LimiterSettings(), 0.0)
    for number in range(10):
        shares.lease(0.0, f"g{number}", 1.0)
    shares.leave("g1")
    assert shares.gateways == 9
    shares.lease(LASTS + 1.0, "g0", 1.0)
    assert shares.gateways == 1


def test_with_little_wanted_everybody_may_begin_at_once() -> None:
    """While there is enough, an idle gateway does not wait for its next lease."""
    shares = Shares(LimiterSettings(), 0.0)
    lease = shares.lease(0.0, "g", 0.0)
    assert lease.value >= 1.0
    assert lease.pause == 0.0


def test_a_lease_carries_what_was_seen() -> None:
    """Between two leases a gateway notes every call that ended."""
    leased = Leased()
    leased.sample(0.0, epoch=0, seconds=0.5, answered=True)
    leased.sample(0.0, epoch=0, seconds=5.0, answered=False)
    assert (leased.seen.count, leased.seen.seconds, leased.seen.unanswered) == (2, 5.5, 1)
    leased.take(Shares(LimiterSettings(), 0.0).lease(0.0, "g", 1.0, leased.report()))
    assert leased.seen.count == 0


@pytest.mark.soak
def test_a_province_without_coordination_collapses_and_with_it_does_not() -> None:
    """Far more gateways than the centre has workers: each alone keeps it busy with calls nobody waits for."""
    phases = tuple(
        replace(phase, seconds=phase.seconds / 2.0, judged_after=phase.judged_after / 2.0) for phase in PROVINCE.phases
    )
    crowded = replace(
        PROVINCE, gateways=500, villages=8_000, centre=replace(PROVINCE.centre, workers=15), phases=phases
    )
    alone = NationRun(replace(crowded, way=Way.ALONE), 1).result()
    shared = NationRun(crowded, 1).result()
    assert alone["surge"].useful < 0.3
    assert shared["surge"].useful >= 0.85
    assert shared["after"].answered > alone["after"].answered


def test_a_province_that_shares_one_limit_is_served_in_full() -> None:
    """35 regencies, three times what the centre can do: useful work stays at 0.95 or more, and regencies get alike."""
    result = NationRun(PROVINCE, 1).result()
    assert result["surge"].useful >= 0.95
    assert result["surge"].jain >= 0.95
    assert result["surge"].wasted <= 0.01
