"""`siak-gateway plugins …` and `siak-gateway adapters …`: what is installed, what is loaded, and switching it.

```
enable NAME ─► edit the text ─► check the whole config with it ─► replace the file ─► SIGHUP to a running gateway
                                      └─ wrong: told, nothing changed
```
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import click

if TYPE_CHECKING:
    from gateway.registry import Installed
    from gateway.settings import Settings

Kind = Literal["plugin", "adapter"]

PID_FILE = "gateway.pid"
"""File in the data folder in which a running gateway keeps its process id."""

_CHECK = """Put {kind}s to the licence: rules of their tier, examples, and a fire drill with the mocked centre.

Without a NAME every installed {kind} is looked at. Takes about ten seconds each; exit 1 when a rule fails.
"""

_config = click.option("--config", "config_file", type=click.Path(path_type=Path), help="Config file (TOML).")
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def _group(kind: Kind, sample: str) -> click.Group:
    """The commands of one kind of extension."""
    program = f"siak-gateway {kind}s"

    @click.group(name=f"{kind}s", help=f"List, check, enable and disable {kind}s.", epilog=f"Example: {program} list")
    def group() -> None:
        """Commands on extensions of one kind."""

    @group.command("list", help=f"List installed {kind}s and their state.", epilog=f"Example: {program} list --json")
    @_json
    @_config
    def list_(config_file: Path | None, *, as_json: bool) -> None:
        show(kind, config_file, as_json=as_json)

    @group.command(help=f"Load {kind} NAME from now on.", epilog=f"Example: {program} enable {sample}")
    @click.argument("name")
    @_config
    def enable(name: str, config_file: Path | None) -> None:
        switch(kind, name, config_file, enabled=True)

    @group.command(help=f"Stop loading {kind} NAME.", epilog=f"Example: {program} disable {sample}")
    @click.argument("name")
    @_config
    def disable(name: str, config_file: Path | None) -> None:
        switch(kind, name, config_file, enabled=False)

    _add_check(group, kind, sample)
    return group


def _add_check(group: click.Group, kind: Kind, sample: str) -> None:
    """Give one kind of extension its licence, or the comparison with another server."""

    @group.command(help=_CHECK.format(kind=kind), epilog=f"Example: siak-gateway {kind}s check {sample}")
    @click.argument("names", nargs=-1)
    @click.option("--rule", "only", multiple=True, help="Look at this rule only; may be given again.")
    @click.option("--drill/--no-drill", default=True, help="Play the fire drill too.  [default: drill]")
    @click.option(
        "--against", metavar="URL", help="Instead, put recorded questions to this server too; show differences."
    )
    @click.option("--values", "values_file", type=click.Path(path_type=Path), help="Numbers and users for --against.")
    @click.option("--show", is_flag=True, help="With --against, print differing bytes unmasked: residents' data.")
    @_json
    @_config
    def check(
        names: tuple[str, ...],
        only: tuple[str, ...],
        against: str | None,
        values_file: Path | None,
        config_file: Path | None,
        *,
        drill: bool,
        show: bool,
        as_json: bool,
    ) -> None:
        if against is None:
            check_installed(kind, names, only, config_file, drill=drill, as_json=as_json)
        else:
            from gateway.cli.adapters_check import compare_with

            compare_with(names, against, values_file, config_file, show=show, as_json=as_json)


def show(kind: Kind, config_file: Path | None, *, as_json: bool) -> None:
    """Print the installed extensions of a kind; none is imported."""
    rows = [_row(each) for each in _of_kind(kind, _settings(config_file))]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        detail = f"  {row['detail']}" if row["detail"] else ""
        click.echo(f"{row['name']:<24} {row['state']:<9} {row['tier']:<7} {row['title']} [{row['package']}]{detail}")
    if not rows:
        click.echo(f"no {kind} is installed")


def switch(kind: Kind, name: str, config_file: Path | None, *, enabled: bool) -> None:
    """Edit the config file, check it, put it in place, and tell a running gateway."""
    from gateway.settings import ConfigFaults, config_path  # imports late: --help stays instant
    from gateway.settings.editing import replace_file, with_extension
    from gateway.settings.syntax import parse, read_text

    path = config_path(config_file, os.environ)
    if path is None:
        _stop(2, "there is no config file to edit; name one with --config, such as config/gateway.toml")
    try:
        text = read_text(path)
        parse(text, str(path))
        new = with_extension(text, f"{kind}s", name, enabled=enabled)
        settings = _checked(new, path, name)
    except ConfigFaults as faults:
        _stop(2, f"{faults}\nnothing was changed")
    if new == text:
        _say_unchanged(kind, name, settings, enabled=enabled)
        return
    try:
        replace_file(path, new)
    except OSError as error:
        _stop(1, f"{path} cannot be written: {error.strerror}; nothing was changed")
    click.echo(f"{kind} {name} is {'enabled' if enabled else 'disabled'} in {path}")
    click.echo(tell_running(settings.data_folder))


def tell_running(data_folder: Path) -> str:
    """Ask the gateway that runs on a data folder to read its config again; what came of it, in one line."""
    try:
        pid = int((data_folder / PID_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return "no gateway is running here; it takes effect at the next start"
    if not _is_gateway(pid):
        return f"no gateway is running here (process {pid} is gone); it takes effect at the next start"
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError:
        return f"process {pid} may not be told to reload; do it as its own user: kill -HUP {pid}"
    except ProcessLookupError:
        return f"no gateway is running here (process {pid} is gone); it takes effect at the next start"
    return f"the running gateway (process {pid}) was told to reload; its log says what came of it"


def check_installed(
    kind: Kind,
    names: tuple[str, ...],
    only: tuple[str, ...],
    config_file: Path | None,
    *,
    drill: bool,
    as_json: bool,
) -> None:
    """Put extensions to the licence; exit 1 if one does not pass."""
    from gateway.cli.licence import check
    from gateway.registry.finding import found
    from gateway.testing.licence.subject import Unusable

    every = [each.name for each in _of_kind(kind, _settings(config_file))]
    for name in names:
        if name not in every or name not in found():
            _stop(1, f"no {kind} {name} is installed")
    chosen = names or tuple(name for name in every if name in found())
    try:
        passed = check(chosen, only, drill=drill, as_json=as_json)
    except Unusable as error:
        _stop(2, str(error))
    sys.exit(0 if passed else 1)


def _checked(text: str, path: Path, name: str) -> Settings:
    """The settings a new text would give.

    Raises:
        ConfigFaults: It is wrong.
    """
    from gateway.registry import plan
    from gateway.settings import ConfigFaults
    from gateway.settings.loading import loads

    settings = loads(text, path, os.environ)
    planned = plan(settings)
    if planned.faults:
        raise ConfigFaults(tuple(planned.faults))
    for _, broken, error in planned.broken:
        if broken == name:
            _stop(1, f"{name} cannot be used: {error}\nnothing was changed")
    return settings


def _say_unchanged(kind: Kind, name: str, settings: Settings, *, enabled: bool) -> None:
    if not enabled and name not in {each.name for each in _of_kind(kind, settings)}:
        _stop(1, f"no {kind} {name} is installed; nothing was changed")
    click.echo(f"{kind} {name} is {'enabled' if enabled else 'disabled'} already; nothing was changed")


def _of_kind(kind: Kind, settings: Settings) -> list[Installed]:
    """The installed extensions of a kind, those of unknown kind too, and those that are enabled but missing."""
    from gateway.registry import Installed, installed

    every = installed(settings)
    names = {each.name for each in every}
    tables = settings.plugins if kind == "plugin" else settings.adapters
    missing = [
        Installed(name, kind, "broken", "", "", None, "it is enabled but not installed")
        for name in tables.enabled
        if name not in names
    ]
    return [each for each in every if each.kind in {kind, None}] + missing


def _row(each: Installed) -> dict[str, str]:
    manifest = each.manifest
    return {
        "name": each.name,
        "kind": each.kind or "",
        "state": each.state,
        "title": manifest.title if manifest else "",
        "title_id": manifest.title_id if manifest else "",
        "tier": manifest.tier if manifest else "",
        "owner": manifest.owner if manifest else "",
        "package": each.distribution,
        "detail": each.detail,
    }


def _settings(config_file: Path | None) -> Settings:
    from gateway.cli.faults import read_config

    return read_config(config_file)


def _is_gateway(pid: int) -> bool:
    """Whether a process looks like a gateway; a stale file's number may belong to anyone."""
    try:
        return b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _stop(code: int, message: str) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(code)


plugins_group = _group("plugin", "caller_quota")
adapters_group = _group("adapter", "dukcapil_ws")


@adapters_group.command(epilog="Example: siak-gateway adapters new village_desk --into .")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder to write it into.  [default: .]")
@click.option("--in-tree", is_flag=True, help="Among the built-in adapters of this working copy.")
def new(name: str, into: Path, *, in_tree: bool) -> None:
    """Write adapter NAME: a package with route, page, table, manifest, examples and tests that passes its checks."""
    from gateway.cli.new_adapter import NotWritten, write_in_tree, write_package

    try:
        written = write_in_tree(name, into) if in_tree else write_package(name, into)
    except NotWritten as error:
        _stop(2, str(error))
    except OSError as error:
        _stop(1, f"{error.filename}: {error.strerror}; nothing was written")
    for file in written.files:
        click.echo(file)
    click.echo("\nNext:\n" + "\n".join(f"  {command}" for command in written.next))
