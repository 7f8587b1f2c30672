"""`siak-gateway serve`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example: siak-gateway serve --config config/gateway.toml")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
@click.option("--dev", is_flag=True, help="Reload when a file of an enabled extension changes.")
def serve(config_file: Path | None, *, dev: bool) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reads the config again."""
    from gateway.cli.faults import read_config, stop_on_fault  # the server is loaded only to serve

    settings = read_config(config_file)
    with stop_on_fault():
        from gateway.wiring.process import run_forever

        run_forever(settings, dev=dev)
