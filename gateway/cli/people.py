"""`siak-gateway people`: accounts of those who sign in, from the gateway's own machine."""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.flows.staff import Actor, Staff
    from gateway.people.account import Account, Grants
    from gateway.people.people import People
    from gateway.people.session_policy import StoredSession

_ROLES = click.Choice(["admin", "operator", "verifier", "auditor"])
_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_reason = click.option("--reason", default="at the machine", show_default=True, help="Why; kept in the ledger.")
_roles = click.option("--role", "roles", type=_ROLES, multiple=True, required=True, help="Repeat for more.")
_villages = click.option(
    "--village", "villages", multiple=True, help="Code of a village, district or regency served, or *; repeat for more."
)
_adapters = click.option("--adapter", "adapters", multiple=True, help="Adapter served, or *; repeat for more.")


@click.group(epilog="Example: siak-gateway people add ani --name 'Ani Wulandari' --role admin --village 3527")
def people() -> None:
    """Add, list, suspend, resume and set up anew those who sign in."""


@people.command(epilog="Example: siak-gateway people add budi --name Budi --role operator --village 3527032001")
@click.argument("user_name")
@click.option("--name", required=True, help="Name shown on pages.")
@_roles
@_villages
@_adapters
@click.option("--language", type=click.Choice(["id", "en"]), default="id", show_default=True, help="Of its pages.")
@_reason
@_json
@_config
def add(
    user_name: str,
    *,
    name: str,
    roles: tuple[str, ...],
    villages: tuple[str, ...],
    adapters: tuple[str, ...],
    language: Any,
    reason: str,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Make an account called USER_NAME and show its set-up code, once."""
    granted = _grants(roles, villages, adapters)

    async def work(staff: Staff, _people: People) -> tuple[Account, str]:
        return await staff.add(_actor(), user_name, name, granted, reason=reason, language=language)

    account, code = _on_people(config_file, work)
    _tell_code(config_file, account.user_name, code, as_json=as_json)


@people.command("list", epilog="Example: siak-gateway people list --json")
@_json
@_config
def list_(*, as_json: bool, config_file: Path | None) -> None:
    """List all accounts, the suspended ones too."""

    async def work(staff: Staff, _people: People) -> tuple[Account, ...]:
        return await staff.list(_actor())

    rows = [_row(one) for one in _on_people(config_file, work)]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        where = " ".join(row["villages"]) or "-"
        step = "2nd step" if row["second_step"] else ""
        click.echo(f"{row['user_name']:<20} {row['state']:<12} {' '.join(row['roles']):<30} {where}  {step}")
    if not rows:
        click.echo("Nobody yet: siak-gateway people add USER_NAME --name NAME --role admin --village CODE")


@people.command(epilog="Example: siak-gateway people suspend budi --reason 'left the office'")
@click.argument("user_name")
@_reason
@_config
def suspend(user_name: str, *, reason: str, config_file: Path | None) -> None:
    """Let USER_NAME sign in no more, and end all its sessions at once."""
    _act(config_file, user_name, lambda staff, id_: staff.suspend(_actor(), id_, reason=reason))
    click.echo(f"{user_name} is suspended.")


@people.command(epilog="Example: siak-gateway people resume budi --reason 'is back'")
@click.argument("user_name")
@_reason
@_config
def resume(user_name: str, *, reason: str, config_file: Path | None) -> None:
    """Let USER_NAME sign in again."""
    _act(config_file, user_name, lambda staff, id_: staff.resume(_actor(), id_, reason=reason))
    click.echo(f"{user_name} may sign in again.")


@people.command(epilog="Example: siak-gateway people reset budi --second-step --reason 'lost the phone'")
@click.argument("user_name")
@click.option("--second-step", is_flag=True, help="Take the enrolled device and its recovery codes too.")
@_reason
@_json
@_config
def reset(user_name: str, *, second_step: bool, reason: str, as_json: bool, config_file: Path | None) -> None:
    """End USER_NAME's password and sessions, and show a set-up code, once."""
    code = _act(
        config_file,
        user_name,
        lambda staff, id_: staff.set_up_anew(_actor(), id_, reason=reason, second_step=second_step),
    )
    _tell_code(config_file, user_name, code, as_json=as_json)


@people.command(epilog="Example: siak-gateway people roles budi --role operator --role verifier --village 352703")
@click.argument("user_name")
@_roles
@_villages
@_adapters
@_reason
@_config
def roles(
    user_name: str,
    *,
    roles: tuple[str, ...],
    villages: tuple[str, ...],
    adapters: tuple[str, ...],
    reason: str,
    config_file: Path | None,
) -> None:
    """Replace what USER_NAME may do: roles, territory, adapters; what is left out is taken away."""
    granted = _grants(roles, villages, adapters)
    _act(config_file, user_name, lambda staff, id_: staff.grant(_actor(), id_, granted, reason=reason))
    click.echo(f"{user_name}: {' '.join(roles)}; {' '.join(villages) or 'no territory'}.")


@people.command(epilog="Example: siak-gateway people sessions budi --end --reason 'PC was stolen'")
@click.argument("user_name")
@click.option("--end", is_flag=True, help="Sign it out everywhere.")
@_reason
@_json
@_config
def sessions(user_name: str, *, end: bool, reason: str, as_json: bool, config_file: Path | None) -> None:
    """Show where USER_NAME is signed in, or end it."""

    async def work(staff: Staff, people: People) -> list[StoredSession]:
        id_ = (await people.accounts.named(user_name)).id
        if end:
            await staff.sign_out(_actor(), id_, reason=reason)
        return await people.sessions.of_person(id_)

    found = _on_people(config_file, work)
    rows = [{"id": one.id, "stage": one.stage, "started_at": _instant(one.started_at), "seen_at": _instant(one.seen_at)}
            for one in found]  # fmt: skip
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        click.echo(f"{row['id']}  {row['stage']:<6} since {row['started_at']}, seen {row['seen_at']}")
    if not rows:
        click.echo(f"{user_name} is signed in nowhere.")


def _act(config_file: Path | None, user_name: str, act: Callable[[Staff, str], Awaitable[Any]]) -> Any:
    async def work(staff: Staff, people: People) -> Any:
        return await act(staff, (await people.accounts.named(user_name)).id)

    return _on_people(config_file, work)


def _on_people(config_file: Path | None, work: Callable[[Staff, People], Awaitable[Any]]) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_people

    settings = read_config(config_file)
    with stop_on_fault():
        return with_people(settings, os.environ, work)


def _tell_code(config_file: Path | None, user_name: str, code: str, *, as_json: bool) -> None:
    from gateway.cli.faults import read_config  # imports late
    from gateway.http.staff import set_up_link

    link = set_up_link(read_config(config_file).people.url, user_name, code)
    if as_json:
        click.echo(json.dumps({"user_name": user_name, "code": code, "link": link}))
    else:
        click.echo(f"Set-up code of {user_name}, shown this once:\n{code}\nIt is used at {link}")


def _grants(roles: tuple[str, ...], villages: tuple[str, ...], adapters: tuple[str, ...]) -> Grants:
    from gateway.contract.people import Role  # imports late
    from gateway.people.account import Grants

    return Grants(frozenset(map(Role, roles)), villages, adapters)


def _actor() -> Actor:
    from gateway.flows.staff import Actor  # imports late

    return Actor.at_the_machine(getpass.getuser())


def _row(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "user_name": account.user_name,
        "name": account.name,
        "state": account.state,
        "roles": sorted(account.roles),
        "villages": list(account.villages),
        "adapters": list(account.adapters),
        "language": account.language,
        "second_step": account.has_second_step,
        "created_at": _instant(account.created_at),
        "created_by": account.created_by,
        "seen_at": None if account.seen_at is None else _instant(account.seen_at),
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
