"""The overload scenario in short, with real processes: what must hold on any machine, however busy."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

from bench.overload.contenders import CONTENDERS
from bench.overload.measures import measure
from bench.overload.questions import draw
from bench.overload.records import Ending
from bench.overload.scenario import VARIANTS, short
from bench.overload.trial import Crowd, run

if TYPE_CHECKING:
    from bench.overload.records import Run

SCENARIO = short(VARIANTS["base"])
_LATE = 1.0


@pytest.fixture(scope="module")
def gateway_run() -> Run:
    """The gateway through all phases, half a minute, told nothing of the centre."""
    contender = next(contender for contender in CONTENDERS if contender.name == "gateway")
    return run(contender, SCENARIO, Crowd(SCENARIO))


def test_nothing_is_lost(gateway_run: Run) -> None:
    """Every question ends: in an answer, after its last try, or with the run; no citizen is left waiting."""
    tries = defaultdict(list)
    for attempt in gateway_run.tries:
        tries[attempt.question].append(attempt)
        assert attempt.ended - attempt.began < SCENARIO.deadline + _LATE
    assert len(tries) == len(draw(SCENARIO))
    last = SCENARIO.seconds - 2 * SCENARIO.pause
    for of_one in tries.values():
        final = of_one[-1]
        assert final.ending is Ending.GOOD or final.number == SCENARIO.tries or final.ended > last


def test_no_answer_is_made_up(gateway_run: Run) -> None:
    """Without repeats, every good answer comes from a call of its own, and hardly any call is for nobody."""
    told = measure(gateway_run)
    heard = sum(call.heard for call in gateway_run.work)
    assert told.endings["good"] <= heard
    assert told.waste < 0.1
    assert told.amplification < 1.1


def test_the_centre_is_kept_at_useful_work(gateway_run: Run) -> None:
    """Normal: all answered. Surge and weak: the centre's time goes into answers somebody waits for."""
    normal, surge, weak, *_ = measure(gateway_run).phases
    assert normal.answered is not None
    assert normal.answered > 0.99
    assert surge.useful is not None
    assert surge.useful > 0.8
    assert weak.useful is not None
    assert weak.useful > 0.75


def test_villages_are_served_alike(gateway_run: Run) -> None:
    """One village that sends a fifth of everything takes nothing from the others."""
    told = measure(gateway_run)
    surge = told.phases[1]
    assert surge.jain is not None
    assert surge.jain > 0.9
    hog, *others = told.answers_by_village
    assert hog < 2.5 * sum(others) / len(others)
