"""`siak-gateway submissions`: what waits for the centre, and what an operator does about it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.submission_choice import check_service, check_village, choosing, chosen, found
from gateway.cli.submission_rows import actor, instant, row_of
from gateway.cli.submissions_export import export

if TYPE_CHECKING:
    from gateway.contract.submissions import Move
    from gateway.ledger.exchange import DeedRecorder
    from gateway.outbox.outbox import Act, Aged, Facts, Mode, Outbox, Scope, Switch

SCOPES = ("adapter", "service", "village")
_AGED = ("service", "age", "handed_in", "at_centre", "missing", "decided", "attention", "ended")
_WIDTHS = (20, 7, 11, 11, 9, 9, 11, 7)
_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_reason = click.option("--reason", default="", help="Why; kept in the history. No personal data.")
_scopes = click.option(
    "--all-of", "scopes", type=(click.Choice(SCOPES), str), multiple=True, help="A whole adapter, service or village."
)


@click.group(epilog="Example: siak-gateway submissions list --state attention")
def submissions() -> None:
    """List, show, export, retry, hold, release and cancel submissions.

    A submission is named by its id or its receipt number.
    """


submissions.add_command(export)


@submissions.command("list", epilog="Example: siak-gateway submissions list --state attention --json")
@choosing
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@_json
@_config
def list_(*, limit: int, as_json: bool, config_file: Path | None, **which: Any) -> None:
    """List submissions, newest first, and what is held or switched off; nothing personal is shown."""
    from msgspec.structs import replace  # imports late: --help stays instant

    from gateway.cli.faults import read_config

    wanted = replace(chosen(read_config(config_file).zone, **which), limit=limit)

    async def look(outbox: Outbox) -> tuple[tuple[Facts, ...], tuple[Switch, ...]]:
        return await outbox.page(await found(outbox, wanted)), await outbox.switches()

    listed, switches = _on_outbox(config_file, look)
    if as_json:
        held = [{name: getattr(one, name) for name in one.__struct_fields__} for one in switches]
        click.echo(json.dumps({"submissions": [row_of(one) for one in listed], "switches": held}, indent=2))
        return
    for one in switches:
        click.echo(f"{one.mode:<5} {one.scope} {one.name}  by {one.actor}  {one.reason}")
    for facts in listed:
        flags = " held" if facts.held else ""
        reason = f" ({facts.reason})" if facts.reason else ""
        click.echo(f"{facts.number}  {facts.id}  {facts.state}{flags}{reason}  {facts.service} {facts.village}")
    if not listed:
        click.echo("No submissions.")


@submissions.command(epilog="Example: siak-gateway submissions show 7K3M-9QRT-2VWX-5")
@click.argument("submission")
@_json
@_config
def show(submission: str, *, as_json: bool, config_file: Path | None) -> None:
    """Show where a submission stands, what comes next, and its history."""
    from gateway.catalogue.submission_states import LABELS, NEXT_STEPS  # imports late

    async def look(outbox: Outbox) -> tuple[Facts, tuple[Move, ...], int | None]:
        facts = await _known(outbox, submission)
        return facts, await outbox.moves(facts.id), await outbox.place(facts.id)

    facts, moves, place = _on_outbox(config_file, look)
    if as_json:
        history = [{"at": instant(move.at), **_words(move)} for move in moves]
        click.echo(json.dumps({**row_of(facts), "place": place, "moves": history}, indent=2))
        return
    label, step = LABELS[facts.state], NEXT_STEPS[facts.state]
    click.echo(f"{facts.number}  {facts.id}\n{label.id} · {label.en}\n{step.id} · {step.en}")
    if place is not None:
        click.echo(f"place {place} in its village and class")
    for move in moves:
        click.echo(f"{instant(move.at)}  {move.before or '-':<10} -> {move.after:<10} {move.actor}  {move.reason}")


@submissions.command(epilog="Example: siak-gateway submissions ageing --json")
@_json
@_config
def ageing(*, as_json: bool, config_file: Path | None) -> None:
    """Handed in here against visible at the centre, by service and age: a growing gap shows what is stuck.

    What the centre has is delivered, issued or rejected; what it decided is issued or rejected.
    """
    import time

    from gateway.outbox.ageing import NAMES

    async def look(outbox: Outbox) -> tuple[Aged, ...]:
        return await outbox.ageing(time.time())

    rows = [{**_aged(one), "age": NAMES[one.age]} for one in _on_outbox(config_file, look)]
    if as_json:
        click.echo(json.dumps({"ageing": rows}, indent=2))
        return
    for row in (dict(zip(_AGED, _AGED, strict=True)), *rows):
        click.echo("".join(f"{row[name]!s:<{width}}" for name, width in zip(_AGED, _WIDTHS, strict=True)).rstrip())
    if not rows:
        click.echo("No submissions.")


@submissions.command(epilog="Example: siak-gateway submissions retry 7K3M-9QRT-2VWX-5")
@click.argument("names", nargs=-1, required=True, metavar="SUBMISSION...")
@_reason
@_config
def retry(names: tuple[str, ...], *, reason: str, config_file: Path | None) -> None:
    """Try again now; what may have been sent already is asked about first."""
    _act(names, "retry", reason, config_file)


@submissions.command(epilog="Example: siak-gateway submissions cancel 7K3M-9QRT-2VWX-5 --reason withdrawn")
@click.argument("names", nargs=-1, required=True, metavar="SUBMISSION...")
@_reason
@_config
def cancel(names: tuple[str, ...], *, reason: str, config_file: Path | None) -> None:
    """End submissions of which certainly nothing was sent."""
    _act(names, "cancel", reason, config_file)


@submissions.command(epilog="Example: siak-gateway submissions hold --all-of service death --reason 'wrong form'")
@click.argument("names", nargs=-1, metavar="[SUBMISSION]...")
@_scopes
@click.option("--off", is_flag=True, help="With --all-of: take nothing in either (kill switch).")
@_reason
@_config
def hold(
    names: tuple[str, ...], *, scopes: tuple[tuple[Scope, str], ...], off: bool, reason: str, config_file: Path | None
) -> None:
    """Keep submissions back, one by one or all of an adapter, service or village."""
    _check_named(names, scopes)
    if off and not scopes:
        raise click.UsageError("--off needs --all-of: one submission cannot be switched off.")
    _switch(scopes, "off" if off else "hold", reason, config_file)
    _act(names, "hold", reason, config_file)


@submissions.command(epilog="Example: siak-gateway submissions release --all-of service death")
@click.argument("names", nargs=-1, metavar="[SUBMISSION]...")
@_scopes
@_reason
@_config
def release(
    names: tuple[str, ...], *, scopes: tuple[tuple[Scope, str], ...], reason: str, config_file: Path | None
) -> None:
    """Let go on what was held or switched off."""
    _check_named(names, scopes)
    _switch(scopes, None, reason, config_file)
    _act(names, "release", reason, config_file)


def _check_named(names: tuple[str, ...], scopes: tuple[tuple[Scope, str], ...]) -> None:
    """Refuse to do nothing, and switches that would never meet anything because they are mistyped."""
    if not names and not scopes:
        raise click.UsageError("Name submissions, or what all of with --all-of.")
    for scope, name in scopes:
        if scope == "service":
            check_service(name, "--all-of")
        if scope == "village":
            check_village(name, "--all-of")


def _act(names: tuple[str, ...], act: Act, reason: str, config_file: Path | None) -> None:
    """Do it to each; those that refuse are told, and the exit code is 1."""
    from gateway.contract.errors import GatewayError  # imports late
    from gateway.flows.deeds import written
    from gateway.flows.track import deed_on

    async def work(outbox: Outbox, ledger: DeedRecorder | None) -> list[str]:
        refused = []
        for name in names:
            try:
                facts = await _known(outbox, name)
                async with written(ledger, deed_on(facts, act, actor())):
                    facts = await outbox.act(facts.id, act, actor(), reason)
            except GatewayError as error:
                refused.append(f"{name}: {error.detail}")
            else:
                click.echo(f"{facts.number}: {facts.state}{', held' if facts.held else ''}")
        return refused

    if not names:
        return
    refused = _written_on_outbox(config_file, work)
    for line in refused:
        click.echo(line, err=True)
    if refused:
        raise SystemExit(1)


def _switch(scopes: tuple[tuple[Scope, str], ...], mode: Mode | None, reason: str, config_file: Path | None) -> None:
    from gateway.flows.deeds import written  # imports late
    from gateway.ledger.exchange import Deed

    async def work(outbox: Outbox, ledger: DeedRecorder | None) -> None:
        for scope, name in scopes:
            deed = Deed(mode or "release", actor(), f"{scope}:{name}", **{scope: name})
            async with written(ledger, deed):
                await outbox.switch(scope, name, mode, actor(), reason)
            click.echo(f"{scope} {name}: {mode or 'goes on'}")

    if scopes:
        _written_on_outbox(config_file, work)


async def _known(outbox: Outbox, name: str) -> Facts:
    from gateway.contract.errors import NotFound  # imports late

    facts = await outbox.find(name)
    if facts is None:
        raise NotFound("there is no such submission")
    return facts


def _on_outbox(config_file: Path | None, work: Any) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_outbox

    settings = read_config(config_file)
    with stop_on_fault():
        return with_outbox(settings, os.environ, work)


def _written_on_outbox(config_file: Path | None, work: Any) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_written_outbox

    settings = read_config(config_file)
    with stop_on_fault():
        return with_written_outbox(settings, os.environ, work)


def _row(facts: Facts) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
    row["priority"] = facts.priority.name.lower()
    for name in ("filed_at", "state_at", "not_before"):
        row[name] = None if row[name] is None else instant(row[name])
    return row


def _words(move: Move) -> dict[str, Any]:
    return {"before": move.before, "after": move.after, "actor": move.actor, "reason": move.reason}


def _aged(one: Aged) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(one, name) for name in one.__struct_fields__}
    return {**row, "missing": one.handed_in - one.at_centre - one.ended}
