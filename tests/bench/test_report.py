"""Text and charts of a comparison."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from bench.overload import report
from bench.overload.charts import ticks
from bench.overload.questions import draw
from bench.overload.records import Ending, Instrument, Run, Try, Work
from bench.overload.scenario import VARIANTS, short

if TYPE_CHECKING:
    from pathlib import Path

    from bench.overload.scenario import Scenario

SCENARIO = short(VARIANTS["repeat"])


def run_of(contender: str, scenario: Scenario) -> Run:
    """A run in which every second question is answered."""
    questions = draw(scenario)
    tries = [
        Try(n, 1, q.at, q.at + 0.3, Ending.REFUSED if n % 2 else Ending.GOOD, 503 if n % 2 else 200)
        for n, q in enumerate(questions)
    ]
    work = [Work(q.person, q.at, q.at + 0.2, heard=True) for n, q in enumerate(questions) if n % 2 == 0]
    return Run(contender, scenario, tries, work, {"served": len(work)}, Instrument(0.001, 0.02, 0.1, 1.5))


def test_everything_is_written(tmp_path: Path) -> None:
    """Text, data and both charts of each comparison, the charts also for the docs; data and charts can be read."""
    told = report.write(
        [run_of("direct", SCENARIO), run_of("gateway", SCENARIO)], results=tmp_path / "r", images=tmp_path / "i"
    )
    assert (tmp_path / "r" / "overload-repeat-short.md").read_text(encoding="utf-8") == told
    data = json.loads((tmp_path / "r" / "overload-repeat-short.json").read_bytes())
    assert [one["contender"] for one in data["contenders"]] == ["direct", "gateway"]
    for folder, chart in itertools.product(("r", "i"), ("useful", "villages")):
        drawn = ET.parse(tmp_path / folder / f"overload-repeat-short-{chart}.svg").getroot()  # noqa: S314 # our own file
        assert len(drawn.findall(".//{http://www.w3.org/2000/svg}polyline")) == 2


def test_the_text_names_every_contender_in_every_table(tmp_path: Path) -> None:
    """Each table has a row for each contender, with as many cells as its head."""
    told = report.write([run_of("direct", SCENARIO), run_of("gateway", SCENARIO)], results=tmp_path, images=None)
    tables = [[row for row in part.splitlines() if row.startswith("|")] for part in told.split("\n\n")]
    tables = [table for table in tables if table]
    assert len(tables) >= 8
    for table in tables:
        if not table[0].startswith("| goal"):
            assert [row.split("|")[1].strip() for row in table[2:]] == ["nothing", "SIAK gateway"]
        assert len({row.count("|") for row in table}) == 1


@pytest.mark.parametrize("top", [0.4, 1.0, 3.0, 25.0, 80.0, 340.0, 1000.0])
def test_ticks_are_few_and_round(top: float) -> None:
    """From 0 to the top, four to ten steps."""
    marks = ticks(top)
    assert marks[0] == 0
    assert top * 0.7 < marks[-1] <= top
    assert 4 <= len(marks) - 1 <= 10
