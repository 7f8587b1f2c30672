"""`backup`, `restore`, `keys drop` and what `doctor` says of copies, as an admin runs them."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.checkup_copies import backups, copies
from gateway.database.second_copy.place import CopyFault, Memo, memo_file
from gateway.settings import Settings
from gateway.wiring.backing_up import LAST, Last
from gateway.wiring.offline import make_keys

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

import msgspec

DAY = 86_400.0


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config with a data folder that is not there yet."""
    path = tmp_path / "gateway.toml"
    path.write_text(f'[data]\nfolder = "{tmp_path}/var"\n[secrets]\nfolder = "{tmp_path}/keys"\n')
    return path


def settings_of(tmp_path: Path, **more: object) -> Settings:
    """The same, as a value."""
    folders = {"data": {"folder": str(tmp_path / "var")}, "secrets": {"folder": str(tmp_path / "keys")}}
    return Settings.model_validate({**folders, **more})


def run(config: Path, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [*arguments, "--config", str(config)])


def test_a_backup_is_taken_and_put_back(config: Path, tmp_path: Path) -> None:
    """Into an empty folder only; the second time it is refused, and nothing was touched."""
    make_keys(settings_of(tmp_path), {})
    taken = run(config, "backup", "--to", str(tmp_path / "backups"), "--json")
    assert json.loads(taken.stdout)["keys"] == ["index", "master-1", "pepper"]
    refused = run(config, "restore", "--from", str(tmp_path / "backups"))
    assert refused.exit_code == 1
    assert "is not empty" in refused.output
    (tmp_path / "var").rename(tmp_path / "burnt")
    put_back = run(config, "restore", "--from", str(tmp_path / "backups"), "--json")
    assert put_back.stderr.index("is NOT known here") < put_back.stderr.index("gateway.db: backup of")
    assert json.loads(put_back.stdout) == {"from": "backup", "submissions": 0, "doubted": 0}
    assert run(config, "restore", "--mark").exit_code == 0


def test_a_damaged_backup_is_refused(config: Path, tmp_path: Path) -> None:
    """One changed byte is noticed, and nothing is put back."""
    make_keys(settings_of(tmp_path), {})
    folder = json.loads(run(config, "backup", "--to", str(tmp_path / "backups"), "--json").stdout)["folder"]
    with open(f"{folder}/gateway.db", "r+b") as file:  # noqa: PTH123 # a path of the command's own words
        file.seek(5000)
        file.write(b"x")
    (tmp_path / "var").rename(tmp_path / "burnt")
    refused = run(config, "restore", "--from", folder)
    assert refused.exit_code == 1
    assert "damaged" in refused.output
    assert not (tmp_path / "var" / "gateway.db").exists()


@pytest.mark.parametrize("arguments", [(), ("--mark", "--from", "/")])
def test_restore_needs_one_way(config: Path, arguments: tuple[str, ...]) -> None:
    """Neither nothing nor both."""
    assert run(config, "restore", *arguments).exit_code == 2


def test_a_second_copy_is_not_forgotten(config: Path, tmp_path: Path) -> None:
    """Restoring a backup while a second copy is there would let the next start write over the copy."""
    with config.open("a") as file:
        file.write(f'[replica]\npath = "{tmp_path}/copy"\n')
    (tmp_path / "copy" / "gateway.db").mkdir(parents=True)
    (tmp_path / "copy" / "gateway.db" / "00000001.base").touch()
    (tmp_path / "backups").mkdir()
    refused = run(config, "restore", "--from", str(tmp_path / "backups"))
    assert refused.exit_code == 2
    assert "--copy" in refused.output


def test_an_older_master_is_destroyed_once_nothing_needs_it(config: Path, tmp_path: Path) -> None:
    """Kept while its successor is young; then gone, and told."""
    make_keys(settings_of(tmp_path), {})
    assert "no older master" in run(config, "keys", "drop").output
    assert run(config, "keys", "rotate").exit_code == 0
    assert "kept: master-1" in run(config, "keys", "drop").output
    old = time.time() - 31 * DAY
    os.utime(tmp_path / "keys" / "master-2.key", (old, old))
    assert "destroyed:" in run(config, "keys", "drop").output
    assert not (tmp_path / "keys" / "master-1.key").exists()


@pytest.mark.parametrize(
    ("memo", "verdict", "said"),
    [
        (None, "warn", "no second copy yet"),
        (Memo("", "catching_up", "", 0.0), "warn", "being made"),
        (Memo("x", "stopped", "", 0.0), "ok", "ended whole"),
        (Memo("x", "away", CopyFault.DISK_FULL, 0.0), "bad", "disk full"),
        (Memo("x", "in_step", "", 0.0), "bad", "not there"),  # it says so, and is not there
    ],
)
def test_doctor_tells_how_the_copy_is(tmp_path: Path, memo: Memo | None, verdict: str, said: str) -> None:
    """One line, with the cure."""
    settings = settings_of(tmp_path, replica={"path": str(tmp_path / "copy")})
    settings.data_folder.mkdir()
    if memo is not None:
        memo_file(settings.data_folder / "gateway.db").write_bytes(msgspec.json.encode(memo))
    found = next(iter(copies(settings, {})))
    assert (found.subject, found.verdict) == ("copies", verdict)
    assert said in found.text
    assert found.cure or verdict == "ok"


def test_doctor_warns_without_a_copy(tmp_path: Path) -> None:
    """If this machine burns, everything is lost."""
    (found,) = copies(settings_of(tmp_path), {})
    assert found.verdict == "warn"


@pytest.mark.parametrize(("age", "verdict"), [(None, "warn"), (0.5, "ok"), (3.0, "warn")])
def test_doctor_tells_how_old_the_last_backup_is(tmp_path: Path, age: float | None, verdict: str) -> None:
    """None, young, old."""
    settings = settings_of(tmp_path)
    settings.data_folder.mkdir()
    if age is not None:
        last = Last(str(tmp_path), time.time() - age * DAY)
        (settings.data_folder / LAST).write_bytes(msgspec.json.encode(last))
    (found,) = backups(settings, {})
    assert found.verdict == verdict
