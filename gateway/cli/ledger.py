"""`siak-gateway ledger`: prove that nobody changed the record of who asked for what."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.database import Database
    from gateway.ledger.audit import Report
    from gateway.vault.signer import Signer

EVERY = 100_000
_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(epilog="Example: siak-gateway ledger verify")
def ledger() -> None:
    """Verify, export and checkpoint the record of all exchanges; the gateway may run meanwhile."""


@ledger.command(epilog="Example: siak-gateway ledger verify --against kept-checkpoints.json")
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Checkpoints kept elsewhere, as `ledger checkpoint --json` printed them.",
)
@click.option("--key", help="Public key kept elsewhere (64 hexadecimal digits), instead of that of this machine.")
@_json
@_config
def verify(*, against: Path | None, key: str | None, as_json: bool, config_file: Path | None) -> None:
    """Find and place what was changed, removed, inserted, reordered or cut off; exit 1 if anything was."""
    import msgspec

    from gateway.ledger import audit
    from gateway.ledger.lines import Seal

    try:
        kept = msgspec.json.decode(against.read_bytes(), type=list[Seal]) if against is not None else []
    except msgspec.MsgspecError:
        raise click.BadParameter("holds no checkpoints", param_hint="--against") from None
    with _opened(config_file) as (database, signer):
        report = audit.verify(database, key or signer.public, kept, _progress())
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        _print(report)
    if report.faults:
        sys.exit(1)


@ledger.command(epilog="Example: siak-gateway ledger export --output ledger.jsonl")
@click.option("--chain", help="Only this chain.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="File instead of the terminal.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line (always so; accepted for scripts).")
@_config
def export(*, chain: str | None, output: Path | None, as_json: bool, config_file: Path | None) -> None:
    """Write all records, one JSON object a line: chain, seq, hash, record. Nobody is named but callers."""
    import msgspec

    from gateway.ledger import audit
    from gateway.ledger.lines import Unreadable

    del as_json
    tell, count = _progress(), 0
    with _opened(config_file) as (database, _signer), click.open_file(str(output or "-"), "wb") as file:
        try:
            for count, (name, line) in enumerate(audit.export(database, chain), 1):
                row = {"chain": name, "seq": line.seq, "hash": line.hash, "record": msgspec.Raw(line.record)}
                file.write(msgspec.json.encode(row) + b"\n")
                tell(count)
        except Unreadable:
            click.echo(f"after {count} records: what follows is no record; run siak-gateway ledger verify", err=True)
            sys.exit(1)
    if output is not None:
        click.echo(f"{count} records written to {output}.", err=True)


@ledger.command(epilog="Example: siak-gateway ledger checkpoint --json > /media/usb/checkpoints.json")
@_json
@_config
def checkpoint(*, as_json: bool, config_file: Path | None) -> None:
    """Sign where each chain stands, and print it: keep that away from this machine."""
    import msgspec

    from gateway.ledger import audit

    with _opened(config_file) as (database, signer):
        seals = audit.checkpoint(database, signer, round(time.time() * 1000))
        public = signer.public
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(seals), indent=2))
        return
    click.echo(f"public key  {public}")
    for seal in seals:
        click.echo(f"{seal.tip.chain}  {seal.tip.seq:>10}  {seal.tip.hash}")


@contextmanager
def _opened(config_file: Path | None) -> Iterator[tuple[Database, Signer]]:
    """The ledger's database and the key to sign under."""
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.ledger.leftover import settle
    from gateway.vault.signer import Signer
    from gateway.wiring.parts import open_keyring, open_ledger_database

    settings = read_config(config_file)
    with stop_on_fault():
        signer = Signer(open_keyring(settings, os.environ))
        database = open_ledger_database(settings, os.environ)
        try:
            settle(database, signer)
            yield database, signer
        finally:
            database.close_sync()


class _progress:  # noqa: N801 # used as a function that remembers
    """Tells now and then how many records were read, on the terminal only."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, records: int) -> None:
        if records - self._told >= EVERY:
            self._told = records
            click.echo(f"… {records:,} records", err=True)


def _print(report: Report) -> None:
    for one in report.chains:
        number = "?" if one.number is None else one.number
        click.echo(f"chain {number}  {one.chain}  {one.records} records, {one.unfinished} unfinished")
    for fault in report.faults:
        click.echo(f"{fault.kind.upper():<13} {fault.chain}  {fault.first}-{fault.last}  {fault.detail}")
    verdict = f"{len(report.faults)} FAULTS" if report.faults else "whole"
    click.echo(f"The ledger is {verdict}: {len(report.chains)} chains, {report.checkpoints} checkpoints hold.")
    click.echo(f"public key  {report.key}")
