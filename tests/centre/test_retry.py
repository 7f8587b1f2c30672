"""Trying again stays rare, jittered, in time, and never repeats a refusal."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.centre.link import Carried
from gateway.centre.retry import MENDABLE, SAVED, Retry, RetryPolicy
from gateway.centre.verdict import Refuse, Wait
from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    Maintenance,
    Overloaded,
    QuotaExhausted,
    every_error,
)
from gateway.settings.centre import RetrySettings
from tests.centre.stage import FarEnd, LoopClock, a_call, raises, reply, virtually

if TYPE_CHECKING:
    from gateway.contract.errors import (
        GatewayError,
    )
    from gateway.contract.messages import Call, Reply


def policy(saved: int = 5) -> RetryPolicy:
    """A policy that has saved some retries."""
    made = RetryPolicy(RetrySettings(), Random(1))
    for _ in range(saved * 10):
        made.began()
    return made


@pytest.mark.parametrize("kind", every_error())
def test_only_what_another_try_may_mend_is_tried_again(kind: type[GatewayError]) -> None:
    """Of all errors of the contract, exactly the unreachable, the late and the garbled are tried again."""
    verdict = policy().offer(0.0, tried=1, error=kind(), deadline=10.0)
    assert isinstance(verdict, Wait) is (kind in MENDABLE)


def test_pauses_are_fully_jittered_and_capped() -> None:
    """The n-th pause lies anywhere below base x 2^(n-1), and never above the cap."""
    made = RetryPolicy(RetrySettings(attempts=5, budget=1.0, cap=0.3), Random(2))
    first: list[float] = []
    third: list[float] = []
    for _ in range(500):
        for tried, pauses in ((1, first), (4, third)):
            made.began()
            verdict = made.offer(0.0, tried=tried, error=CentreUnreachable(), deadline=10.0)
            assert isinstance(verdict, Wait)
            pauses.append(verdict.after)
    assert min(first) < 0.01
    assert 0.09 < max(first) <= 0.1
    assert 0.28 < max(third) <= 0.3


def test_it_never_goes_beyond_the_deadline_and_honours_retry_after() -> None:
    """A pause the centre asked for is kept, and given up if the deadline comes first."""
    verdict = policy().offer(0.0, tried=1, error=CentreUnreachable(retry_after=2.0), deadline=10.0)
    assert verdict == Wait(2.0)
    assert policy().offer(0.0, tried=1, error=CentreUnreachable(retry_after=20.0), deadline=10.0) == Refuse(
        0.0, "deadline"
    )


def test_attempts_are_limited() -> None:
    """The third try is the last."""
    assert policy().offer(0.0, tried=3, error=CentreTimeout(), deadline=10.0) == Refuse(0.0, "attempts")


def test_unused_retries_are_saved_up_to_a_bound() -> None:
    """A quiet day does not pay for a storm."""
    made = policy(saved=1000)
    waits = 0
    while isinstance(made.offer(0.0, tried=1, error=CentreTimeout(), deadline=10.0), Wait):
        waits += 1
    assert waits == SAVED


@given(st.lists(st.booleans(), max_size=400))
def test_amplification_is_at_most_a_tenth(history: list[bool]) -> None:
    """Over any history of calls and failures retries are at most a tenth of the calls."""
    made = RetryPolicy(RetrySettings(), Random(3))
    calls = retries = 0
    for begins in history:
        if begins or not calls:
            made.began()
            calls += 1
        elif isinstance(made.offer(0.0, tried=1, error=CentreMisanswered(), deadline=10.0), Wait):
            retries += 1
        assert retries <= 0.1 * calls + 1e-9


def test_the_link_tries_again_and_answers() -> None:
    """A question that failed once is answered by the second try, within its deadline."""

    async def main() -> None:
        async def act(_call: Call) -> Reply:
            if len(far.calls) == 11:
                raise CentreUnreachable
            return reply()

        far = FarEnd(LoopClock(), act)
        link = Retry(far, RetrySettings(), clock=far.clock, random=Random(4))
        for _ in range(11):
            await link.ask(a_call())
        assert len(far.calls) == 12

    virtually(main())


def test_a_centre_that_always_fails_gets_a_tenth_more() -> None:
    """1,000 failing calls cause at most 1,100 attempts."""

    async def main() -> None:
        far = FarEnd(LoopClock(), raises(CentreUnreachable("down")))
        link = Retry(far, RetrySettings(), clock=far.clock, random=Random(5))
        results = await asyncio.gather(*(link.ask(a_call()) for _ in range(1000)), return_exceptions=True)
        assert all(isinstance(result, CentreUnreachable) for result in results)
        assert 1000 < len(far.calls) <= 1100

    virtually(main())


def ended(first: GatewayError, second: GatewayError, *, sent: bool) -> GatewayError:
    """What the asker is told whose first try was sent, and whose second one was or was not."""

    async def main() -> GatewayError:
        async def act(call: Call) -> Reply:
            assert isinstance(call, Carried)
            call.flight.sent = sent or len(far.calls) == 1
            raise first if len(far.calls) == 1 else second

        far = FarEnd(LoopClock(), act)
        link = Retry(far, RetrySettings(attempts=2, budget=1.0), clock=far.clock, random=Random(6))
        with pytest.raises(type(second) if sent else type(first)) as caught:
            await link.ask(a_call())
        assert len(far.calls) == 2
        return caught.value

    return virtually(main())


@pytest.mark.parametrize("refusal", [CentreUnavailable(retry_after=7.0), Overloaded(), QuotaExhausted()])
def test_a_refused_retry_does_not_hide_how_the_try_before_it_ended(refusal: GatewayError) -> None:
    """The first try's error is told, its `executed` too; the refusal only says when to come again."""
    told = ended(CentreMisanswered("A page.", executed="unknown"), refusal, sent=False)
    assert (told.detail, told.executed, told.retry_after) == ("A page.", "unknown", refusal.retry_after)


@pytest.mark.parametrize(("second", "executed"), [(Maintenance(), "unknown"), (CentreMisanswered(), "yes")])
def test_what_any_try_may_have_done_is_told(second: GatewayError, executed: str) -> None:
    """The last word of the centre is told, with the surest `executed` of all tries."""
    told = ended(CentreTimeout(), second, sent=True)
    assert (told.code, told.executed) == (second.code, executed)
