"""Knocking at the gate: what would be refused at once never takes off."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.centre.cache_key import CacheKeys
from gateway.centre.coalesce import Coalesce
from gateway.centre.gate import Gate
from gateway.centre.in_flight import Passage
from gateway.centre.limiter import Limiter
from gateway.centre.link import Flight
from gateway.centre.verdict import Admit, Refuse
from gateway.contract.errors import Overloaded
from gateway.contract.messages import CentreService
from gateway.settings.centre import LimiterSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, takes, virtually

if TYPE_CHECKING:
    from gateway.centre.verdict import Wait

KEYS = CacheKeys(b"synthetic-secret-0123456789")
CROWD = 400


class Street:
    """A gate in virtual time before a centre that takes a tenth of a second; `knocks` says whether callers knock."""

    def __init__(self, seed: int, *, knocks: bool) -> None:
        self._knocks = knocks
        self._gate: Gate[Passage] = Gate(LimiterSettings(initial=2, maximum=4), Random(seed), 0.0)
        self._inside: list[Passage] = []

    def arrive(self, now: float, village: str) -> Admit | Wait | Refuse:
        """What a caller is told."""
        call = a_call(village=village, deadline=now + 5.0)
        knocked = self._gate.knock(now, call) if self._knocks else False
        if isinstance(knocked, Refuse):
            return knocked
        passage = Passage(Flight(call, knocked=knocked), CentreService.BIODATA)
        verdict = self._gate.offer(now, passage, call)
        if isinstance(verdict, Admit):
            self._inside.append(passage)
        return verdict

    def pass_time(self, now: float) -> list[str]:
        """Let calls end that are over; whose turn it is then."""
        while self._inside and now - self._inside[0].started >= 0.1:
            self._gate.done(now, self._inside.pop(0), seconds=0.1)
        told = self._gate.next(now)
        self._inside += [passage for passage, verdict in told if not isinstance(verdict, Refuse)]
        return [f"{next(iter(passage.flight.askers))} {verdict}" for passage, verdict in told]


@given(st.integers(0, 2**32), st.integers(1, 40))
@settings(max_examples=30)
def test_knocking_changes_nothing_anybody_is_told(seed: int, villages: int) -> None:
    """Under a flood of any villages the same callers are let in, wait and are refused, knocking first or not."""
    random = Random(seed)
    plain, knocking = Street(seed, knocks=False), Street(seed, knocks=True)
    now = 0.0
    for _ in range(CROWD):
        now += random.expovariate(100.0)
        assert knocking.pass_time(now) == plain.pass_time(now)
        village = f"v{min(random.randrange(villages), random.randrange(villages))}"
        assert knocking.arrive(now, village) == plain.arrive(now, village)


def test_a_flood_of_new_questions_starts_no_flight_that_would_be_refused() -> None:
    """Of a thousand different questions at once only those that may wait take off; the others are refused as before."""

    async def main() -> None:
        far = FarEnd(LoopClock(), takes(0.25))
        limiter = Limiter(far, LimiterSettings(initial=2, maximum=2), clock=far.clock, random=Random(1))
        link = Coalesce(limiter, key_of=KEYS.of, clock=far.clock, knock=limiter.knock)
        await link.ask(a_call("3527010101900000", deadline=far.clock.monotonic() + 5.0))
        until = far.clock.monotonic() + 5.0
        asking, most = [], 0
        for number in range(1000):
            asking.append(asyncio.ensure_future(link.ask(a_call(f"35270101019{number + 1:05}", deadline=until))))
            for _ in range(3):
                await asyncio.sleep(0.0)
            most = max(most, link.in_flight)
        assert most < 20
        told = await asyncio.gather(*asking, return_exceptions=True)
        refused = [one for one in told if isinstance(one, Overloaded)]
        assert len(refused) + len(far.calls) - 1 == 1000
        assert all(one.executed == "no" and one.retry_after for one in refused)

    virtually(main())
