"""`siak-gateway strays`: what the centre has and this gateway lost, as after the return from an old backup."""

from __future__ import annotations

import getpass
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gateway.outbox.following import Following, Stray

_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_references = click.argument("references", nargs=-1, required=True, metavar="REFERENCE...")


@click.group(epilog="Example: siak-gateway strays list")
def strays() -> None:
    """List, recall and settle submissions that were handed in here once and are not known any more.

    A caller that hands one of them in again, with its origin_id or Idempotency-Key of then, doubles nothing.
    """


@strays.command("list", epilog="Example: siak-gateway strays list --json")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@_config
def list_(*, as_json: bool, config_file: Path | None) -> None:
    """List what somebody must look at, the oldest hand-in first, with what the centre says; nothing personal is shown.

    What was handed in again before it was known here is named as repeated: the centre may have it twice.
    """

    async def look(following: Following) -> tuple[Stray, ...]:
        return await following.strays()

    rows = [_row(one) for one in _on_following(config_file, look)]
    if as_json:
        click.echo(json.dumps({"strays": rows}, indent=2))
        return
    for row in rows:
        click.echo(f"{row['reference']}  diajukan · handed in {row['handed_in_at']}\n  {_words(row)}")
    click.echo(f"{len(rows)} tidak dikenal di sini · not known here" if rows else "Tidak ada · No strays.")


@strays.command(epilog="Example: siak-gateway strays recall 01a31825-6180-75d9-a54a-7f90b7cf1eca")
@_references
@_config
def recall(references: tuple[str, ...], *, config_file: Path | None) -> None:
    """Name ids on receipts in callers' hands that are not known here: whoever repeats one of them doubles nothing.

    The centre is asked about it before it is sent again. Needed for what the centre has not decided yet.
    """

    async def work(following: Following) -> tuple[str, ...]:
        return await following.recall(references)

    kept = _on_following(config_file, work)
    click.echo(f"{len(kept)} recalled")
    for one in sorted(set(references) - set(kept)):
        click.echo(f"{one}: known here, or no id of ours", err=True)


@strays.command(epilog="Example: siak-gateway strays settle 01a31825-6180-75d9-a54a-7f90b7cf1eca --reason 'told SK-17'")
@_references
@click.option("--reason", default="", help="What was done; kept with it. No personal data.")
@_config
def settle(references: tuple[str, ...], *, reason: str, config_file: Path | None) -> None:
    """Take off the list what somebody has seen to."""

    async def work(following: Following) -> list[str]:
        actor = f"operator:{getpass.getuser()}"
        return [one for one in references if not await following.settle(one, actor, reason)]

    missing = _on_following(config_file, work)
    click.echo(f"{len(references) - len(missing)} settled")
    for one in missing:
        click.echo(f"{one}: not on the list", err=True)
    if missing:
        raise SystemExit(1)


def _on_following(config_file: Path | None, work: Any) -> Any:
    from gateway.cli.faults import read_config, stop_on_fault  # imports late: --help stays instant
    from gateway.wiring.offline import with_following

    settings = read_config(config_file)
    with stop_on_fault():
        return with_following(settings, os.environ, work)


def _row(one: Stray) -> dict[str, Any]:
    from gateway.catalogue.documents import services_with  # imports late

    return {
        "reference": one.reference,
        "handed_in_at": _instant(one.handed_in_at),
        "right": one.account,
        "centre_receipt": one.receipt,
        "decision": _decision(one),
        "documents": list(one.documents),
        "services": list(services_with(frozenset(one.documents))),
        "reason": one.rejected,
        "decided_at": None if one.decided_at is None else _instant(one.decided_at),
        "kept_since": _instant(one.told_at),
        "repeated_as": list(one.repeated_as),
    }


def _decision(one: Stray) -> str:
    if not one.receipt:
        return "unknown"
    return "rejected" if one.rejected else "issued"


def _words(row: dict[str, Any]) -> str:
    """What the centre says of it, in plain words."""
    found = f"{row['centre_receipt']} {row['decided_at'] or ''}"
    service = f" [{' | '.join(row['services'])}]" if row["services"] else ""
    said = {
        "unknown": "pusat belum memberi kabar · the centre told nothing yet",
        "rejected": f"ditolak pusat · rejected by the centre ({row['reason']}): {found}",
        "issued": f"terbit di pusat · issued by the centre{service} ({', '.join(row['documents'])}): {found}",
    }[row["decision"]]
    again = f"\n  diajukan lagi, mungkin ganda · repeated, perhaps doubled: {', '.join(row['repeated_as'])}"
    return said + (again if row["repeated_as"] else "")


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
