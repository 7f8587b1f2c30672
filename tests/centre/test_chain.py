"""The links together, from the cache to the breaker, over a far end that fails in every way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from gateway.centre.allowance import Allowance
from gateway.centre.breaker import Breaker
from gateway.centre.cache import Cache
from gateway.centre.cache_key import CacheKeys
from gateway.centre.coalesce import Coalesce
from gateway.centre.limiter import Limiter
from gateway.centre.link import carry, renewed
from gateway.centre.retry import Retry
from gateway.centre.status import centre_status
from gateway.contract.errors import (
    CentreMisanswered,
    CentreTimeout,
    CentreUnavailable,
    CentreUnreachable,
    GatewayError,
    Internal,
    Invalid,
    Maintenance,
    Overloaded,
    QuotaExhausted,
)
from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService, Right
from gateway.settings.centre import CentreSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, left_over, raises, reply, takes, virtually

if TYPE_CHECKING:
    from gateway.contract.messages import Call, Reply

KEYS = CacheKeys(b"synthetic-secret-0123456789")
SETTINGS = CentreSettings()
DINAS = Right(
    name="dinas",
    title="Dinas",
    services=frozenset(CentreService),
    fields=frozenset(),
    purposes=frozenset(),
    daily_allowance=1_000_000,
)


class Chain:
    """All links over one far end, in the one order there is."""

    def __init__(self, far: FarEnd) -> None:
        random, clock = Random(1), far.clock
        self.far = far
        self.breaker = Breaker(far, SETTINGS.breaker, clock=clock, random=random)
        self.limiter = Limiter(self.breaker, SETTINGS.limiter, clock=clock, random=random)
        self.allowance = Allowance(
            self.limiter,
            SETTINGS.allowance,
            zone=ZoneInfo("Asia/Jakarta"),
            rights={"dinas": DINAS},
            store=None,
            clock=clock,
            random=random,
        )
        self.retry = Retry(self.allowance, SETTINGS.retry, clock=clock, random=random)
        self.coalesce = Coalesce(self.retry, key_of=KEYS.of, clock=clock, horizon=SETTINGS.deadline_max)
        self.cache = Cache(self.coalesce, SETTINGS.cache, keys=KEYS, store=None, clock=clock)

    async def ask(self, number: int = 0, seconds: float = 10.0, village: str = "v") -> str:
        """Ask about a synthetic subject; the source of the answer."""
        call = a_call(f"35270101019{number:05d}", deadline=self.far.clock.monotonic() + seconds, village=village)
        return (await self.cache.ask(call)).source


async def hang(_call: Call) -> Reply:
    """A centre that accepts and never replies."""
    await asyncio.sleep(1e6)
    return reply()


OUTAGES = {
    "refuse": (raises(CentreUnreachable()), (CentreUnreachable, CentreUnavailable)),
    "hang": (hang, (CentreTimeout, CentreUnavailable, Overloaded)),
    "maintenance": (raises(Maintenance()), (Maintenance, CentreUnavailable)),
    "garbage": (raises(CentreMisanswered()), (CentreMisanswered, CentreUnavailable)),
}


@pytest.mark.parametrize("mode", OUTAGES)
def test_an_outage_is_survived_and_over_within_five_seconds(mode: str) -> None:
    """Cached questions are answered, others get a typed error in time, and fresh answers are back within 5 s."""
    act, expected = OUTAGES[mode]

    async def main() -> None:
        clock = LoopClock()
        chain = Chain(FarEnd(clock))
        for number in range(20):
            assert await chain.ask(number) == "centre"
        clock.shift += 3 * 86_400.0
        chain.far.act = act
        asked = [asyncio.ensure_future(outage(chain, clock, number, expected)) for number in range(60)]
        await asyncio.gather(*asked)
        chain.far.act = None
        since = clock.monotonic()
        fresh: list[float] = []
        for step in range(60):
            await asyncio.sleep(0.1)
            with suppress(*expected):
                assert await chain.ask(5000 + step, seconds=2.0) == "centre"
                fresh.append(clock.monotonic())
        assert fresh
        assert fresh[0] - since <= 5.0
        assert chain.allowance.left("dinas") is not None
        await chain.cache.close()
        await chain.coalesce.close()
        assert left_over() == 0

    virtually(main())


async def outage(chain: Chain, clock: LoopClock, number: int, expected: tuple[type[GatewayError], ...]) -> None:
    """One asker during an outage: known subjects below 20, strangers above."""
    await asyncio.sleep(number * 0.2)
    began = clock.monotonic()
    try:
        source = await chain.ask(number, seconds=3.0)
        assert (source, number < 20) == ("cache", True)
    except expected:
        assert number >= 20
    assert clock.monotonic() - began <= 3.1


def test_a_refusal_below_costs_no_allowance() -> None:
    """What the breaker and the limiter refuse is given back to the right's day."""

    async def main() -> None:
        chain = Chain(FarEnd(LoopClock(), raises(CentreUnreachable())))
        for number in range(50):
            with pytest.raises((CentreUnreachable, CentreUnavailable)):
                await chain.ask(number)
        assert chain.allowance.left("dinas") == 1_000_000

    virtually(main())


def test_a_cached_answer_costs_no_allowance() -> None:
    """A hundred askers of one subject cost one."""

    async def main() -> None:
        chain = Chain(FarEnd(LoopClock(), takes(0.1)))
        await asyncio.gather(*(chain.ask() for _ in range(50)))
        await asyncio.gather(*(chain.ask() for _ in range(50)))
        assert chain.allowance.left("dinas") == 999_999

    virtually(main())


def test_cancel_storms_leave_nothing_behind() -> None:
    """10,000 askers who leave at any moment leave no task, flight, place, probe or spent attempt of the unsent."""

    async def main() -> None:
        chain = Chain(FarEnd(LoopClock(), takes(0.3)))
        random = Random(2)
        for wave in range(20):
            askers = [asyncio.ensure_future(chain.ask(number // 2 + wave * 1000)) for number in range(500)]
            await asyncio.sleep(random.uniform(0.0, 0.6))
            for asker in askers:
                asker.cancel()
            await asyncio.gather(*askers, return_exceptions=True)
        await asyncio.sleep(0)
        assert left_over() == 0
        assert chain.coalesce.in_flight == 0
        assert chain.far.running == 0
        status = centre_status(chain.breaker, chain.limiter)
        assert [(each.waiting, each.in_flight, each.circuit) for each in status] == [(0, 0, CircuitState.CLOSED)] * len(
            CentreService
        )
        left = chain.allowance.left("dinas")
        assert left is not None
        assert 1_000_000 - left <= len(chain.far.calls)
        assert await chain.ask(999_99) == "centre"

    virtually(main())


def test_the_status_tells_how_each_service_is() -> None:
    """Circuit, since when, why, places and latency, for every service in order."""

    async def main() -> None:
        clock = LoopClock()
        chain = Chain(FarEnd(clock, takes(0.2)))
        await chain.ask()
        first = centre_status(chain.breaker, chain.limiter)[0]
        assert (first.service, first.circuit, first.reason) == (CentreService.BIODATA, CircuitState.CLOSED, "")
        assert first.latency_p90 == pytest.approx(0.2, rel=0.1)
        assert (first.wait_seconds, first.limit) == (0.0, 16.0)
        chain.far.act = raises(CentreUnreachable())
        await asyncio.sleep(5.0)
        for number in range(10):
            with pytest.raises(GatewayError):
                await chain.ask(100 + number)
        opened = centre_status(chain.breaker, chain.limiter)[0]
        assert (opened.circuit, opened.reason) == (CircuitState.OPEN, "failure_rate")
        assert opened.since > first.since

    virtually(main())


def test_a_timeout_of_the_flight_reaches_the_asker_as_sent() -> None:
    """An asker whose question is at the centre when time is up hears a timeout, executed `unknown`."""

    async def main() -> None:
        chain = Chain(FarEnd(LoopClock(), hang))
        with pytest.raises(CentreTimeout) as caught:
            await chain.ask(seconds=2.0)
        assert caught.value.executed == "unknown"

    virtually(main())


def test_a_quota_refusal_stops_all_questions_of_the_right_but_not_known_answers() -> None:
    """After code 05 nothing more is sent, and what is known is still served."""

    async def main() -> None:
        clock = LoopClock()
        chain = Chain(FarEnd(clock))
        await chain.ask(1)
        clock.shift += 2 * 86_400.0
        chain.far.act = raises(QuotaExhausted())
        for number in range(2, 100):
            with pytest.raises(QuotaExhausted):
                await chain.ask(number)
        assert await chain.ask(1) == "cache"
        assert len(chain.far.calls) == 2

    virtually(main())


def test_a_call_is_carried_once_and_errors_are_renewed_whole() -> None:
    """Carrying twice gives the same call; a renewed error says the same and points to its origin."""
    call = a_call()
    carried = carry(call, bound=60.0)
    assert carry(carried) is carried
    assert (carried.deadline, carried.flight.deadline) == (60.0, call.deadline)
    assert replace(carried).flight is carried.flight
    error = Invalid("wrong", retry_after=1.0)
    fresh = renewed(error)
    assert (type(fresh), fresh.detail, fresh.retry_after, fresh.__cause__) == (Invalid, "wrong", 1.0, error)
    assert isinstance(renewed(KeyError("x")), Internal)
