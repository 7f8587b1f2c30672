"""`siak-gateway serve`."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command(epilog="Example: siak-gateway serve --config config/gateway.toml")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate chain (PEM), to serve HTTPS.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="The certificate's key (PEM).")
@click.option("--dev", is_flag=True, help="Reload when a file of an enabled extension changes.")
def serve(config_file: Path | None, tls_cert: Path | None, tls_key: Path | None, *, dev: bool) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reads the config again."""
    from gateway.cli.faults import read_config, stop_on_fault  # the server is loaded only to serve

    for variable, file in (("SIAK_GATEWAY_TLS_CERT", tls_cert), ("SIAK_GATEWAY_TLS_KEY", tls_key)):
        if file is not None:  # so that a reload finds it too
            os.environ[variable] = str(file)
    settings = read_config(config_file)
    with stop_on_fault():
        from gateway.wiring.process import run_forever

        run_forever(settings, dev=dev)
