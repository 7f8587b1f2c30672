"""Finite strength: how many are served at once, how long it takes, and what happens when too many come."""

from __future__ import annotations

import asyncio
import random
import statistics
from functools import partial
from typing import TYPE_CHECKING

from gateway.mock_siak import Behaviour
from gateway.mock_siak.capacity import Capacity

if TYPE_CHECKING:
    from tests.mock_siak.conftest import Rig


def test_without_a_service_time_there_is_no_queue() -> None:
    """`mean_seconds` 0 serves at once, in the caller's own turn."""
    served: list[int] = []
    Capacity(Behaviour(), random.Random(1)).run(lambda: served.append(1))
    assert served == [1]


def test_service_times_are_lognormal_with_the_wanted_mean() -> None:
    """Ten thousand draws have the mean asked for and the spread of sigma; sigma 0 is exact."""
    capacity = Capacity(Behaviour(mean_seconds=0.2, sigma=0.5), random.Random(1))
    drawn = [capacity.service_seconds() for _ in range(10_000)]
    assert abs(statistics.fmean(drawn) - 0.2) < 0.01
    assert min(drawn) > 0
    assert max(drawn) > 0.6
    assert abs(Capacity(Behaviour(mean_seconds=0.2, sigma=0), random.Random(1)).service_seconds() - 0.2) < 1e-12


def test_workers_serve_in_order_of_arrival() -> None:
    """Two workers take two calls, the rest wait first in, first out, and all are served."""

    async def scene() -> tuple[list[int], tuple[int, int]]:
        capacity = Capacity(Behaviour(workers=2, mean_seconds=0.002, sigma=0, thrashing=0), random.Random(1))
        served: list[int] = []
        done = asyncio.Event()

        def serve(number: int) -> None:
            served.append(number)
            if len(served) == 9:
                done.set()

        for number in range(9):
            capacity.run(lambda number=number: serve(number))  # type: ignore[misc]
        gauges = (capacity.in_flight, capacity.backlog)
        await asyncio.wait_for(done.wait(), 5)
        return served, gauges

    assert asyncio.run(scene()) == (list(range(9)), (2, 7))


def test_a_longer_queue_serves_more_slowly() -> None:
    """Every waiting call stretches the next service time by the thrashing share."""

    async def scene() -> tuple[float, float]:
        capacity = Capacity(Behaviour(workers=1, mean_seconds=10, sigma=0, thrashing=0.1), random.Random(1))
        idle = capacity.service_seconds()
        for _ in range(11):
            capacity.run(lambda: None)
        slow = capacity.service_seconds()
        capacity.clear()
        assert (capacity.in_flight, capacity.backlog) == (0, 0)
        return idle, slow

    idle, slow = asyncio.run(scene())
    assert abs(idle - 10) < 1e-9
    assert abs(slow - 20) < 1e-9


def test_a_faster_behaviour_drains_what_waits() -> None:
    """Calls that queue under one capacity are served under the next one, before newer ones."""

    async def scene() -> list[int]:
        capacity = Capacity(Behaviour(workers=1, mean_seconds=1_000, sigma=0), random.Random(1))
        served: list[int] = []
        done = asyncio.Event()
        for number in range(3):
            capacity.run(lambda number=number: served.append(number))  # type: ignore[misc]
        capacity.follow(Behaviour(workers=2))
        capacity.run(done.set)
        await asyncio.wait_for(done.wait(), 5)
        capacity.clear()
        return served

    assert asyncio.run(scene()) == [1, 2]


def test_abandoned_calls_are_served_all_the_same(rig: Rig) -> None:
    """Callers that leave stay in the queue, and cost the centre their work and the quota when their turn comes."""
    rig.behave(workers=1, mean_seconds=1_000, sigma=0)
    for number in range(1, 6):
        with rig.client() as client:
            client.send(rig.question(rig.nik()))
            rig.until(partial(rig.arrived, number))
    rig.until(lambda: rig.mock.stats.abandoned == 5)
    rig.behave(workers=2)
    rig.until(lambda: rig.mock.stats.served == 4)
    assert rig.mock.quota.used() == {rig.account.key: 4}
    assert rig.control("GET", "/_mock/stats")[1]["in_flight"] == 1
