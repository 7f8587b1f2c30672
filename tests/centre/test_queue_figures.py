"""Figures of queue, gate and circuit, one by one: what mutation tests showed nobody looked at."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from gateway.centre.breaker import Breaker, Circuit, Outcome, Permit
from gateway.centre.fair_queue import FairQueue, Ticket
from gateway.centre.gate import Gate
from gateway.centre.in_flight import Passage
from gateway.centre.limit import Limit
from gateway.centre.link import Flight, carry
from gateway.centre.verdict import ADMIT, Refuse
from gateway.contract.errors import CentreTimeout
from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService, Priority
from gateway.settings.centre import BreakerSettings, LimiterSettings
from tests.centre.stage import FarEnd, LoopClock, a_call, reply, virtually

if TYPE_CHECKING:
    from gateway.contract.messages import Call, Reply

COUNTER, ONLINE = Priority.COUNTER, Priority.ONLINE


class Highest(Random):
    """Draws the upper end of every range."""

    def uniform(self, a: float, b: float) -> float:
        """The upper end."""
        del a
        return b


def queue_of(*waiting: tuple[Priority, str]) -> FairQueue[Ticket]:
    """A queue with one ticket for each place named."""
    queue: FairQueue[Ticket] = FairQueue(patience=1e9)
    for priority, village in waiting:
        queue.push(Ticket(Flight(a_call(village=village))), priority, village, "c")
    return queue


def test_calls_before_a_turn_are_counted_over_villages_and_classes() -> None:
    """A newcomer stands behind one turn of each village, in its class's part of all turns."""
    alone = queue_of((COUNTER, "a"), (COUNTER, "b"), (COUNTER, "c"))
    assert alone.rounds(COUNTER, "a") == (0.0, 3.0)
    assert alone.rounds(COUNTER, "a", 2) == (6.0, 3.0)
    assert alone.rounds(COUNTER, "new") == (3.0, 3.0)
    assert alone.rounds(ONLINE, "new") == (0.0, 3.0), "an idle class of half the weight has every third turn"
    assert alone.lengths(COUNTER, "new") == (3, 0, 0)
    assert alone.lengths(COUNTER, "a", "c") == (3, 1, 1)
    both = queue_of((COUNTER, "a"), (ONLINE, "o"))
    assert both.rounds(ONLINE, "new") == (3.0, 3.0)
    assert both.rounds(COUNTER, "new") == (1.5, 1.5)


def test_a_village_that_was_just_served_stands_behind_the_others_again() -> None:
    """With nothing waiting any more it comes after one turn of each who waits, pressing or not."""
    queue = queue_of((COUNTER, "a"), (COUNTER, "b"), (COUNTER, "c"))
    first = queue.take(0.0)
    assert first is not None
    assert next(iter(first.flight.askers))[0] == "a"
    assert queue.rounds(COUNTER, "a") == (4.0, 2.0)
    queue.press(COUNTER, "a")
    assert queue.rounds(COUNTER, "a") == (6.0, 2.0)


def gate_of(value: float, typical: float | None = 0.5) -> Gate[Passage]:
    """A gate with a fixed limit."""
    limit = Limit(LimiterSettings(), 0.0)
    limit.value, limit.typical = value, typical
    if typical is not None:
        limit._took, limit._load = typical, value
    return Gate(LimiterSettings(), Highest(), 0.0, limit)


def offered(gate: Gate[Passage], now: float, deadline: float) -> object:
    """What the gate says to a call."""
    call = a_call(deadline=deadline)
    return gate.offer(now, Passage(Flight(call), CentreService.BIODATA), call)


def test_the_wait_at_a_full_gate_is_half_a_pause_between_two_places() -> None:
    """Four places of half a second each come free every eighth of a second."""
    gate = gate_of(4.0)
    assert gate.estimate(0.0, COUNTER) == 0.0
    assert [offered(gate, 0.0, 9.0) for _ in range(4)] == [ADMIT] * 4
    assert gate.estimate(0.0, COUNTER) == 0.0625
    assert gate.place(COUNTER, "v", "c") == (1, 0.0625)


def test_a_call_whose_time_is_over_is_sent_away_for_a_second_and_a_half_at_most() -> None:
    """It is refused for its deadline; the wait is jittered upwards by half."""
    verdict = offered(gate_of(4.0), 10.0, 10.0)
    assert verdict == Refuse(1.5, "deadline")


def half_open(settings: BreakerSettings) -> tuple[Circuit, float]:
    """A circuit whose rest is over, and when that was."""
    circuit = Circuit(settings, Highest())
    for _ in range(settings.in_a_row):
        permit = circuit.offer(0.0)
        assert isinstance(permit, Permit)
        circuit.done(0.0, permit, Outcome.FAILURE, 0.1)
    assert circuit.state is CircuitState.OPEN
    return circuit, circuit._until


def test_probes_are_few_and_all_of_them_must_succeed() -> None:
    """Three go through when the rest is just over, the fourth waits half their patience; the third success closes."""
    circuit, until = half_open(BreakerSettings())
    assert (circuit.may_go(until - 0.001), circuit.may_go(until)) == (False, True)
    probes = [circuit.offer(until) for _ in range(3)]
    assert circuit.offer(until) == Refuse(0.5, "probing")
    for number, probe in enumerate(probes):
        assert isinstance(probe, Permit)
        assert circuit.state is CircuitState.HALF_OPEN, number
        circuit.done(until + 0.1, probe, Outcome.SUCCESS, 0.1)
    assert circuit.state.value == "closed"


def test_a_closed_circuit_counts_failures_in_a_row_from_nothing() -> None:
    """After it closed four failures leave it closed and the fifth opens it; a failed probe says so."""
    circuit, until = half_open(BreakerSettings())
    for _ in range(3):
        probe = circuit.offer(until)
        assert isinstance(probe, Permit)
        circuit.done(until, probe, Outcome.SUCCESS, 0.1)
    for number in range(5):
        assert circuit.state is CircuitState.CLOSED, number
        permit = circuit.offer(until)
        assert isinstance(permit, Permit)
        circuit.done(until, permit, Outcome.FAILURE, 0.1)
    assert circuit.state.value == "open"
    probe = circuit.offer(circuit._until)
    assert isinstance(probe, Permit)
    circuit.done(circuit._until, probe, Outcome.FAILURE, 0.1)
    assert circuit.reason == "probe_failed"


def test_an_attempt_lasts_as_long_as_its_latest_asker_waits_and_no_longer() -> None:
    """Extended by an asker that joined, the attempt ends exactly at that asker's deadline."""

    async def hanging(_call: Call) -> Reply:
        await asyncio.sleep(100.0)
        return reply()

    async def main() -> None:
        clock = LoopClock()
        breaker = Breaker(FarEnd(clock, hanging), BreakerSettings(), clock=clock, random=Random(1))
        await asyncio.sleep(3.0)
        call = carry(a_call(deadline=5.0))
        asking = asyncio.create_task(breaker.ask(call))
        await asyncio.sleep(1.0)
        call.flight.join(a_call(deadline=8.0, caller="other"))
        with pytest.raises(CentreTimeout):
            await asking
        assert asyncio.get_running_loop().time() == pytest.approx(8.0)

    virtually(main())
