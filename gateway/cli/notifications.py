"""`siak-gateway notifications`: what could not be told outside yet, and telling it again."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.outbox.notifying import Counts, Delivery, Notifying

_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(epilog="Example: siak-gateway notifications list --state dead")
def notifications() -> None:
    """List and retry notifications of moved submissions.

    What was delivered is not listed. A notification is dead once it failed for a day, or its receiver wants none.
    """


@notifications.command("list", epilog="Example: siak-gateway notifications list --state dead --json")
@click.option("--state", type=click.Choice(["pending", "dead"]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many.")
@_json
@_config
def list_(*, state: Any, limit: int, as_json: bool, config_file: Path | None) -> None:
    """List what waits to be told, or is dead, the oldest first; nothing personal is shown."""

    async def look(notifying: Notifying) -> tuple[tuple[Delivery, ...], Counts]:
        return await notifying.listed(state, limit), await notifying.counts()

    found, counts = _on_notifying(config_file, look)
    if as_json:
        told = {"pending": counts.pending, "dead": counts.dead}
        click.echo(json.dumps({"notifications": [_row(one) for one in found], "counts": told}, indent=2))
        return
    click.echo(f"{counts.pending} pending, {counts.dead} dead")
    for one in found:
        failed = f"  {one.tries} tries, last: {one.code}" if one.tries else ""
        click.echo(f"{one.state:<8} {one.id}  {one.notice.after}  by {one.notifier}{failed}")


@notifications.command(epilog="Example: siak-gateway notifications retry --all-dead")
@click.argument("ids", nargs=-1, metavar="[NOTIFICATION]...")
@click.option("--all-dead", is_flag=True, help="All that are dead.")
@_config
def retry(ids: tuple[str, ...], *, all_dead: bool, config_file: Path | None) -> None:
    """Try notifications again now, as if they had never been tried; named as `list` names them."""
    if bool(ids) is all_dead:
        raise click.UsageError("name notifications, or give --all-dead")

    async def work(notifying: Notifying) -> int:
        return await notifying.retry(None if all_dead else set(ids))

    count = _on_notifying(config_file, work)
    click.echo(f"{count} are tried again")
    if count < len(ids):
        click.echo(f"{len(ids) - count} are not there, or were delivered", err=True)
        raise SystemExit(1)


def _on_notifying(config_file: Path | None, work: Any) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late: --help stays instant
    from gateway.wiring.offline import with_notifying

    settings = read_config(config_file)
    with stop_on_fault():
        return with_notifying(settings, os.environ, work)


def _row(one: Delivery) -> dict[str, Any]:
    notice = one.notice
    return {
        "id": one.id,
        "state": one.state,
        "notifier": one.notifier,
        "target": one.target,
        "submission": notice.submission,
        "sequence": notice.number,
        "moved_to": notice.after,
        "moved_at": _instant(notice.at),
        "tries": one.tries,
        "code": one.code,
        "next_at": _instant(one.next_at),
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
