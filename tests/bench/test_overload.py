"""The overload scenario in short, with real processes: what must hold on any machine, however busy.

One test, because the scenario takes half a minute and is judged as a whole.
"""

from __future__ import annotations

import statistics
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
    from bench.overload.measures import Measured
    from bench.overload.records import Run

SCENARIO = short(VARIANTS["base"])
_GRACE = 1.0


@pytest.mark.alone  # useful work is a matter of processor time, which a suite of three workers does not leave it
@pytest.mark.timeout(300)
def test_the_gateway_through_surge_weakness_and_outage() -> None:
    """No question is lost, no answer made up; the centre is kept at useful work, and one hog takes nothing away.

    A run that something else on the machine disturbed shows that machine: it is judged more mildly, and done again.
    """
    contender = next(contender for contender in CONTENDERS if contender.name == "gateway")
    crowd = Crowd(SCENARIO)
    for is_last in (False, False, True):
        done = run(contender, SCENARIO, crowd)
        disturbed = _was_disturbed(done)
        try:
            _judge(done, floor=0.6 if disturbed else 0.85)
        except AssertionError:
            if is_last or not disturbed:
                raise
        else:
            break


def _judge(done: Run, floor: float) -> None:
    """Hold a run against all that is promised."""
    told = measure(done)
    _nothing_is_lost(done)
    _no_answer_is_made_up(done, told)
    _the_centre_does_useful_work(told, floor)
    _villages_are_served_alike(told)


def _nothing_is_lost(done: Run) -> None:
    """Every question ends: in an answer, after its last try, or with the run; no citizen is left waiting."""
    tries = defaultdict(list)
    for attempt in done.tries:
        tries[attempt.question].append(attempt)
        assert attempt.ended - attempt.began < SCENARIO.deadline + _GRACE
    assert len(tries) == len(draw(SCENARIO))
    last = SCENARIO.seconds - 2 * SCENARIO.pause
    for of_one in tries.values():
        final = of_one[-1]
        assert final.ending is Ending.GOOD or final.number == SCENARIO.tries or final.ended > last


def _no_answer_is_made_up(done: Run, told: Measured) -> None:
    """Without repeats, every good answer comes from a call of its own, and hardly any call is for nobody."""
    assert told.endings["good"] <= sum(call.heard for call in done.work)
    assert told.waste < 0.1
    assert told.amplification < 1.1


def _the_centre_does_useful_work(told: Measured, floor: float) -> None:
    """Normal: all answered. Surge and weak: the centre's time goes into answers somebody waits for."""
    normal, surge, weak, *_ = told.phases
    assert normal.answered is not None
    assert normal.answered > 0.99
    assert surge.useful is not None
    assert surge.useful > floor
    assert weak.useful is not None
    assert weak.useful > floor


def _villages_are_served_alike(told: Measured) -> None:
    """In the surge, one village that sends a fifth of everything takes nothing from the others."""
    surge = told.phases[1]
    assert surge.jain is not None
    assert surge.jain > 0.9
    hog, *others = told.answers_by_village
    assert hog < 2.5 * sum(others) / len(others)


def _was_disturbed(done: Run) -> bool:
    """Whether other work on the machine delayed the arrivals or the centre's workers."""
    stretched = statistics.fmean(call.ended - call.began for call in done.work) > 1.1 * SCENARIO.mean_seconds
    return done.instrument.late_p99 > 0.03 or stretched
