"""`siak-gateway mock-siak`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gateway.mock_siak import Addresses


@click.command(epilog="Example: siak-gateway mock-siak --population 2000 --seed 7")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8090, show_default=True, envvar="SIAK_MOCK_PORT", help="Port of the centre.")
@click.option(
    "--control-port", default=8091, show_default=True, envvar="SIAK_MOCK_CONTROL_PORT", help="Port of the control API."
)
@click.option("--population", default=20_000, show_default=True, type=click.IntRange(100, 10_000_000), help="People.")
@click.option("--seed", default=1, show_default=True, help="Seed of the population.")
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="Folder that survives restarts.")
@click.option("--accounts", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Accounts (TOML, JSON).")
def mock_siak(  # each option is a parameter of click's
    host: str, port: int, control_port: int, population: int, seed: int, state: Path | None, accounts: Path | None
) -> None:
    """Run the mocked centre: synthetic people, real slowness and faults, a control port."""
    from gateway.cli.faults import FAILED
    from gateway.mock_siak import MockSettings, serve  # the mock is loaded only to run it

    def ready(addresses: Addresses) -> None:
        click.echo(f"Mock SIAK     {addresses.url}\ncontrol       {addresses.control_url}")

    async def until_told() -> None:
        settings = MockSettings(
            host=host,
            port=port,
            control_port=control_port,
            population=population,
            seed=seed,
            state=state,
            accounts=accounts,
        )
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(settings, ready=ready, stop=stop)

    try:
        asyncio.run(until_told())
    except (ValueError, OSError) as error:  # a taken port, a file of accounts or state that cannot be used
        click.echo(f"mock-siak: {error}", err=True)
        sys.exit(FAILED)
