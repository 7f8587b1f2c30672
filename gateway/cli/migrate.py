"""`siak-gateway migrate`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command(epilog="Example: siak-gateway migrate --config config/gateway.toml")
@click.option("--check", is_flag=True, help="Only say what is pending; exit 1 if anything is.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
def migrate(*, check: bool, config_file: Path | None) -> None:
    """Bring the database to this version; SQLite does so by itself when the gateway starts."""
    from gateway.cli.faults import FAILED, read_config, stop_on_fault  # imports late
    from gateway.database import migrate as migrations
    from gateway.wiring.offline import core_tables, extension_tables

    settings = read_config(config_file)
    with stop_on_fault():
        url = settings.database_url(os.environ)
        sets = (migrations.CORE, *core_tables(url), *extension_tables(settings))
        if check:
            pending = migrations.pending(url, sets)
            click.echo("\n".join(f"pending: {revision}" for revision in pending) or "The database is up to date.")
            raise SystemExit(FAILED if pending else 0)
        settings.data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        applied = migrations.migrate(url, sets)
    click.echo("\n".join(f"applied: {revision}" for revision in applied) or "The database is up to date.")
