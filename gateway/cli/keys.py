"""`siak-gateway keys`: the gateway's own secrets."""

from __future__ import annotations

import os
from pathlib import Path

import click

_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")


@click.group(epilog="Example: siak-gateway keys rotate")
def keys() -> None:
    """Make and rotate the gateway's own secrets."""


@keys.command(epilog="Example: siak-gateway keys make --config config/gateway.toml")
@_config
@click.option("--anew", is_flag=True, help="Keys of before are lost for good: start with the present and new ones.")
def make(config_file: Path | None, *, anew: bool) -> None:
    """Make the secrets that are not there yet; none is ever replaced.

    A database that was written with other keys is not served with new ones, unless --anew says that those are lost.
    """
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.vault.keys import create_secrets
    from gateway.wiring.offline import make_keys

    settings = read_config(config_file)
    with stop_on_fault():
        made = make_keys(settings, os.environ, anew=True) if anew else create_secrets(settings.secrets_folder)
    for name in made:
        click.echo(f"made: {settings.secrets_folder / name}.key")
    if not made:
        click.echo(f"All secrets are there, in {settings.secrets_folder}.")


@keys.command(epilog="Example: siak-gateway keys drop --days 30")
@_config
@click.option(
    "--days",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Keep a key whose successor is younger: backups of those days need it.",
)
def drop(config_file: Path | None, *, days: float) -> None:
    """Destroy older master keys that nothing here is sealed under any more.

    What was deleted here then cannot be opened in old backups either, nor on disks that were thrown away. After
    `rotate` the gateway wraps what is left under the new key by itself, with its next round of retention.
    """
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.wiring.offline import drop_keys

    settings = read_config(config_file)
    with stop_on_fault():
        dropped, needed = drop_keys(settings, os.environ, days)
    for name in dropped:
        click.echo(f"destroyed: {settings.secrets_folder / name}.key; destroy its backups too.")
    for name in needed:
        click.echo(f"kept: {name}, it is still needed or its successor is too young.")
    if not dropped and not needed:
        click.echo("There is no older master key.")


@keys.command(epilog="Example: siak-gateway keys rotate --config config/gateway.toml")
@_config
def rotate(config_file: Path | None) -> None:
    """Add a new master key; what is sealed from the next start on uses it, the old ones stay for opening."""
    from gateway.cli.faults import read_config, stop_on_fault
    from gateway.vault import keys as vault

    settings = read_config(config_file)
    with stop_on_fault():
        name = vault.rotate(settings.secrets_folder)
    click.echo(f"made: {settings.secrets_folder / name}.key; restart the gateway, and back the file up now.")
