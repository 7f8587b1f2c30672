"""`siak-gateway backup`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click


@click.command(epilog="Example: siak-gateway backup --to /mnt/backup --keep 30")
@click.option(
    "--to",
    "to",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of backups; each gets a dated folder in it.",
)
@click.option("--keep", type=click.FloatRange(min=0), help="Days after which older backups there are deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
def backup(*, to: Path, keep: float | None, as_json: bool, config_file: Path | None) -> None:
    """Back everything up but the keys, while the gateway runs; without the keys nobody can read it.

    Keep the keys apart from it, on another medium. On PostgreSQL its own tools do this.
    """
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.wiring.backing_up import back_up

    settings = read_config(config_file)
    with stop_on_fault():
        folder, manifest = back_up(settings, os.environ, to, keep, lambda text: click.echo(f"… {text}", err=True))
    if as_json:
        told = {"folder": str(folder), "submissions": manifest.submissions, "keys": manifest.keys}
        click.echo(json.dumps(told, indent=2))
        return
    click.echo(f"{folder}: {manifest.submissions} submissions.")
    click.echo(
        f"It cannot be used without the keys {', '.join(manifest.keys)}: back up {settings.secrets_folder} apart."
    )
