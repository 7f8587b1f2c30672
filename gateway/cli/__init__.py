"""The command line: one group per file, each imported only when it is used, so that `--help` is instant.

Exit codes: 0 done, 1 failed, 2 bad usage or config.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Lazy(NamedTuple):
    """Where a command is, and what `--help` says of it before it is imported.

    Attributes:
        module: Module that defines it.
        attribute: Name of the click command there.
        summary: One line for the list of commands.
    """

    module: str
    attribute: str
    summary: str


COMMANDS: Mapping[str, Lazy] = {
    "serve": Lazy("gateway.cli.serve", "serve", "Run the gateway."),
    "run": Lazy("gateway.cli.run", "run", "Try it out: mock centre and gateway together, with demo keys."),
    "mock-siak": Lazy("gateway.cli.mock", "mock_siak", "Run the mocked centre."),
    "demo": Lazy("gateway.cli.demo", "demo", "Tell the story of an outage, in the terminal."),
    "simulate": Lazy("gateway.cli.simulate", "simulate", "Play an overloaded centre in virtual time."),
    "doctor": Lazy("gateway.cli.doctor", "doctor", "Check config, database, copies, keys, centre, disk and clock."),
    "migrate": Lazy("gateway.cli.migrate", "migrate", "Bring the database to this version."),
    "keys": Lazy("gateway.cli.keys", "keys", "Make and rotate the gateway's own secrets."),
    "config": Lazy("gateway.cli.config", "config_group", "Check, show and explain the config."),
    "plugins": Lazy("gateway.cli.extensions", "plugins_group", "List, enable and disable plugins."),
    "adapters": Lazy("gateway.cli.extensions", "adapters_group", "List, enable and disable adapters."),
    "clients": Lazy("gateway.cli.clients", "clients", "Add, list, rotate and revoke keys of regional apps."),
    "people": Lazy("gateway.cli.people", "people", "Add, list, suspend, resume and set up anew those who sign in."),
    "submissions": Lazy(
        "gateway.cli.submissions", "submissions", "List, show, export, retry, hold, release, cancel submissions."
    ),
    "documents": Lazy(
        "gateway.cli.documents", "documents", "List documents, fetch refused ones again, count the prints of a day."
    ),
    "strays": Lazy("gateway.cli.strays", "strays", "List what the centre has and this gateway lost."),
    "backup": Lazy("gateway.cli.backup", "backup", "Back everything up but the keys, while the gateway runs."),
    "restore": Lazy("gateway.cli.restore", "restore", "Put everything back from the second copy or a backup."),
    "notifications": Lazy(
        "gateway.cli.notifications", "notifications", "List and retry what could not be told outside."
    ),
    "ledger": Lazy("gateway.cli.ledger", "ledger", "Verify, export and checkpoint the record of exchanges."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is run, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order people need them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        lazy = COMMANDS.get(cmd_name)
        if lazy is None:
            return None
        command: click.Command = getattr(importlib.import_module(lazy.module), lazy.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in COMMANDS.items()])


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: siak-gateway serve --config config/gateway.toml",
)
@click.version_option(package_name="siak-gateway", prog_name="siak-gateway")
def main() -> None:
    """Keep a region's programmes working while the national system is slow or away."""
