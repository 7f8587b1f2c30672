"""Every command explains itself with an example, at once and without loading the server."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

from gateway.cli import COMMANDS, main

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAVY = (
    "pydantic", "sqlalchemy", "aiohttp", "granian", "uvicorn", "starlette", "cryptography", "httpx", "msgspec",
    "structlog", "jsonschema_rs", "uvloop", "gateway.wiring", "gateway.settings", "gateway.http",
)  # fmt: skip


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command and group."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = [(), *commands(main)]


@pytest.mark.parametrize("path", ALL, ids=lambda path: " ".join(path) or "siak-gateway")
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_has_an_example(path: tuple[str, ...], option: str) -> None:
    """Each command's help says what it does and shows one way to run it."""
    result = CliRunner().invoke(main, [*path, option], terminal_width=200)
    if option == "-h" and path and result.exit_code == 2:
        pytest.fail("-h is known to every command, or to none")
    assert result.exit_code == 0, result.output
    assert "Example: siak-gateway" in result.output
    assert result.stderr == ""


def test_the_list_says_what_the_commands_say_themselves() -> None:
    """Each command of the list exists and carries the name it is listed under."""
    output = CliRunner().invoke(main, ["--help"], terminal_width=200).output
    for name, lazy in COMMANDS.items():
        assert name in output
        assert lazy.summary in output


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["clients", "--help"], ["serve", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """No server, database, client or settings is imported to print help."""
    code = (
        f"import sys; sys.argv[1:] = {arguments}\n"
        "from gateway.cli import main\n"
        f"try: main()\nfinally: print([name for name in {HEAVY} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_the_module_is_the_command() -> None:
    """`python -m gateway` is the same program, and an unknown command is bad usage."""
    good = subprocess.run([sys.executable, "-m", "gateway", "--version"], capture_output=True, text=True, check=True)
    assert good.stdout.startswith("siak-gateway, version ")
    bad = subprocess.run([sys.executable, "-m", "gateway", "srve"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "No such command" in bad.stderr
    assert CliRunner().invoke(main, ["srve"]).exit_code == 2
