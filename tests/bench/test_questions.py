"""The questions of a scenario: reproducible, open-loop, in the shares it states."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from msgspec.structs import replace

from bench.overload.questions import draw, people_in
from bench.overload.scenario import DOWN, HOG, VARIANTS, short

BASE = VARIANTS["base"]


def test_the_same_seed_draws_the_same() -> None:
    """Every contender meets the same questions; another seed draws others."""
    assert draw(BASE) == draw(BASE)
    assert draw(BASE) != draw(replace(BASE, seed=2))


@pytest.mark.parametrize("name", list(VARIANTS))
def test_each_phase_has_the_load_it_states(name: str) -> None:
    """The number of arrivals of each phase is its load times the capacity, but for chance (five sigma)."""
    scenario = short(VARIANTS[name])
    for start, phase in zip(scenario.starts(), scenario.phases, strict=True):
        wanted = phase.load * scenario.capacity * phase.seconds
        came = sum(start <= question.at < start + phase.seconds for question in draw(scenario))
        assert abs(came - wanted) < 5 * wanted**0.5


def test_one_village_sends_a_fifth() -> None:
    """The hog sends the share it is given; the others send alike, and all of them ask."""
    counts = Counter(question.village for question in draw(BASE))
    total = counts.total()
    assert abs(counts[HOG] / total - 0.2) < 0.02
    others = [counts[village] for village in range(1, BASE.villages)]
    mean = sum(others) / len(others)
    assert min(others) > 0
    assert max(abs(count - mean) for count in others) < 6 * mean**0.5


def test_quiet_villages_ask_less_than_their_share_of_the_weak_centre() -> None:
    """Together they ask half of what an equal share of the weak centre would give them."""
    scenario = VARIANTS["long"]
    asked = sum(question.village >= scenario.villages - scenario.quiet for question in draw(scenario))
    share = scenario.quiet * 0.3 * scenario.capacity / scenario.villages
    assert abs(asked / scenario.seconds - share / 2) < 0.15 * share


def test_nobody_is_asked_about_twice_without_repeats() -> None:
    """A cache is of no help in the base scenario."""
    questions = draw(BASE)
    assert people_in(questions) == len(questions)
    assert people_in([]) == 0


def test_repeats_are_about_people_of_the_first_phase() -> None:
    """With 40 % repeats, that share of the later questions is about somebody asked about in the first phase."""
    scenario = VARIANTS["repeat"]
    questions = draw(scenario)
    first = {question.person for question in questions if question.at < scenario.phases[0].seconds}
    later = [question.person for question in questions if question.at >= scenario.phases[0].seconds]
    again = [person for person in later if person in first]
    assert abs(len(again) / len(later) - 0.4) < 0.02
    fresh = [person for person in later if person not in first]
    assert len(set(fresh)) == len(fresh)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_phase_is_in_the_centres_schedule(name: str) -> None:
    """The centre is told every phase: when it begins, how many workers it has, whether it is down."""
    scenario = VARIANTS[name]
    schedule = scenario.behaviour()["schedule"]
    assert isinstance(schedule, list)
    told = [(change["at"], change["workers"], change["mode"]) for change in schedule]
    starts = list(itertools.accumulate((phase.seconds for phase in scenario.phases[:-1]), initial=0.0))
    assert [at for at, _, _ in told] == starts
    assert [workers for _, workers, _ in told] == [20, 20, 6, 20, 20]
    assert [mode == "down" for _, _, mode in told] == [phase.name == DOWN for phase in scenario.phases]
