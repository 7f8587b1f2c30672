"""`siak-gateway clients`: the keys of regional apps and desks."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.people.caller_rows import CallerFacts
    from gateway.settings import Settings

DAY = 86_400.0
_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(epilog="Example: siak-gateway clients add desa-gunungsekar --right sampang --village 3527032001")
def clients() -> None:
    """Add, list, rotate and revoke the keys of regional apps."""


@clients.command(epilog="Example: siak-gateway clients add smart-desk --right sampang --purpose pelayanan")
@click.argument("name")
@click.option("--right", help="Right it asks under; one of [rights.*] in the config.")
@click.option("--village", help="Kemendagri code of the village it is bound to, dotted or not.")
@click.option("--adapter", help="The one adapter it may use; without it, the native API.")
@click.option("--purpose", "purposes", multiple=True, help="Purpose it may name; repeat for more. Default: all.")
@click.option(
    "--field", "fields", multiple=True, help="Field it may see; repeat for more. Default: all of the right's."
)
@click.option(
    "--priority",
    type=click.Choice(["urgent", "counter", "online", "background"]),
    default="counter",
    show_default=True,
    help="Highest class it may claim.",
)
@click.option("--may-skip-cache", is_flag=True, help="Honour Cache-Control: no-cache.")
@click.option("--expires-in-days", type=click.FloatRange(min=0, min_open=True), help="Default: 365.")
@_json
@_config
def add(
    name: str,
    *,
    right: str | None,
    village: str | None,
    adapter: str | None,
    purposes: tuple[str, ...],
    fields: tuple[str, ...],
    priority: str,
    may_skip_cache: bool,
    expires_in_days: float | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Add a client called NAME and show its key, once."""
    from gateway.cli.faults import read_config, stop_on_fault  # imports late: --help stays instant
    from gateway.contract.messages import Priority
    from gateway.wiring.offline import with_callers

    settings = read_config(config_file)
    with stop_on_fault():
        _check_purposes(settings, purposes)
        caller, key = with_callers(
            settings,
            os.environ,
            lambda callers: callers.add(
                name,
                right=right,
                village=_undotted(village),
                adapter=adapter,
                purposes=purposes or None,
                fields=fields or None,
                priority=Priority[priority.upper()],
                may_skip_cache=may_skip_cache,
                expires_at=None if expires_in_days is None else time.time() + expires_in_days * DAY,
            ),
        )
    added = json.dumps({"id": caller.id, "name": caller.name, "key": key})
    click.echo(added if as_json else f"{caller.name} may call now. Its key is shown this once:\n{key}")


def _undotted(village: str | None) -> str | None:
    from gateway.catalogue.regions import normalise  # imports late

    return None if village is None else (normalise(village) or village).replace(".", "")


def _check_purposes(settings: Settings, purposes: tuple[str, ...]) -> None:
    from gateway.contract.errors import FieldFault, Invalid  # imports late

    unknown = [code for code in purposes if code not in settings.purposes]
    if unknown:
        known = ", ".join(settings.purposes)
        text = f"must be among the configured purposes: {known}"
        raise Invalid(faults=(FieldFault("/purpose", "unknown_purpose", text, f"harus salah satu dari: {known}"),))


@clients.command("list", epilog="Example: siak-gateway clients list --json")
@_json
@_config
def list_(*, as_json: bool, config_file: Path | None) -> None:
    """List all clients, the revoked ones too; keys are never shown again."""
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_callers

    settings = read_config(config_file)
    with stop_on_fault():
        found = with_callers(settings, os.environ, lambda callers: callers.list())
    rows = [_row(one) for one in found]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        scope = " ".join(f"{word}={row[word]}" for word in ("right", "village", "adapter") if row[word])
        click.echo(f"{row['name']:<28} {row['id']}  {row['state']:<8} until {row['expires_at'][:10]}  {scope}")
    if not rows:
        click.echo("No clients yet: siak-gateway clients add NAME --right RIGHT")


def _row(facts: CallerFacts) -> dict[str, Any]:
    caller = facts.caller
    expires = max((key.expires_at for key in facts.keys), default=facts.created_at)
    used = max((key.last_used_at for key in facts.keys if key.last_used_at is not None), default=None)
    return {
        "id": caller.id,
        "name": caller.name,
        "state": _state(facts, expires),
        "right": caller.right,
        "village": caller.village,
        "adapter": caller.adapter,
        "purposes": sorted(caller.purposes) if caller.purposes is not None else None,
        "fields": sorted(caller.fields) if caller.fields is not None else None,
        "priority": caller.priority.name.lower(),
        "keys": len(facts.keys),
        "created_at": _instant(facts.created_at),
        "expires_at": _instant(expires),
        "last_used_at": None if used is None else _instant(used),
    }


def _state(facts: CallerFacts, expires: float) -> str:
    if facts.revoked_at is not None:
        return "revoked"
    return "active" if expires > time.time() else "expired"


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@clients.command(epilog="Example: siak-gateway clients rotate smart-desk --overlap-hours 24")
@click.argument("name")
@click.option(
    "--overlap-hours", type=click.FloatRange(min=0), default=24.0, show_default=True, help="Old keys live on."
)
@_json
@_config
def rotate(name: str, *, overlap_hours: float, as_json: bool, config_file: Path | None) -> None:
    """Make a new key for the client NAME (or its id); the old ones end after the overlap."""
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_callers

    settings = read_config(config_file)
    with stop_on_fault():
        key = with_callers(settings, os.environ, lambda callers: callers.rotate(name, overlap=overlap_hours * 3600))
    if as_json:
        click.echo(json.dumps({"name": name, "key": key}))
    else:
        click.echo(f"New key of {name}, shown this once; older keys end in {overlap_hours:g} h:\n{key}")


@clients.command(epilog="Example: siak-gateway clients revoke smart-desk")
@click.argument("name")
@_config
def revoke(name: str, config_file: Path | None) -> None:
    """End all keys of the client NAME (or its id) for good, within two seconds in every process."""
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_callers

    settings = read_config(config_file)
    with stop_on_fault():
        with_callers(settings, os.environ, lambda callers: callers.revoke(name))
    click.echo(f"{name} is revoked.")
