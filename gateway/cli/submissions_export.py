"""`siak-gateway submissions export`: what was handed in, one line each, however much it is."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from gateway.cli.submission_choice import choosing, chosen, found
from gateway.cli.submission_rows import actor, row_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.flows.export import Exported, Opening
    from gateway.ledger.exchange import DeedRecorder
    from gateway.outbox.outbox import Outbox

CONTENT = ("no_kk", "nik", "version", "form", "attachments", "origin_id")
"""Columns of the content."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run."""


@click.command("export", epilog="Example: siak-gateway submissions export --state attention --format csv")
@choosing
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="New file, readable by you only.")
@click.option("--content", is_flag=True, help="With what was handed in, which is personal; needs --reason, --output.")
@click.option("--reason", default="", help="Why contents are taken out; kept in the ledger. No personal data.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (the default; accepted for scripts).")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
def export(
    *, form: str, output: Path | None, content: bool, reason: str, as_json: bool, config_file: Path | None, **which: Any
) -> None:
    """Write submissions, newest first, as JSON Lines or CSV; nothing personal unless --content is given.

    Contents are given out only where the ledger is on: each one is written down there, with the reason, before it is
    read.
    """
    from gateway.cli.faults import read_config, stop_on_fault  # imports late: --help stays instant
    from gateway.wiring.offline import with_outbox, with_written_outbox

    if as_json and form == "csv":
        raise click.UsageError("--json and --format csv contradict each other.")
    if content and not (reason.strip() and output is not None):
        raise click.UsageError("--content needs --reason and --output: contents are personal.")
    settings = read_config(config_file)
    if content and not settings.ledger.enabled:
        raise click.UsageError("--content needs the ledger ([ledger] enabled = true): who took what out is kept there.")
    wanted = chosen(settings.zone, **which)

    async def work(outbox: Outbox, ledger: DeedRecorder | None = None) -> int:
        from gateway.flows.export import Opening

        exact = await found(outbox, wanted)
        opening = Opening(ledger, actor(), reason.strip()) if content and ledger is not None else None
        with _opened(output) as file:
            return await _write(file, outbox, exact, opening, form)

    with stop_on_fault():
        count = (with_written_outbox if content else with_outbox)(settings, os.environ, work)
    click.echo(f"{count} submissions written", err=True)


async def _write(file: IO[str], outbox: Outbox, wanted: Any, opening: Opening | None, form: str) -> int:
    from gateway.flows.export import exported  # imports late

    tell, count = _liner(file, form, with_content=opening is not None), 0
    async for one in exported(outbox, wanted, opening):
        tell(_line(one, with_content=opening is not None))
        count += 1
    return count


def _line(one: Exported, *, with_content: bool) -> dict[str, Any]:
    """What is told of one; a content that was destroyed is null throughout."""
    row, content = row_of(one.facts), one.content
    if not with_content:
        return row
    if content is None:
        return row | dict.fromkeys(CONTENT)
    papers = [{"sha256": paper.sha256, "kind": paper.kind} for paper in content.attachments]
    told = (content.subject.no_kk, content.subject.nik, content.version, json.loads(bytes(content.form)), papers)
    return row | dict(zip(CONTENT, (*told, content.origin_id), strict=True))


def _liner(file: IO[str], form: str, *, with_content: bool) -> Callable[[dict[str, Any]], object]:
    """What writes a line of the wanted kind; a CSV begins with the names of its columns, also where nothing follows."""
    if form == "jsonl":
        return lambda row: file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
    from gateway.outbox.outbox import Facts  # imports late

    names = (*Facts.__struct_fields__, *(CONTENT if with_content else ()))
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(names)
    return lambda row: writer.writerow([_cell(row[name]) for name in names])


def _cell(value: Any) -> str:
    """Text of a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA) else text


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """A new file that only its owner may read, or the standard output."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    number = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with io.open(number, "w", encoding="utf-8", newline="") as file:  # noqa: UP020 # by number, not by name
        yield file
