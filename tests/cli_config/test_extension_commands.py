"""`plugins` and `adapters` edit the config in place, only if it stays right, and tell a running gateway."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli.extensions import adapters_group, plugins_group, tell_running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

TEXT = """# kept
[plugins]
enabled = ["metrics"] # kept too

[data]
folder = "{folder}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A config file with a data folder of its own."""
    path = tmp_path / "gateway.toml"
    path.write_text(TEXT.format(folder=tmp_path))
    return path


def plugins(file: Path, *arguments: str) -> Result:
    """Run a plugins command on a file."""
    return CliRunner(env={"SIAK_GATEWAY_CONFIG": ""}).invoke(plugins_group, [*arguments, "--config", str(file)])


def enabled(file: Path) -> list[str]:
    """What the file enables."""
    names: list[str] = tomllib.loads(file.read_text())["plugins"]["enabled"]
    return names


def test_list_tells_states(file: Path) -> None:
    """Text for people and JSON for programs say the same."""
    rows = {row["name"]: row for row in json.loads(plugins(file, "list", "--json").output)}
    assert (rows["metrics"]["state"], rows["caller_quota"]["state"]) == ("enabled", "disabled")
    assert "metrics" in plugins(file, "list").output


def test_what_is_enabled_but_missing_is_listed_as_broken(file: Path) -> None:
    """A package that was removed shows in the list, with the reason."""
    file.write_text('plugins.enabled = ["gone"]\n')
    rows = {row["name"]: row for row in json.loads(plugins(file, "list", "--json").output)}
    assert (rows["gone"]["state"], rows["gone"]["detail"]) == ("broken", "it is enabled but not installed")
    assert "it is enabled but not installed" in plugins(file, "list").output


def test_built_in_adapters_are_listed(file: Path) -> None:
    """An adapter that the config does not name is installed and disabled."""
    done = CliRunner().invoke(adapters_group, ["list", "--config", str(file)])
    assert done.exit_code == 0
    assert done.output.startswith("dukcapil_ws              disabled")


def test_enable_and_disable_keep_comments(file: Path) -> None:
    """The file is what it was, but for one name."""
    before = file.read_text()
    done = plugins(file, "enable", "caller_quota")
    assert (done.exit_code, enabled(file)) == (0, ["metrics", "caller_quota"])
    assert "takes effect at the next start" in done.output
    assert file.read_text().count("# kept") == 2
    assert plugins(file, "disable", "caller_quota").exit_code == 0
    assert file.read_text() == before


@pytest.mark.parametrize(("command", "name"), [("enable", "metrics"), ("disable", "caller_quota")])
def test_what_is_so_already_is_said(file: Path, command: str, name: str) -> None:
    """Doing it twice is no failure and writes nothing."""
    before = file.stat().st_mtime_ns
    done = plugins(file, command, name)
    assert (done.exit_code, "already; nothing was changed" in done.output) == (0, True)
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize(("command", "code"), [("enable", 2), ("disable", 1)])
def test_what_is_not_installed_changes_nothing(file: Path, command: str, code: int) -> None:
    """A misspelled name is told, with what was probably meant."""
    before = file.read_text()
    done = plugins(file, command, "metrcs")
    assert (done.exit_code, file.read_text()) == (code, before)
    assert "nothing was changed" in done.output


def test_an_extension_that_cannot_be_used_is_not_enabled(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken extension is refused with its reason before anything is written."""
    info = tmp_path / "bad_ext-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-ext\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[siak_gateway]\nbad_ext = not_there_at_all:X\n")
    monkeypatch.syspath_prepend(tmp_path)
    done = plugins(file, "enable", "bad_ext")
    assert (done.exit_code, enabled(file)) == (1, ["metrics"])
    assert "bad_ext cannot be used: not_there_at_all:X cannot be imported" in done.output
    checked = plugins(file, "check", "bad_ext")
    assert (checked.exit_code, "cannot be imported" in checked.output) == (1, True)
    assert plugins(file, "check", "nobody").exit_code == 1


def test_disabling_mends_a_config_that_is_wrong_because_of_it(file: Path) -> None:
    """An extension whose package is gone can be switched off."""
    file.write_text(f'plugins.enabled = ["metrics", "gone"]\ndata.folder = "{file.parent}"\n')
    assert plugins(file, "disable", "gone").exit_code == 0
    assert enabled(file) == ["metrics"]


def test_a_config_that_is_wrong_otherwise_stays_untouched(file: Path) -> None:
    """Nothing is written into a file that would not load."""
    file.write_text("[server]\nprot = 1\n")
    done = plugins(file, "enable", "metrics")
    assert (done.exit_code, file.read_text()) == (2, "[server]\nprot = 1\n")
    assert "did you mean port?" in done.output


def test_without_a_file_there_is_nothing_to_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The built-in defaults cannot be edited; the message says what to name."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner(env={"SIAK_GATEWAY_CONFIG": ""}).invoke(plugins_group, ["enable", "metrics"])
    assert (done.exit_code, "--config" in done.output) == (2, True)


def test_a_full_disk_leaves_the_old_file(file: Path) -> None:
    """Where the new text cannot be written, the old one stays and the reason is told."""
    before = file.read_text()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        done = plugins(file, "enable", "caller_quota")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.exit_code, file.read_text()) == (1, before)
    assert "cannot be written: File too large; nothing was changed" in done.output


LISTENER = """
import signal, sys
signal.signal(signal.SIGHUP, lambda *_: (print("reloaded", flush=True), sys.exit(0)))
print("ready", flush=True)
signal.pause()
# stands for the gateway
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that looks like a gateway and says when it is told to reload."""
    with subprocess.Popen([sys.executable, "-c", LISTENER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (tmp_path / "gateway.pid").write_text(f"{process.pid}\n")
        yield process
        process.kill()


def test_a_running_gateway_is_told_to_reload(file: Path, running: subprocess.Popen[str]) -> None:
    """The process named in the data folder gets SIGHUP."""
    done = plugins(file, "enable", "caller_quota")
    assert f"(process {running.pid}) was told to reload" in done.output
    assert running.stdout is not None
    assert running.stdout.readline() == "reloaded\n"


def test_a_stale_process_number_is_not_signalled(tmp_path: Path) -> None:
    """A number that now belongs to nobody, or to a stranger, is left alone."""
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (tmp_path / "gateway.pid").write_text(str(stranger.pid))
        assert "no gateway is running here" in tell_running(tmp_path)
        assert stranger.poll() is None
        stranger.send_signal(signal.SIGKILL)
        stranger.wait()
    assert "is gone" in tell_running(tmp_path)
    (tmp_path / "gateway.pid").write_text("not a number")
    assert "no gateway is running here" in tell_running(tmp_path)
