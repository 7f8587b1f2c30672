"""`docs/reference/cli.md`: every command, as `--help` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gateway.cli import COMMANDS, main
from tests.docs.markdown import head

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INTRO = """
Exit codes: 0 done, 1 failed, 2 bad usage or config. Every command has `--help` with an example; every listing has
`--json`. Without `--config` the file named by `SIAK_GATEWAY_CONFIG` is read, else `config/gateway.toml` if it is there.
"""
_WIDTH = 100


def commands(group: click.Command = main, name: str = "siak-gateway") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups before their members."""
    yield name, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for member in group.list_commands(context):
            command = group.get_command(context, member)
            if command is not None:
                yield from commands(command, f"{name} {member}")


def page(_root: Path) -> str:
    """Text of the page."""
    summaries = "".join(f"- [`{name}`](#siak-gateway-{name}): {lazy.summary}\n" for name, lazy in COMMANDS.items())
    text = head("Commands", _INTRO) + "\n" + summaries
    for name, command in commands():
        text += f"\n## `{name}`\n\n```text\n{_help(name, command)}\n```\n"
    return text


def _help(name: str, command: click.Command) -> str:
    context = click.Context(
        command, info_name=name, terminal_width=_WIDTH, max_content_width=_WIDTH, help_option_names=["-h", "--help"]
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
