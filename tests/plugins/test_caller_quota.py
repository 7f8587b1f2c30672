"""A caller gets its share and not more, whatever the clock does, and is told what it has left."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract import Caller, CentreService, Intent
from gateway.contract.errors import TooManyRequests
from gateway.settings import Source, checked
from plugins.caller_quota import CallerQuota, CallerQuotaConfig
from plugins.caller_quota.bucket import Bucket, Quota, Spent, Taken

if TYPE_CHECKING:
    from tests.plugins.conftest import Desk

MIDNIGHT = 1_794_934_800.0
"""00:00 in Jakarta, as Unix seconds."""


def intent(caller: str = "c1", name: str = "desa") -> Intent:
    """A question of a caller."""
    return Intent("ask", Caller(caller, name), CentreService.BIODATA, "pelayanan", "", "native", "q")


def headers(quota: CallerQuota, **who: str) -> dict[str, str]:
    """The headers of one permitted question."""
    return dict(asyncio.run(quota.before(intent(**who))).headers)


def wait_of(quota: CallerQuota, **who: str) -> float:
    """For how long one refused question is put off."""
    with pytest.raises(TooManyRequests) as caught:
        asyncio.run(quota.before(intent(**who)))
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def test_a_burst_passes_and_then_the_rate_counts() -> None:
    """So many at once, then one per interval."""
    bucket = Bucket(Quota(60, 3), 0.0, 1)
    assert [type(bucket.take(0.0, 1)) for _ in range(4)] == [Taken, Taken, Taken, Spent]
    assert bucket.take(0.25, 1) == Spent("minute", 0.75)
    assert bucket.take(1.0, 1) == Taken(0, 3.0, None)
    assert bucket.take(1.0, 1) == Spent("minute", 1.0)


def test_the_day_ends_at_its_number() -> None:
    """A daily quota comes back with the next day, and never with an earlier one."""
    bucket = Bucket(Quota(6000, 100, 2), 0.0, 10)
    assert bucket.take(0.0, 10) == Taken(99, 0.01, 1)
    assert isinstance(bucket.take(0.0, 10), Taken)
    assert bucket.take(1.0, 10) == Spent("day", 0.0)
    assert bucket.take(1.0, 9) == Spent("day", 0.0)
    assert isinstance(bucket.take(1.0, 11), Taken)


def test_a_clock_set_back_gives_nothing() -> None:
    """Time that goes back neither refills nor blocks for ever."""
    bucket = Bucket(Quota(60, 1), 100.0, 1)
    assert isinstance(bucket.take(100.0, 1), Taken)
    assert isinstance(bucket.take(50.0, 1), Spent)
    assert isinstance(bucket.take(101.0, 1), Taken)


@given(
    rate=st.integers(1, 1000),
    burst=st.integers(1, 100),
    steps=st.lists(st.floats(0, 30), min_size=1, max_size=200),
)
def test_never_more_than_burst_and_rate(rate: int, burst: int, steps: list[float]) -> None:
    """Whenever questions come, no more pass than the burst and what came back since; waits are kept."""
    bucket = Bucket(Quota(rate, burst), 0.0, 1)
    now = passed = 0.0
    for step in steps:
        now += step
        taken = bucket.take(now, 1)
        if isinstance(taken, Spent):
            assert isinstance(bucket.take(now + taken.after * 0.99 - 1e-6, 1), Spent)
            now += taken.after + 1e-6
            assert isinstance(bucket.take(now, 1), Taken)
        passed += 1
        assert passed <= burst + now * rate / 60 + 1e-6


def test_good_answers_say_what_is_left(desk: Desk) -> None:
    """`RateLimit` and `RateLimit-Policy` follow the IETF draft."""
    desk.at = MIDNIGHT + 86_400 - 600
    quota = CallerQuota(CallerQuotaConfig(per_minute=60, burst=10, per_day=100), desk)
    assert headers(quota) == {
        "RateLimit": '"minute";r=9;t=1, "day";r=99;t=600',
        "RateLimit-Policy": '"minute";q=10;w=10, "day";q=100;w=86400',
    }


def test_without_a_daily_quota_only_the_minute_is_told(desk: Desk) -> None:
    """What is not limited is not mentioned."""
    quota = CallerQuota(CallerQuotaConfig(), desk)
    assert headers(quota) == {"RateLimit": '"minute";r=59;t=1', "RateLimit-Policy": '"minute";q=60;w=6'}


def test_a_caller_over_its_quota_waits_and_the_others_do_not(desk: Desk) -> None:
    """Each caller has a bucket of its own."""
    quota = CallerQuota(CallerQuotaConfig(per_minute=60, burst=1), desk)
    headers(quota)
    assert wait_of(quota) == pytest.approx(1.0)
    headers(quota, caller="c2")
    desk.at += 1.0
    headers(quota)


def test_a_daily_quota_comes_back_at_midnight_in_its_zone(desk: Desk) -> None:
    """The wait is until midnight in Jakarta, and then it is a new day."""
    desk.at = MIDNIGHT - 30.0
    quota = CallerQuota(CallerQuotaConfig(per_day=1), desk)
    headers(quota)
    assert wait_of(quota) == pytest.approx(30.0)
    desk.at = MIDNIGHT
    headers(quota)
    assert wait_of(quota) == pytest.approx(86_400.0)
    desk.at -= 3_600
    assert wait_of(quota) > 1


def test_a_caller_can_have_figures_of_its_own(desk: Desk) -> None:
    """What an override leaves out stays as for all."""
    config = {"per_minute": 6, "per_day": 5, "callers": {"rsud": {"per_minute": 6000}}}
    accepted = checked(CallerQuotaConfig, config, Source()).value
    assert accepted is not None
    assert accepted.quota_of("rsud") == Quota(6000, 600, 5)
    assert accepted.quota_of("desa") == Quota(6, 10, 5)
    assert headers(CallerQuota(accepted, desk), name="rsud")["RateLimit"].startswith('"minute";r=599')


def test_memory_is_bounded_and_the_silent_are_forgotten_first(desk: Desk) -> None:
    """More callers than are remembered push out those that were silent longest."""
    quota = CallerQuota(CallerQuotaConfig(per_minute=1, burst=2, tracked=10), desk)
    headers(quota, caller="busy")
    seeded = random.Random(7)
    for number in seeded.sample(range(10_000), 9):
        headers(quota, caller=f"other-{number}")
    headers(quota, caller="busy")
    headers(quota, caller="one-more")
    assert wait_of(quota, caller="busy") > 0
    (check,) = quota.gateway_health_checks()
    assert asyncio.run(check.check()).detail == "10 callers"


def test_it_registers_itself_as_a_policy(desk: Desk) -> None:
    """The hook hands over one policy."""
    quota = CallerQuota(CallerQuotaConfig(), desk)
    assert list(quota.gateway_policies()) == [quota]


@pytest.mark.parametrize(
    "table", [{"per_minute": 0}, {"zone": "Mars/Olympus"}, {"callers": {"x": {"rate": 1}}}, {"per_day": 1.5}]
)
def test_wrong_settings_are_faults(table: dict[str, object]) -> None:
    """Its Config is strict."""
    assert checked(CallerQuotaConfig, table, Source()).faults
