"""Writes what `make soak` saw to `bench/results/soak.md`: each long proof, how long it took, and its figures.

A pytest plugin, loaded by `make soak` alone. A test gives a figure with pytest's own `record_property(name, value)`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bench.machine import describe

if TYPE_CHECKING:
    import pytest

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "soak.md"
_PROVES = "proves"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have each proof's docstring travel with its report, also from another process."""
    for item in items:
        told = (getattr(getattr(item, "function", None), "__doc__", None) or item.name).strip()
        item.user_properties.append((_PROVES, told.partition("\n")[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the page once all proofs have ended; a failed one is named as such."""
    rows = [
        _row(report, outcome)
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        if report.when == "call"
    ]
    if rows:
        lines = [
            "# The long proofs",
            "",
            describe(),
            "",
            "| proof | took | figures | held |",
            "| --- | ---: | --- | --- |",
        ]
        RESULTS.write_text("\n".join([*lines, *sorted(rows), ""]), encoding="utf-8")


def _row(report: pytest.TestReport, outcome: str) -> str:
    told = dict(report.user_properties)
    proves = told.pop(_PROVES)
    figures = ", ".join(f"{name} {value}" for name, value in told.items())
    return f"| {proves} | {report.duration:.0f} s | {figures} | {'yes' if outcome == 'passed' else 'NO'} |"
