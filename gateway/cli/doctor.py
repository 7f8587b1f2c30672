"""`siak-gateway doctor`: one line per thing that can be wrong, with its cure."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.cli.finding import Finding

_MARKS = {"ok": "ok  ", "warn": "warn", "bad": "BAD "}


@click.command(epilog="Example: siak-gateway doctor --config config/gateway.toml")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
def doctor(*, as_json: bool, config_file: Path | None) -> None:
    """Check config, database, copies, keys, centre, disk and clock; exit 1 if anything is bad, 2 if the config is."""
    from gateway.cli.checkup import examine  # imports late
    from gateway.cli.faults import FAILED, read_config

    settings = read_config(config_file)
    findings = examine(settings, os.environ)
    if as_json:
        click.echo(json.dumps([one.plain() for one in findings], indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding))
    if any(finding.verdict == "bad" for finding in findings):
        sys.exit(FAILED)


def _line(finding: Finding) -> str:
    cure = f"  Cure: {finding.cure}" if finding.cure else ""
    return f"{_MARKS[finding.verdict]} {finding.subject:<10} {finding.text}.{cure}"
