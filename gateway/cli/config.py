"""`siak-gateway config …`: is the config right, what does it come to, and why may a caller ask or not."""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.contract.messages import Caller
    from gateway.flows.rights import Rights
    from gateway.people.caller_rows import CallerFacts
    from gateway.settings import Settings

_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(name="config", epilog="Example: siak-gateway config check --config config/gateway.toml")
def config_group() -> None:
    """Check, show and explain the config."""


@config_group.command(epilog="Example: siak-gateway config check --config config/gateway.toml")
@_config
def check(config_file: Path | None) -> None:
    """Check the config and the tables of all enabled extensions; every fault at once, exit 2.

    Exit 1 where an extension would be left out, such as one whose address is taken.
    """
    from gateway.registry import plan  # imports late: --help stays instant
    from gateway.settings.agreement import doubts
    from gateway.wiring.offline import failures_of

    settings = _settings(config_file)
    planned = plan(settings)
    for fault in planned.faults:
        click.echo(str(fault), err=True)
    if planned.faults:
        sys.exit(2)
    wrong = False
    for kind, name, error in planned.broken:
        click.echo(f"{kind} {name} cannot be used: {error}", err=True)
    if planned.broken:
        sys.exit(1)
    for failure in failures_of(settings):
        click.echo(f"{failure.kind} {failure.extension} would be left out: {failure.reason}", err=True)
        wrong = True
    if wrong:
        sys.exit(1)
    extensions = ", ".join(each.name for each in planned.planned) or "none"
    rights = ", ".join(settings.rights) or "none"
    if not settings.rights:
        click.echo("warning: no right is configured, so nothing can be asked; add a [rights.<name>] table", err=True)
    for warning in doubts(settings):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{settings.source.file} is right. rights: {rights}; extensions: {extensions}")


@config_group.command(epilog="Example: siak-gateway config show --json")
@_json
@_config
def show(config_file: Path | None, *, as_json: bool) -> None:
    """Show the config as it is in force, defaults and the environment's overrides included; never a secret."""
    import tomlkit

    settings = _settings(config_file)
    whole = settings.model_dump(mode="json", exclude_none=True)
    click.echo(json.dumps(whole, indent=2) if as_json else tomlkit.dumps(whole).rstrip())


@config_group.command(epilog="Example: siak-gateway config schema > config/schema.json")
def schema() -> None:
    """Print the JSON schema of the config, for editors."""
    from gateway.settings import schema as schema_of

    click.echo(json.dumps(schema_of(), indent=2, ensure_ascii=False))


@config_group.command(
    epilog="Example: siak-gateway config explain --caller demo-sampang --service biodata --purpose pelayanan"
)
@click.option("--caller", "name", required=True, help="Name or id of a caller.")
@click.option("--purpose", help="Purpose code; all configured ones if left out.")
@click.option("--service", type=click.Choice(["biodata", "family_card", "verify"]), help="All if left out.")
@click.option("--village", help="Village it would ask for; its own if left out.")
@_json
@_config
def explain(
    name: str, purpose: str | None, service: str | None, village: str | None, config_file: Path | None, *, as_json: bool
) -> None:
    """Say what a caller may ask, and why not the rest; plugins may refuse further."""
    from gateway.cli.faults import stop_on_fault
    from gateway.wiring.clock import SystemClock
    from gateway.wiring.generation import rights_of
    from gateway.wiring.offline import with_callers

    settings = _settings(config_file)
    with stop_on_fault():
        every = with_callers(settings, os.environ, lambda callers: callers.list())
    named = [each for each in every if name in {each.caller.name, each.caller.id}]
    facts = min(named, key=lambda each: each.revoked_at is not None, default=None)  # names live again
    if facts is None:
        click.echo(f"there is no caller {name}; see: siak-gateway clients list", err=True)
        sys.exit(1)
    rows = _rows(facts.caller, rights_of(settings, SystemClock()), (service, purpose, village))
    told = {"caller": facts.caller.name, "id": facts.caller.id, **_standing(facts), "asks": rows}
    click.echo(json.dumps(told, indent=2) if as_json else _text(told))


def _standing(facts: CallerFacts) -> dict[str, Any]:
    """Whether any key of a caller opens the door now."""
    now = time.time()
    lasts = max((key.expires_at for key in facts.keys), default=0.0)
    if facts.revoked_at is not None:
        state = f"revoked since {_day(facts.revoked_at)}: every question is refused (unauthenticated)"
    elif lasts <= now:
        state = f"its last key expired {_day(lasts)}: every question is refused (unauthenticated)"
    else:
        state = f"its key is good until {_day(lasts)}"
    return {
        "key": state,
        "right": facts.caller.right or "",
        "village": facts.caller.village or "",
        "adapter": facts.caller.adapter or "",
    }


def _rows(caller: Caller, rights: Rights, asked: tuple[str | None, str | None, str | None]) -> list[dict[str, Any]]:
    service, purpose, village = asked
    from gateway.contract.messages import READS, CentreService

    services = [CentreService(service)] if service else list(READS)
    purposes = [purpose] if purpose else list(rights.purposes)
    return [_row(caller, rights, each, code, village) for each in services for code in purposes]


def _row(caller: Caller, rights: Rights, service: Any, purpose: str, village: str | None) -> dict[str, Any]:
    from gateway.contract.errors import GatewayError
    from gateway.contract.host import Asking
    from gateway.contract.messages import Question

    row: dict[str, Any] = {"service": str(service), "purpose": purpose}
    try:
        grant = rights.grant(caller, Question(service, "0" * 16), Asking(purpose, village))
    except GatewayError as error:
        why = " ".join([error.detail, *(fault.message for fault in error.faults)])
        return {**row, "may": False, "why": why, "code": error.code}
    why = f"right {grant.right.name} grants it"
    return {**row, "may": True, "why": why, "class": grant.priority.name.lower(), "fields": sorted(grant.fields)}


def _text(told: dict[str, Any]) -> str:
    lines = [f"{told['caller']} ({told['id']}): {told['key']}"]
    lines += [f"  {key}: {told[key] or none}" for key, none in _FACTS]
    for row in told["asks"]:
        verdict = f"yes, as {row['class']}, {len(row['fields'])} fields" if row["may"] else "no"
        lines.append(f"  {row['service']} for {row['purpose']}: {verdict}: {row['why']}")
    return "\n".join(lines)


_FACTS = (("right", "none: it may ask nothing of the centre"), ("village", "all"), ("adapter", "native API"))


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _settings(config_file: Path | None) -> Settings:
    from gateway.cli.faults import read_config

    return read_config(config_file)
