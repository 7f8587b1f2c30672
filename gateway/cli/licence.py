"""`siak-gateway adapters check` and `plugins check`: the licence, line by line.

```
village_desk
  ok      manifest          …
  FAILED  two_languages     …                  what was found, then `cure:` what to do
```
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.testing.licence.checking import Report
    from gateway.testing.licence.rule import Line

_COLOURS = {"ok": "green", "failed": "red", "exempt": "yellow", "todo": "yellow", "left out": "yellow"}


def check(names: Sequence[str], only: Sequence[str], *, drill: bool, as_json: bool) -> bool:
    """Look at extensions one after the other and print what came of it; whether all passed.

    Raises:
        Unusable: No rule has one of the names.
    """
    from gateway.testing.licence.apart import check_apart  # imports late: --help stays instant

    reports = []
    for name in names:
        if as_json:
            reports.append(check_apart(name, tell=_silent, begin=_silent, drill=drill, only=only))
            continue
        click.echo(click.style(name, bold=True))
        report = check_apart(name, tell=_show, begin=_begin, drill=drill, only=only)
        click.echo(_verdict(report))
        reports.append(report)
    if as_json:
        click.echo(json.dumps([_plain(report) for report in reports], indent=2))
    return all(report.passed for report in reports)


def _silent(_step: object) -> None:
    """Nothing is shown before the end."""


def _begin(rule: str) -> None:
    """On a terminal, say what is being looked at; the line is overwritten by its verdict."""
    if sys.stdout.isatty():
        click.echo(f"\r\x1b[K  ...     {rule}", nl=False)


def _show(line: Line) -> None:
    erase = "\r\x1b[K" if sys.stdout.isatty() else ""
    word = click.style(
        f"{line.verdict.upper() if line.verdict == 'failed' else line.verdict:<8}", _COLOURS[line.verdict]
    )
    click.echo(f"{erase}  {word}  {line.rule:<22} {line.asks}")
    for detail in line.details:
        click.echo(f"{'':34}{detail}")
    if line.cure:
        click.echo(f"{'':34}cure: {line.cure}")


def _verdict(report: Report) -> str:
    failed = [line.rule for line in report.lines if line.verdict == "failed"]
    if failed:
        return click.style(f"{report.name} has not passed: {', '.join(failed)}", "red")
    left_out = sum(line.verdict == "left out" for line in report.lines)
    return click.style(f"{report.name} has passed", "green") + (f", {left_out} left out" if left_out else "")


def _plain(report: Report) -> dict[str, Any]:
    lines = [
        {
            "rule": line.rule,
            "verdict": line.verdict,
            "asks": line.asks,
            "details": list(line.details),
            "cure": line.cure,
            "seconds": line.seconds,
        }
        for line in report.lines
    ]
    return {"name": report.name, "passed": report.passed, "rules": lines}
