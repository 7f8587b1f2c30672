"""From what a run left behind to figures per phase.

A good answer is owed to the last call about the same person that the centre had finished with before it. Calls that no
good answer is owed to are *waste*: nobody waited for them any more. *Useful work* is the share of the worker-seconds
the centre had to give in a phase that went into calls which a good answer is owed to; calls that last from one phase
into the next count in both, by the second. Calls that end while the centre is down are no waste: somebody waited, but
no answer could get out. Workers that are withdrawn finish the call they are busy with, so the centre has as many
workers to give as are busy, where that is more than the phase allows.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from bench.overload.questions import draw
from bench.overload.records import Ending
from bench.overload.scenario import DOWN, HOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.overload.questions import Question
    from bench.overload.records import Run, Try, Work
    from bench.overload.scenario import Phase

ENOUGH_ANSWERS = 20
"""Good answers per village from which fairness can be judged."""
_SLACK = 0.02


class Figures(msgspec.Struct, frozen=True):
    """One phase of one run; None where there is nothing to measure. All times are seconds.

    Attributes:
        phase: Its name.
        asked: Questions that came.
        answered: Share of them that got a good answer at one of their tries.
        goodput: Good answers as a share of the calls the centre could serve.
        useful: Useful work as a share of the worker-seconds the centre had to give.
        waste: Share of the calls the centre served that nobody waited for.
        jain: Fairness over the villages other than the hog and the quiet ones.
        per_village: Good answers each of these villages had on average.
        quiet: Share of the quiet villages' questions that got a good answer.
        known: Share of questions about somebody a good answer was there for already that got one.
        good_p50: Median time of good answers, from the moment of the try.
        good_p99: 99th percentile.
        refused_p50: The same of refusals, of tries that began in the phase.
        refused_p99: 99th percentile.
        calls: Calls that took a worker's time, per question that came.
    """

    phase: str
    asked: int
    answered: float | None
    goodput: float | None
    useful: float | None
    waste: float | None
    jain: float | None
    per_village: float
    quiet: float | None
    known: float | None
    good_p50: float | None
    good_p99: float | None
    refused_p50: float | None
    refused_p99: float | None
    calls: float | None


class Measured(msgspec.Struct, frozen=True):
    """All figures of one run.

    Attributes:
        contender: Its name.
        phases: Figures by phase, in order.
        useful_over_time: Useful work, second by second.
        answers_by_village: Good answers in the surge, by number of the village.
        amplification: Calls the centre served per person it was asked about.
        waste: Share of all calls served that nobody waited for.
        endings: How the tries ended.
    """

    contender: str
    phases: list[Figures]
    useful_over_time: list[float]
    answers_by_village: list[int]
    amplification: float
    waste: float
    endings: dict[str, int]


def measure(run: Run) -> Measured:
    """The figures of a run."""
    return _Reckoning(run).measured()


def jain(values: Sequence[float]) -> float | None:
    """Jain's index: 1 when all are equal, 1/n when one has everything; None when nobody has anything."""
    total = math.fsum(values)
    return total * total / (len(values) * math.fsum(value * value for value in values)) if total else None


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value that `share` of all are not above; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def useful_calls(work: Sequence[Work], answers: Iterable[tuple[int, float]]) -> set[int]:
    """Places in `work` of the calls a good answer is owed to.

    Args:
        work: Calls in the order they ended.
        answers: Person and moment of every good answer.
    """
    ended: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for place, call in enumerate(work):
        if call.heard:
            ended[call.person].append((call.ended, place))
    owed = set()
    for person, at in answers:
        before = bisect_right(ended[person], (at + _SLACK, len(work)))
        if before:
            owed.add(ended[person][before - 1][1])
    return owed


class _Reckoning:
    """One run, sorted out."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._scenario = run.scenario
        self._questions = draw(run.scenario)
        self._good = [attempt for attempt in run.tries if attempt.ending is Ending.GOOD]
        self._answered = {attempt.question for attempt in self._good}
        self._useful = useful_calls(run.work, [(self._question(one).person, one.ended) for one in self._good])
        self._first_answer: dict[int, float] = {}
        for attempt in self._good:
            self._first_answer.setdefault(self._question(attempt).person, attempt.ended)

    def measured(self) -> Measured:
        work = self._run.work
        cut = [(start, start + phase.seconds) for start, phase in self._phases() if phase.name == DOWN]
        whole = [place for place, call in enumerate(work) if not any(begin <= call.ended < end for begin, end in cut)]
        windows = [(phase, start + phase.settle, start + phase.seconds) for start, phase in self._phases()]
        surge = windows[1]
        endings: dict[str, int] = defaultdict(int)
        for attempt in self._run.tries:
            endings[attempt.ending.value] += 1
        return Measured(
            contender=self._run.contender,
            phases=[self._figures(*window) for window in windows],
            useful_over_time=[
                self._share_of_work(phase, float(second), second + 1.0)
                for start, phase in self._phases()
                for second in range(round(start), round(start + phase.seconds))
            ],
            answers_by_village=self._by_village(surge[1], surge[2]),
            amplification=len(work) / max(1, len({call.person for call in work})),
            waste=self._waste(whole) or 0.0,
            endings=dict(endings),
        )

    def _figures(self, phase: Phase, begin: float, end: float) -> Figures:
        asked = [place for place, question in enumerate(self._questions) if begin <= question.at < end]
        good = [attempt for attempt in self._good if begin <= attempt.ended < end]
        refused = [
            one.ended - one.began
            for one in self._run.tries
            if one.ending is Ending.REFUSED and begin <= one.began < end
        ]
        served = [place for place, call in enumerate(self._run.work) if begin <= call.ended < end]
        seconds = [one.ended - one.began for one in good]
        busy = self._scenario.villages - self._scenario.quiet
        here = self._by_village(begin, end)[HOG + 1 : busy]
        able = 0 if phase.name == DOWN else phase.workers * self._scenario.capacity * (end - begin)
        return Figures(
            phase=phase.name,
            asked=len(asked),
            answered=self._answered_share(asked),
            goodput=len(good) / able if able else None,
            useful=self._share_of_work(phase, begin, end) if able else None,
            waste=self._waste(served) if phase.name != DOWN else None,
            jain=jain(here),
            per_village=sum(here) / len(here),
            quiet=self._answered_share(
                [
                    place
                    for place in asked
                    if self._questions[place].village >= self._scenario.villages - self._scenario.quiet
                ]
            ),
            known=self._answered_share([place for place in asked if self._is_known(self._questions[place])]),
            good_p50=quantile(seconds, 0.5),
            good_p99=quantile(seconds, 0.99),
            refused_p50=quantile(refused, 0.5),
            refused_p99=quantile(refused, 0.99),
            calls=len(served) / len(asked) if asked else None,
        )

    def _phases(self) -> list[tuple[float, Phase]]:
        return list(zip(self._scenario.starts(), self._scenario.phases, strict=True))

    def _waste(self, places: Sequence[int]) -> float | None:
        return 1 - sum(place in self._useful for place in places) / len(places) if places else None

    def _question(self, attempt: Try) -> Question:
        return self._questions[attempt.question]

    def _is_known(self, question: Question) -> bool:
        return self._first_answer.get(question.person, math.inf) < question.at

    def _answered_share(self, places: Sequence[int]) -> float | None:
        return sum(place in self._answered for place in places) / len(places) if places else None

    def _by_village(self, begin: float, end: float) -> list[int]:
        counts = [0] * self._scenario.villages
        for attempt in self._good:
            counts[self._question(attempt).village] += begin <= attempt.ended < end
        return counts

    def _share_of_work(self, phase: Phase, begin: float, end: float) -> float:
        """Useful work within a stretch of one phase."""
        workers = max(1, round(phase.workers * self._scenario.workers))
        steps: list[tuple[float, int]] = [(end, 0)]
        useful = 0.0
        for place, call in enumerate(self._run.work):
            low, high = max(begin, call.began), min(end, call.ended)
            if low < high:
                steps += [(low, 1), (high, -1)]
                useful += (high - low) * (place in self._useful)
        return useful / _given(sorted(steps), begin, workers)


def _given(steps: Sequence[tuple[float, int]], begin: float, workers: int) -> float:
    """Worker-seconds a centre had to give: its workers, or as many as were busy where these are more."""
    given, busy, since = 0.0, 0, begin
    for at, change in steps:
        given += (at - since) * max(workers, busy)
        busy, since = busy + change, at
    return given
