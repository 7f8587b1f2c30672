"""`siak-gateway simulate`: figures, JSON and charts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from click.testing import CliRunner

from gateway.cli.simulate import simulate
from gateway.simulator.charts import line_chart

if TYPE_CHECKING:
    from pathlib import Path


def test_it_tells_figures_and_draws(tmp_path: Path) -> None:
    """One run gives JSON of every phase and two charts that are well-formed."""
    done = CliRunner().invoke(simulate, ["--scenario", "few", "--json", "--charts", str(tmp_path)])
    assert done.exit_code == 0, done.output
    [told] = json.loads(done.stdout)
    assert [phase["name"] for phase in told["phases"]] == ["normal", "surge", "weak", "down", "back"]
    for chart in ("useful-work.svg", "limit.svg"):
        assert ET.fromstring((tmp_path / chart).read_text(encoding="utf-8")).tag.endswith("svg")  # noqa: S314 - our own


def test_it_tells_text_for_several_seeds() -> None:
    """Several seeds run side by side, with their figures in order."""
    done = CliRunner().invoke(simulate, ["--scenario", "few", "--seeds", "2"])
    assert done.exit_code == 0, done.output
    assert "seed 1" in done.stdout
    assert "seed 2" in done.stdout


def test_an_unknown_story_is_refused() -> None:
    """A wrong name is answered with the names there are."""
    done = CliRunner().invoke(simulate, ["--scenario", "atlantis"])
    assert done.exit_code == 2
    assert "regency" in done.output


def test_a_chart_escapes_names_and_bears_nothing() -> None:
    """Names cannot break the picture; empty lines are drawn as nothing."""
    picture = line_chart("<a & b>", {"<x>": [], "y": [0.0, 1.0]}, [(1.0, "<now>")])
    assert ET.fromstring(picture) is not None  # noqa: S314 - our own
