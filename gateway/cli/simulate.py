"""`siak-gateway simulate`: the real policies in virtual time, with figures and charts."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.simulator.nation import LandResult
    from gateway.simulator.result import Result


@click.command(epilog="Example: siak-gateway simulate --scenario regency --seeds 20 --charts charts")
@click.option(
    "--scenario", default="regency", show_default=True, help="Story: regency, province, nation, or another (see docs)."
)
@click.option("--seed", default=1, show_default=True, help="First seed.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 1_000_000), help="How many seeds to run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--charts", type=click.Path(path_type=Path, file_okay=False), help="Folder to write charts (SVG) to.")
def simulate(scenario: str, *, seed: int, seeds: int, as_json: bool, charts: Path | None) -> None:
    """Play an overloaded centre in virtual time and tell how fair and steady the gateway was."""
    results = _run(scenario, range(seed, seed + seeds))
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        for result in results:
            _tell(result)
    if charts is not None:
        _draw(results, charts)


def _run(scenario: str, seeds: Sequence[int]) -> list[Any]:
    from multiprocessing import get_context

    from gateway.simulator.stories import names, play

    if scenario not in names():
        raise click.BadParameter(f"there is no story {scenario!r}; there are: {', '.join(names())}")
    tasks = [(scenario, seed) for seed in seeds]
    if len(tasks) == 1:
        return [play(tasks[0])]
    with (
        get_context("spawn").Pool(2) as pool,
        click.progressbar(pool.imap(play, tasks), length=len(tasks), label=scenario, file=sys.stderr) as bar,
    ):
        return list(bar)


def _tell(result: Result | LandResult) -> None:
    click.echo(f"{getattr(result, 'scenario', getattr(result, 'name', ''))}  seed {result.seed}")
    for phase in result.phases:
        values = asdict(phase)
        name = values.pop("name")
        told = "  ".join(
            f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items()
        )
        click.echo(f"  {name:<8} {told}")
    click.echo(f"  calls at the centre for each question: {result.calls_per_question:.2f}")


def _draw(results: Sequence[Result | LandResult], folder: Path) -> None:
    """Useful work and the limit over time, of the first run."""
    from gateway.simulator.charts import line_chart

    folder.mkdir(parents=True, exist_ok=True)
    first = results[0]
    useful = {"useful work": [share for share, _ in first.timeline]}
    limits = {"limit": [limit for _, limit in first.timeline]}
    (folder / "useful-work.svg").write_text(line_chart("Useful work of the centre", useful), encoding="utf-8")
    (folder / "limit.svg").write_text(line_chart("Calls that may be in flight", limits), encoding="utf-8")
