"""`siak-gateway config …` says what is wrong, what is in force, and why a caller may or may not."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from gateway.cli.config import config_group
from gateway.cli.extensions import adapters_group, plugins_group

if TYPE_CHECKING:
    from click.testing import Result

ROOT = Path(__file__).parents[2]
BROKEN = sorted((ROOT / "tests" / "settings" / "broken").glob("*.toml"))
DEFAULT = str(ROOT / "config" / "gateway.toml")
SILENT = {"SIAK_GATEWAY_CONFIG": ""}


def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    """Run a command of the config group."""
    return CliRunner(env=SILENT | (env or {})).invoke(config_group, arguments)


def test_a_good_config_is_said_to_be_right() -> None:
    """Check tells the rights and extensions, and exits 0."""
    done = run("check", "--config", DEFAULT)
    assert (done.exit_code, "is right" in done.output, "caller_quota" in done.output) == (0, True, True)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.stem)
def test_each_broken_example_exits_2_with_every_fault(case: Path) -> None:
    """The command tells what the golden files say, on standard error, and nothing on standard output."""
    done = run("check", "--config", str(case))
    assert done.exit_code == 2
    assert done.stdout == ""
    told = done.stderr.replace(str(case), case.name)
    assert told == case.with_suffix(".txt").read_text(encoding="utf-8")


def test_show_is_a_config_again(tmp_path: Path) -> None:
    """What is shown loads, with the environment's overrides in force, as TOML and as JSON."""
    port = {"SIAK_GATEWAY_PORT": "9123"}
    done = run("show", "--config", DEFAULT, env=port)
    assert tomllib.loads(done.output)["server"]["port"] == 9123
    again = tmp_path / "again.toml"
    again.write_text(done.output)
    assert run("check", "--config", str(again)).exit_code == 0
    shown = json.loads(run("show", "--json", "--config", DEFAULT, env=port).output)
    assert shown == tomllib.loads(done.output)


def test_show_never_shows_a_secret() -> None:
    """Values of secrets stand in the environment and are not read for showing."""
    marked = {"SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": "hunter2"}
    assert "hunter2" not in run("show", "--config", DEFAULT, env=marked).output


def test_schema_is_json_schema() -> None:
    """The schema names every table."""
    schema = json.loads(run("schema").output)
    assert {"server", "rights", "plugins", "centre"} <= set(schema["properties"])


@pytest.mark.parametrize("group", [config_group, plugins_group, adapters_group], ids=lambda group: group.name)
def test_every_command_has_help_with_an_example(group: Any) -> None:
    """`--help` of each command shows an example."""
    for name in (None, *group.commands):
        done = CliRunner().invoke(group, [*([name] if name else []), "--help"])
        assert "Example: siak-gateway" in done.output


def test_a_broken_extension_exits_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extension that cannot be imported is named; the config itself is not at fault."""
    info = tmp_path / "bad_ext-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-ext\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[siak_gateway]\nbad_ext = not_there_at_all:X\n")
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "gateway.toml"
    file.write_text('plugins.enabled = ["bad_ext"]\n')
    done = run("check", "--config", str(file))
    assert done.exit_code == 1
    assert "plugin bad_ext cannot be used: not_there_at_all:X cannot be imported" in done.stderr
