"""The comparison as text, charts and data."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.machine import describe
from bench.overload import charts
from bench.overload.contenders import CONTENDERS
from bench.overload.goals import goals
from bench.overload.measures import ENOUGH_ANSWERS, measure
from bench.overload.scenario import DOWN, HOG

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.overload.measures import Figures, Measured
    from bench.overload.records import Run
    from bench.overload.scenario import Scenario

RESULTS = Path(__file__).parents[1] / "results"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
TITLES = {contender.name: contender.title for contender in CONTENDERS}

_NOTES = """\
*Answered*: share of the questions that came in the phase and got a good answer at one of their tries. *Goodput*: good
answers as a share of the calls the centre could serve in the phase (answers from memory count too, and service times
are random, so it may exceed 1). *Useful work*: share of the worker-seconds the centre had to give that went into
answers somebody still waited for; the noise of service times cancels out. *Back* is judged from 5 s after the return.
*Jain*: fairness over the villages other than the hog and the quiet ones; a figure in brackets rests on fewer than 20
answers per village, where chance alone lowers it. Times of good answers and refusals count from the moment of the try;
refusals belong to the phase the try began in. *Calls per person*: calls the centre served, per person it was asked
about.
"""


def text(runs: Sequence[Run], measured: Sequence[Measured]) -> str:
    """The comparison in Markdown."""
    scenario = runs[0].scenario
    parts = [f"# When everyone calls at once: `{scenario.name}`", "", describe(), "", _scene(scenario), "", _NOTES]
    if wanted := goals(measured):
        cells = [goal.cells() for goal in wanted]
        parts += ["## The gateway and its goals", "", *_rows(["goal", "measured", "wanted", "met"], cells)]
    parts += ["## Work", "", *_table(scenario, measured, ("answered", "goodput", "useful"))]
    parts += ["## Fairness", "", *_fairness(scenario, measured)]
    parts += ["## Times", "", *_times(scenario, measured)]
    parts += ["## Cost at the centre", "", *_cost(measured)]
    if scenario.repeats:
        parts += ["## Questions about somebody who had been answered before", "", *_known(scenario, measured)]
    return "\n".join([*parts, "## The instrument", "", *_instrument(runs)])


def write(runs: Sequence[Run], *, results: Path = RESULTS, images: Path | None = IMAGES) -> str:
    """Measure, and write text, data and charts; the text."""
    scenario = runs[0].scenario
    measured = [measure(run) for run in runs]
    name = "overload" if scenario.name == "base" else f"overload-{scenario.name}"
    results.mkdir(parents=True, exist_ok=True)
    told = text(runs, measured)
    (results / f"{name}.md").write_text(told, encoding="utf-8")
    data = {
        "scenario": scenario,
        "contenders": measured,
        "instruments": {run.contender: run.instrument for run in runs},
        "centre": {run.contender: run.stats for run in runs},
    }
    (results / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")
    for folder in (results, images):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _draw(folder / name, scenario, measured)
    return told


def _draw(stem: Path, scenario: Scenario, measured: Sequence[Measured]) -> None:
    useful = charts.useful_work(scenario, {one.contender: one.useful_over_time for one in measured}, TITLES)
    stem.with_name(f"{stem.name}-useful.svg").write_text(useful, encoding="utf-8")
    surge = scenario.phases[1]
    fair = surge.seconds * surge.workers * scenario.capacity / scenario.villages
    shares = charts.villages({one.contender: one.answers_by_village for one in measured}, TITLES, fair)
    stem.with_name(f"{stem.name}-villages.svg").write_text(shares, encoding="utf-8")


def _scene(scenario: Scenario) -> str:
    phases = " → ".join(
        f"{phase.name} {phase.seconds:g} s" + (f" ({phase.load:g}×)" if phase.name != DOWN else "")
        for phase in scenario.phases
    )
    return (
        f"A centre of {scenario.workers} workers with lognormal service times (mean {scenario.mean_seconds:g} s, sigma "
        f"{scenario.sigma:g}), an unbounded first-in-first-out queue, serving abandoned calls too. {phases}; in *weak* "
        f"30 % of the workers are left. {scenario.villages} villages, one of which sends {scenario.hog:.0%} of "
        f"everything, {scenario.quiet} quiet ones; {scenario.repeats:.0%} of the questions are about somebody asked "
        f"about before. Open loop, {scenario.deadline:g} s for each try, {scenario.tries} tries, "
        f"{scenario.pause:g} s between them on average; seed {scenario.seed}."
    )


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]


def _table(scenario: Scenario, measured: Sequence[Measured], names: Sequence[str]) -> list[str]:
    lines = []
    for name in names:
        head = [f"{name}", *(phase.name for phase in scenario.phases)]
        rows = [[TITLES[one.contender], *(_number(getattr(phase, name)) for phase in one.phases)] for one in measured]
        lines += _rows(head, rows)
    return lines


def _fairness(scenario: Scenario, measured: Sequence[Measured]) -> list[str]:
    head = ["Jain", *(phase.name for phase in scenario.phases), "hog's share of the surge"]
    rows = [
        [
            TITLES[one.contender],
            *(_judged(phase) for phase in one.phases),
            _number(one.answers_by_village[HOG] / max(1, sum(one.answers_by_village))),
        ]
        for one in measured
    ]
    lines = _rows(head, rows)
    if scenario.quiet:
        head = ["quiet villages answered", *(phase.name for phase in scenario.phases)]
        lines += _rows(head, _cells(measured, lambda phase: _number(phase.quiet)))
    return lines


def _times(scenario: Scenario, measured: Sequence[Measured]) -> list[str]:
    head = ["good answers, p50 / p99, s", *(phase.name for phase in scenario.phases)]
    lines = _rows(head, _cells(measured, lambda phase: f"{_number(phase.good_p50)} / {_number(phase.good_p99)}"))
    head = ["refusals, p50 / p99, s", *(phase.name for phase in scenario.phases)]
    cells = _cells(measured, lambda phase: f"{_number(phase.refused_p50, 3)} / {_number(phase.refused_p99, 3)}")
    return lines + _rows(head, cells)


def _cost(measured: Sequence[Measured]) -> list[str]:
    head = ["whole run", "nobody waited for", "calls per person", "good tries", "refused", "late", "broken"]
    rows = [
        [
            TITLES[one.contender],
            f"{one.waste:.2%}",
            _number(one.amplification),
            *(f"{one.endings.get(ending, 0):,}" for ending in ("good", "refused", "late", "broken")),
        ]
        for one in measured
    ]
    return _rows(head, rows)


def _known(scenario: Scenario, measured: Sequence[Measured]) -> list[str]:
    head = ["answered", *(phase.name for phase in scenario.phases)]
    return _rows(head, _cells(measured, lambda phase: _number(phase.known)))


def _instrument(runs: Sequence[Run]) -> list[str]:
    head = [
        "load generator",
        "late, p99, ms",
        "late, worst, ms",
        "processor",
        "machine's load",
        "mean service time at the centre, s",
    ]
    rows = [
        [
            TITLES[run.contender],
            f"{1000 * run.instrument.late_p99:.0f}",
            f"{1000 * run.instrument.late_max:.0f}",
            f"{run.instrument.cpu:.0%}",
            f"{run.instrument.machine:.1f}",
            _number(_mean([call.ended - call.began for call in run.work]), 3),
        ]
        for run in runs
    ]
    words = "Where the machine had more to do than it has cores, or service times grew, the figures are disturbed."
    return [words, "", *_rows(head, rows)]


def _cells(measured: Sequence[Measured], show: Callable[[Figures], str]) -> list[list[str]]:
    return [[TITLES[one.contender], *(show(phase) for phase in one.phases)] for one in measured]


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _judged(phase: Figures) -> str:
    shown = _number(phase.jain)
    return shown if phase.per_village >= ENOUGH_ANSWERS or phase.jain is None else f"({shown})"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
