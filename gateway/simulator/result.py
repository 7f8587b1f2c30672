"""What a run found, phase by phase."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.simulator.centre import Centre
    from gateway.simulator.crowd import Citizen
    from gateway.simulator.scenario import Phase, Scenario

MARGIN = 2.0
"""Questions of a phase's last seconds are not judged by phase: their answers may fall into the next."""


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness: 1 if all have the same, 1/n if one has all; 1 if nobody has anything."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def quantile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


@dataclass(slots=True)
class _Notes:
    """Of one phase: `answered` by the moment a question was asked, `given` by the moment of the answer."""

    asked: list[int]
    answered: list[int]
    given: list[int]
    waits: list[float]
    refusals: list[float]


class Tally:
    """Writes down what citizens live through.

    Args:
        scenario: Phases and villages.
    """

    def __init__(self, scenario: Scenario) -> None:
        size = scenario.crowd.villages
        self._phases = scenario.starts()
        self._starts = [start for start, _ in self._phases]
        self._end = scenario.seconds
        self.notes = [_Notes([0] * size, [0] * size, [0] * size, [], []) for _ in scenario.phases]
        self.questions = 0

    def phase_of(self, when: float) -> int:
        """Index of the phase a moment lies in."""
        found = len(self._starts) - 1
        while found and self._starts[found] > when:
            found -= 1
        return found

    def asked(self, citizen: Citizen) -> None:
        """A citizen comes with a question."""
        self.questions += 1
        if self._counts(citizen):
            self.notes[self.phase_of(citizen.asked)].asked[citizen.village] += 1

    def _counts(self, citizen: Citizen) -> bool:
        """Whether its phase leaves it the time to be answered, and is judged already."""
        number = self.phase_of(citizen.asked)
        start, phase = self._phases[number]
        since = citizen.asked - start
        return phase.judged_after <= since < phase.seconds - MARGIN

    def heard(self, citizen: Citizen, now: float, *, good: bool, after: float) -> None:
        """A try ended."""
        if good:
            if self._counts(citizen):
                self.notes[self.phase_of(citizen.asked)].answered[citizen.village] += 1
            if now >= self._end:
                return
            notes = self.notes[self.phase_of(now)]
            notes.given[citizen.village] += 1
            notes.waits.append(now - citizen.since)
            return
        del after
        self.notes[self.phase_of(citizen.since)].refusals.append(now - citizen.since)


@dataclass(frozen=True, slots=True)
class PhaseFigures:
    """Figures of one phase.

    Attributes:
        name: Of the phase.
        asked: Questions asked.
        answered: Share of them answered, in any try.
        goodput: Answers in time, as a share of what the centre could give in the phase.
        useful: Share of the worker-seconds spent on answers somebody still wanted.
        wasted: Share of the calls served that nobody waited for.
        jain: Fairness over the ordinary villages: neither the hog nor the quiet ones.
        quiet: Share of the quiet villages' questions answered.
        hog: The hog's answers as a multiple of an ordinary village's.
        p50: Median seconds of a good answer.
        p99: 99 % of good answers took no longer.
        refused: 99 % of refusals of tries that began in the phase took no longer, seconds.
        each: Answers of an ordinary village, on average; below 20 chance alone lowers `jain`.
    """

    name: str
    asked: int
    answered: float
    goodput: float
    useful: float
    wasted: float
    jain: float
    quiet: float
    hog: float
    p50: float
    p99: float
    refused: float
    each: float


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one run.

    Attributes:
        scenario: Its name.
        seed: Of everything random.
        phases: Figures of each phase.
        calls_per_question: Calls at the centre for each question.
        wasted: Share of all calls served that nobody waited for.
        events: Events simulated.
        moves: Moves of the circuit: second, and what to why.
        timeline: For each second: share of worker-seconds useful, and the limit at its end.
    """

    scenario: str
    seed: int
    phases: tuple[PhaseFigures, ...]
    calls_per_question: float
    wasted: float
    events: int
    moves: tuple[tuple[float, str], ...]
    timeline: tuple[tuple[float, float], ...]

    def __getitem__(self, name: str) -> PhaseFigures:
        """The figures of a phase."""
        return next(phase for phase in self.phases if phase.name == name)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def figures(scenario: Scenario, tally: Tally, centre: Centre) -> tuple[PhaseFigures, ...]:
    """The figures of every phase."""
    return tuple(
        _of_phase(scenario, phase, start, tally.notes[number], centre)
        for number, (start, phase) in enumerate(scenario.starts())
    )


def _of_phase(scenario: Scenario, phase: Phase, start: float, notes: _Notes, centre: Centre) -> PhaseFigures:
    first, last = int(start + phase.judged_after), int(start + phase.seconds)
    ledger = centre.ledger
    had, useful = sum(ledger.had[first:last]), sum(ledger.useful[first:last])
    calls, unwanted = sum(ledger.calls[first:last]), sum(ledger.unwanted[first:last])
    ordinary = slice(1 + scenario.crowd.quiet, None)
    quiet = slice(1, 1 + scenario.crowd.quiet)
    shares = notes.given[ordinary]
    asked, answered = sum(notes.asked), sum(notes.answered)
    return PhaseFigures(
        name=phase.name,
        asked=asked,
        answered=_ratio(answered, asked),
        goodput=_ratio(sum(notes.given), scenario.capacity * phase.strength * phase.seconds),
        useful=_ratio(useful, had),
        wasted=_ratio(unwanted, calls),
        jain=jain(shares),
        quiet=_ratio(sum(notes.answered[quiet]), sum(notes.asked[quiet])),
        hog=_ratio(notes.given[0], sum(shares) / len(shares)),
        p50=quantile(notes.waits, 0.5),
        p99=quantile(notes.waits, 0.99),
        refused=quantile(notes.refusals, 0.99),
        each=sum(shares) / len(shares),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
