"""The policies in virtual time: the worst and the mean of many seeds of each story, and charts.

    python -m bench.simulated [--seeds 12] [--stories NAME ...] [--write]
    python -m bench.simulated --regency 1000 [--first 1] [--write]
    python -m bench.simulated --lands [--write]

A seed is *metastable* when the centre, whole again, is used less than nine tenths from five seconds after its return.
"""

from __future__ import annotations

import argparse
import sys
import time
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.machine import describe
from gateway.simulator.charts import line_chart
from gateway.simulator.lands import crowding
from gateway.simulator.nation import NationRun, Way
from gateway.simulator.scenario import catalogue
from gateway.simulator.stories import play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.simulator.nation import LandResult
    from gateway.simulator.result import Result

RESULTS = Path(__file__).with_name("results")
IMAGES = Path(__file__).parents[1] / "docs" / "images"
PHASES = ("surge", "weak", "back")
METASTABLE = 0.9
ENOUGH_ANSWERS = 20
NAMED = 12
"""Seeds named that miss a goal."""


def played(name: str, count: int, first: int = 1) -> list[Result]:
    """Results of `count` seeds from the first one on, with a progress bar."""
    tasks = [(name, seed) for seed in range(first, first + count)]
    with (
        Pool(2) as pool,
        click.progressbar(pool.imap(play, tasks), length=count, label=f"{name:<18}", file=sys.stderr) as bar,
    ):
        return [one for one in bar if not hasattr(one, "way")]


def rows(name: str, results: Sequence[Result]) -> list[str]:
    """A line of the table."""
    useful = " | ".join(_both([one[phase].useful for one in results], worst=min) for phase in PHASES)
    judged = [one[phase].jain for one in results for phase in PHASES[:2] if one[phase].each >= ENOUGH_ANSWERS]
    quiet = min(map(_quiet, results))
    cells: list[Any] = [
        name,
        len(results),
        f"{min(one['normal'].answered for one in results):.3f}",
        useful,
        f"{min(judged):.3f}" if judged else "–",
        f"{quiet:.3f}",
        f"{max(one['surge'].p99 for one in results):.2f}",
        f"{max(one['down'].refused for one in results) * 1000:.0f}",
        f"{max(one.wasted for one in results):.4f}",
        sum(one["back"].useful < METASTABLE for one in results),
    ]
    return ["| " + " | ".join(str(cell) for cell in cells) + " |"]


def _both(values: Sequence[float], *, worst: Any) -> str:
    return f"{worst(values):.3f} / {sum(values) / len(values):.3f}"


def _quiet(one: Result) -> float:
    return min(one[phase].quiet for phase in ("normal", *PHASES))


GOALS = (
    ("useful work, surge", 0.97, lambda one: one["surge"].useful),
    ("useful work, weak", 0.97, lambda one: one["weak"].useful),
    ("useful work, back", 0.97, lambda one: one["back"].useful),
    ("normal answered", 1.0, lambda one: one["normal"].answered),
    ("quiet villages answered, worst phase but down", 0.99, _quiet),
    ("p99 of refusals in down, s", -0.05, lambda one: one["down"].refused),
    ("p99 of good answers in the surge, s", -2.5, lambda one: one["surge"].p99),
    ("calls served that nobody waited for", -0.01, lambda one: one.wasted),
)
"""What a run of the regency shall keep: at least the number, or at most what stands behind a minus."""


def kept(results: Sequence[Result]) -> list[str]:
    """How many seeds of the regency keep each goal, and which do not, as Markdown."""
    lost = sum(one["back"].useful < METASTABLE for one in results)
    lines = [
        f"Seeds {results[0].seed:,} to {results[-1].seed:,} of `siak-gateway simulate --scenario regency`. Metastable"
    ]
    lines += [
        "(less than nine tenths used from five seconds after the return):",
        f"**{lost}** of {len(results):,}.",
        "",
    ]
    lines += [
        "| figure | worst | mean | goal | seeds that miss it | which |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, goal, of in GOALS:
        values = {one.seed: of(one) for one in results}
        worst = max(values.values()) if goal < 0 else min(values.values())
        misses = [seed for seed, value in values.items() if (value > -goal if goal < 0 else value < goal)]
        said = f"≤ {-goal:g}" if goal < 0 else f"≥ {goal:g}"
        which = ", ".join(map(str, misses[:NAMED])) + (" …" if len(misses) > NAMED else "")
        mean = sum(values.values()) / len(values)
        lines.append(f"| {name} | {worst:.3f} | {mean:.3f} | {said} | {len(misses)} | {which} |")
    return lines


def seeds(first: int, count: int, *, write: bool) -> None:
    """Many seeds of the regency."""
    lines = kept(played("regency", count, first))
    print("\n".join(lines))
    if write:
        page = [f"# {count:,} seeds of the regency", "", describe(), "", *lines, ""]
        (RESULTS / "simulator-seeds.md").write_text("\n".join(page), encoding="utf-8")


HEAD = (
    "| story | seeds | normal answered | useful, surge | weak | back | Jain | quiet villages | p99 surge, s "
    "| p99 of refusals in down, ms | nobody waited | metastable |\n"
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
)


def chart(result: Result, name: str) -> None:
    """Useful work and the limit of one run."""
    story = catalogue()[result.scenario]
    marks = [(start, phase.name) for start, phase in story.starts()]
    most = max(limit for _, limit in result.timeline)
    lines = {
        "useful work": [useful for useful, _ in result.timeline],
        f"limit / {most:.0f}": [limit / most for _, limit in result.timeline],
    }
    picture = line_chart(f"{result.scenario}: useful work and the limit, second by second", lines, marks)
    for folder in (RESULTS, IMAGES):
        (folder / f"{name}.svg").write_text(picture, encoding="utf-8")


CROWDS = (10, 20, 40, 80, 160, 320, 640)
"""Numbers of gateways before a centre of 20 workers."""


def crowded(task: tuple[int, Way]) -> LandResult:
    """A surge with so many gateways."""
    gateways, way = task
    return NationRun(crowding(gateways, way), 1).result()


def lands(*, write: bool) -> None:
    """Where gateways that do not know of each other collapse the centre; the nation; its peak hour."""
    tasks = [(gateways, way) for way in Way for gateways in CROWDS]
    with Pool(2) as pool:
        results = pool.map(crowded, tasks, chunksize=1)
    lines = ["| gateways | useful work in the surge, alone | shared | longest backlog, alone | shared |"]
    lines.append("| ---: | ---: | ---: | ---: | ---: |")
    half = len(CROWDS)
    for number, gateways in enumerate(CROWDS):
        alone, shared = results[number], results[number + half]
        useful = f"{alone['surge'].useful:.3f} | {shared['surge'].useful:.3f}"
        lines.append(f"| {gateways} | {useful} | {alone.backlog:,} | {shared.backlog:,} |")
    lines += ["", "| land | asked | answered | useful, surge or peak | Jain | p99, s | events | CPU, s |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in ("province", "nation", "nation-alone", "peak-hour"):
        began = time.process_time()
        found = play((name, 1))
        phase: Any = next(one for one in found.phases if one.name in {"surge", "peak"})
        figures = f"{phase.asked:,} | {phase.answered:.3f} | {phase.useful:.3f} | {phase.jain:.3f} | {phase.p99:.2f}"
        lines.append(f"| {name} | {figures} | {found.events:,} | {time.process_time() - began:.0f} |")
    print("\n".join(lines))
    if write:
        marks = [(float(number), str(gateways)) for number, gateways in enumerate(CROWDS)]
        curves = {
            "each alone": [one["surge"].useful for one in results[:half]],
            "shares of one limit": [one["surge"].useful for one in results[half:]],
        }
        picture = line_chart("Useful work in the surge, by the number of gateways", curves, marks)
        for folder in (RESULTS, IMAGES):
            (folder / "simulator-crowding.svg").write_text(picture, encoding="utf-8")
        page = ["# Many gateways in virtual time", "", describe(), "", *lines, ""]
        (RESULTS / "simulator-lands.md").write_text("\n".join(page), encoding="utf-8")


def main() -> None:
    """Run every story, print the table, and write page and charts if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=12, help="seeds of each story")
    parser.add_argument("--regency", type=int, default=0, help="this many seeds of `regency` alone, goal by goal")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--stories", nargs="*", default=list(catalogue()), help="only these")
    parser.add_argument("--write", action="store_true", help="write bench/results/simulator.md and the charts")
    parser.add_argument("--lands", action="store_true", help="many gateways instead of one")
    asked = parser.parse_args()
    if asked.lands:
        lands(write=asked.write)
        return
    if asked.regency:
        seeds(asked.first, asked.regency, write=asked.write)
        return
    lines = [HEAD]
    for name in asked.stories:
        results = played(name, asked.seeds)
        lines += rows(name, results)
        print(lines[-1], flush=True)
        if asked.write and name in {"regency", "regency-10x"}:
            chart(results[0], f"simulator-{name}")
    if asked.write:
        about = "Worst / mean over the seeds where there are two figures, else the worst. Jain is judged in surge and "
        about += f"weak where an ordinary village has at least {ENOUGH_ANSWERS} answers."
        page = ["# The policies in virtual time", "", describe(), "", about, "", *lines, ""]
        (RESULTS / "simulator.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
