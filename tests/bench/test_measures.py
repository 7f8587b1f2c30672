"""Figures from what a run left behind, on runs small enough to reckon by hand."""

from __future__ import annotations

import pytest

from bench.overload.measures import jain, measure, quantile, useful_calls
from bench.overload.questions import draw
from bench.overload.records import Ending, Instrument, Run, Try, Work
from bench.overload.scenario import Phase, Scenario

SCENARIO = Scenario(
    "tiny",
    (Phase("normal", 10, 0.5), Phase("surge", 10, 1.0), Phase("down", 2, 1.0), Phase("back", 10, 1.0, settle=5.0)),
    workers=2,
    mean_seconds=1.0,
    villages=4,
)


def run_of(tries: list[Try], work: list[Work]) -> Run:
    """A run of the tiny scenario."""
    return Run("gateway", SCENARIO, tries, work, {}, Instrument(0.0, 0.0, 0.0, 0.0))


def heard(person: int, began: float, ended: float) -> Work:
    """A call whose caller took the answer."""
    return Work(person, began, ended, heard=True)


def unheard(person: int, began: float, ended: float) -> Work:
    """A call whose caller had left."""
    return Work(person, began, ended, heard=False)


def test_jain() -> None:
    """1 when all have the same, 1/n when one has everything, nothing when nobody has anything."""
    assert jain([3, 3, 3]) == pytest.approx(1)
    assert jain([0, 0, 0, 7]) == pytest.approx(0.25)
    assert jain([0, 0]) is None


def test_quantile() -> None:
    """The value that a share is not above; None of nothing."""
    assert quantile([], 0.5) is None
    assert quantile([3, 1, 2], 0.5) == 2
    assert quantile(range(100), 0.99) == 99


def test_a_good_answer_is_owed_to_the_last_call_before_it() -> None:
    """Of two calls about one person the earlier is waste; so is an unheard one, or one that ended after the answer."""
    work = [heard(1, 0, 1), heard(1, 1, 2), unheard(1, 2, 2.5), heard(1, 3, 4), heard(2, 0, 5)]
    assert useful_calls(work, [(1, 2.6)]) == {1}


def test_answers_from_memory_are_owed_to_the_call_that_fetched_them() -> None:
    """Later answers about the same person make no further call useful, and the first one not wasted."""
    work = [heard(1, 0, 1), heard(2, 0, 1)]
    assert useful_calls(work, [(1, 1.01), (1, 30.0), (3, 9.0)]) == {0}


def test_a_run_in_which_all_goes_well() -> None:
    """Every question answered by a call of its own: no waste, one call per person, useful work as busy as it was."""
    questions = draw(SCENARIO)
    tries = [Try(n, 1, q.at, q.at + 0.5, Ending.GOOD, 200) for n, q in enumerate(questions)]
    work = [heard(q.person, q.at, q.at + 0.5) for q in questions]
    told = measure(run_of(tries, work))
    normal = told.phases[0]
    assert (normal.answered, normal.waste, told.waste, told.amplification) == (1.0, 0.0, 0.0, 1.0)
    assert normal.goodput == pytest.approx(sum(one.ended < 10 for one in tries) / 20)
    assert normal.good_p50 == pytest.approx(0.5)
    busy = sum(min(10, call.ended) - call.began for call in work if call.began < 10)
    assert normal.useful is not None
    assert busy / 20 * 0.8 <= normal.useful <= busy / 20
    assert told.endings == {"good": len(questions)}
    assert told.phases[2].goodput is None


def test_work_nobody_waits_for() -> None:
    """Calls of citizens who left fill the centre and are no useful work."""
    questions = draw(SCENARIO)
    tries = [Try(n, 1, q.at, q.at + 5, Ending.LATE, 0) for n, q in enumerate(questions)]
    work = [unheard(q.person, q.at, q.at + 5.5) for q in questions]
    told = measure(run_of(tries, work))
    assert (told.phases[1].useful, told.phases[1].waste, told.phases[1].jain) == (0.0, 1.0, None)
    assert set(told.useful_over_time) == {0.0}


def test_withdrawn_workers_finish_what_they_do() -> None:
    """A centre that is busier than the phase allows has as much to give as it is busy: useful work is never above 1."""
    tries = [Try(0, 1, 9, 11, Ending.GOOD, 200)]
    person = draw(SCENARIO)[0].person
    work = [heard(person, 10, 20)] + [heard(100 + n, 10, 20) for n in range(5)]
    useful = measure(run_of([*tries, Try(0, 2, 19, 20, Ending.GOOD, 200)], work)).phases[1].useful
    assert useful == pytest.approx(1 / 6)


def test_answers_lost_to_the_outage_are_no_waste() -> None:
    """Calls that end while there is no way out had somebody who waited."""
    told = measure(run_of([], [unheard(0, 19, 21), unheard(1, 19, 23)]))
    assert told.waste == 1.0
    assert told.phases[2].waste is None
    assert measure(run_of([], [unheard(0, 19, 21)])).waste == 0.0


def test_refusals_are_timed() -> None:
    """How long a citizen waits for a no."""
    told = measure(run_of([Try(0, 1, 1.0, 1.01, Ending.REFUSED, 503)], []))
    assert told.phases[0].refused_p50 == pytest.approx(0.01)
    assert told.phases[0].answered == 0.0
