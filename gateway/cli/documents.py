"""`siak-gateway documents`: the centre's documents as an operator sees them, and what was printed on a day."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from gateway.documents.documents import Document, Tally
    from gateway.documents.store import Documents
    from gateway.flows.printing import Printing

_STATES = ("fetching", "ready", "refused", "replaced", "void")
_COLUMNS = ("village", "printer", "prints", "reprints", "sheets", "spoiled")
_WIDTHS = (12, 24, 8, 10, 8, 8)
_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(epilog="Example: siak-gateway documents list --state refused")
def documents() -> None:
    """List documents, fetch refused ones again, make one void, and count the prints of a day."""


@documents.command("list", epilog="Example: siak-gateway documents list --state refused --json")
@click.option("--state", type=click.Choice(_STATES), help="Only those in this state.")
@_json
@_config
def list_(*, state: str | None, as_json: bool, config_file: Path | None) -> None:
    """List documents: where each stands and how often it was printed; nothing personal is shown."""
    from gateway.documents.documents import DocumentState  # imports late: --help stays instant

    chosen = None if state is None else DocumentState(state)

    async def look(store: Documents, _printing: Printing) -> list[Document]:
        found: list[Document] = []
        while page := await store.page(chosen, found[-1].id if found else ""):
            found += page
        return found

    found = _on_documents(config_file, look)
    if as_json:
        click.echo(json.dumps({"documents": [_row(one) for one in found]}, indent=2))
        return
    for one in found:
        reason = f" ({one.reason})" if one.reason else ""
        click.echo(f"{one.id}  {one.state}{reason}  {one.kind} {one.village}  printed {one.prints}")
    if not found:
        click.echo("No documents.")


@documents.command(epilog="Example: siak-gateway documents refetch 8a1f...")
@click.argument("ids", nargs=-1, required=True, metavar="DOCUMENT...")
@_config
def refetch(ids: tuple[str, ...], *, config_file: Path | None) -> None:
    """Have refused documents fetched from the centre once more."""
    _act(ids, config_file, lambda printing, id_: printing.refetch(id_, getpass.getuser()))


@documents.command(epilog="Example: siak-gateway documents void 8a1f... --reason 'annulled by the court'")
@click.argument("ids", nargs=-1, required=True, metavar="DOCUMENT...")
@click.option("--reason", required=True, help="Why; kept, and shown to the caller. No personal data.")
@_config
def void(ids: tuple[str, ...], *, reason: str, config_file: Path | None) -> None:
    """Have documents hold no more: none is printed again, and /check says so."""
    _act(ids, config_file, lambda printing, id_: printing.void(id_, getpass.getuser(), reason))


@documents.command(epilog="Example: siak-gateway documents report --day 2026-11-21 --json")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Which day, in the config's time zone; today if none.")
@_json
@_config
def report(*, day: datetime | None, as_json: bool, config_file: Path | None) -> None:
    """What was printed and spoiled on a day, by village and printer."""
    from datetime import datetime as moments

    from gateway.cli.faults import read_config
    from gateway.http.documents import bounds_of

    zone = read_config(config_file).zone
    chosen = moments.now(zone).date() if day is None else day.date()
    bounds = bounds_of(chosen, zone)

    async def look(store: Documents, _printing: Printing) -> tuple[Tally, ...]:
        return await store.report(*bounds)

    lines = [{name: getattr(one, name) for name in _COLUMNS} for one in _on_documents(config_file, look)]
    if as_json:
        click.echo(json.dumps({"day": chosen.isoformat(), "lines": lines}, indent=2))
        return
    if not lines:
        click.echo(f"Nothing was printed on {chosen}.")
    for line in ([dict(zip(_COLUMNS, _COLUMNS, strict=True)), *lines]) if lines else ():
        click.echo("".join(f"{line[name]!s:<{width}}" for name, width in zip(_COLUMNS, _WIDTHS, strict=True)).rstrip())


def _act(ids: tuple[str, ...], config_file: Path | None, act: Callable[[Printing, str], Awaitable[Document]]) -> None:
    from gateway.contract.errors import Conflict, NotFound  # imports late

    async def work(_store: Documents, printing: Printing) -> list[str]:
        refused = []
        for id_ in ids:
            try:
                click.echo(f"{id_}: {(await act(printing, id_)).state}")
            except NotFound:
                refused.append(f"{id_}: there is no such document")
            except Conflict as error:
                refused.append(f"{id_}: {error.detail}")
        return refused

    refused = _on_documents(config_file, work)
    for line in refused:
        click.echo(line, err=True)
    if refused:
        raise SystemExit(1)


def _on_documents(config_file: Path | None, work: Any) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late
    from gateway.wiring.offline import with_documents

    settings = read_config(config_file)
    with stop_on_fault():
        return with_documents(settings, os.environ, work)


def _row(one: Document) -> dict[str, Any]:
    shown = ("id", "submission", "kind", "village", "state", "reason", "state_at", "issued_at", "prints", "length")
    return {name: getattr(one, name) for name in shown}
