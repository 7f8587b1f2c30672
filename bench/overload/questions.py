"""Who asks about whom, and when: drawn once from the scenario's seed, so that every contender meets the same."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import msgspec

from bench.overload.scenario import HOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.overload.scenario import Phase, Scenario


class Question(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One citizen's question.

    Attributes:
        at: Seconds from the start of the run.
        village: Number of the village.
        person: Number of the person it is about, from 0; asked about for the first time in this order.
    """

    at: float
    village: int
    person: int


def draw(scenario: Scenario) -> list[Question]:
    """Every question of a run, in order of time: arrivals are Poisson, open-loop."""
    rng = random.Random(scenario.seed)
    asked: list[Question] = []
    people = known = 0
    for number, (start, phase) in enumerate(zip(scenario.starts(), scenario.phases, strict=True)):
        known = people if number == 1 else known
        for at, village in _arrivals(scenario, phase, start, rng):
            earlier = known if number else people
            if earlier and rng.random() < scenario.repeats:
                person = rng.randrange(earlier)
            else:
                person, people = people, people + 1
            asked.append(Question(at, village, person))
    return asked


def people_in(questions: Sequence[Question]) -> int:
    """How many different people are asked about."""
    return 1 + max((question.person for question in questions), default=-1)


def _arrivals(scenario: Scenario, phase: Phase, start: float, rng: random.Random) -> Iterator[tuple[float, int]]:
    """When questions of one phase come, and from which village."""
    rate = phase.load * scenario.capacity
    quiet = scenario.quiet * scenario.quiet_rate / rate
    busy = scenario.villages - scenario.quiet
    at = start + rng.expovariate(rate)
    while at < start + phase.seconds:
        drawn = rng.random()
        if drawn < scenario.hog:
            yield at, HOG
        elif drawn < scenario.hog + quiet:
            yield at, busy + rng.randrange(scenario.quiet)
        else:
            yield at, 1 + rng.randrange(busy - 1)
        at += rng.expovariate(rate)
