"""One gateway for a data folder on SQLite: the second is refused and harms nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.trial import Trial
from gateway.settings import load
from gateway.testing.processes import GatewayProcess
from gateway.wiring.claim import SERVING, TRIAL, FolderTaken, claimed
from gateway.wiring.process import _announced

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.mock_siak import MockProcess


def test_a_second_gateway_on_the_same_folder_is_refused(tmp_path: Path, mock_process: MockProcess) -> None:
    """`serve` and `run` end with the holder's process and the cure; the first keeps its files, key and answers."""
    with GatewayProcess(tmp_path, mock_process.url) as first:
        key = first.add_client("desk")
        files = ("gateway.pid", "addresses.json")
        before = [(first.data / name).read_text() for name in files]
        (first.data / "demo.json").write_text("{}")
        command_line = GatewayProcess(tmp_path, mock_process.url)
        command_line.data = tmp_path / "elsewhere"  # where it waits for addresses; it serves the first one's folder
        with pytest.raises(RuntimeError, match=rf"in use by another gateway \(process {first.pid}\); cure: stop"):
            command_line.start()
        assert command_line.wait() == 1
        trial = Trial(load(first.config_file, first.environ), first.config_file, 100, first.environ)
        with pytest.raises(FolderTaken, match="SIAK_GATEWAY_VAR"):
            trial.start(lambda _text: None)
        trial.stop()
        assert [(first.data / name).read_text() for name in files] == before
        assert (first.data / "demo.json").read_text() == "{}"
        assert first.get("/v1/services", key=key)[0] == 200
    assert not any((first.data / name).exists() for name in files)


def test_two_trials_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second is refused before it makes anything; a folder that is free again can be claimed again."""
    settings = load(None, {"SIAK_GATEWAY_VAR": str(tmp_path / "var")})
    with claimed(settings.data_folder, TRIAL), pytest.raises(FolderTaken, match="in use"):
        Trial(settings, None, 100, {}).start(lambda _text: None)
    assert not settings.secrets_folder.exists()
    for _ in range(2):
        with claimed(settings.data_folder, SERVING):
            assert (settings.data_folder / "serving.lock").stat().st_mode & 0o777 == 0o600


def test_only_own_addresses_are_taken_away(tmp_path: Path) -> None:
    """What another gateway put there since stays; a file that is gone already is no fault."""
    pid, addresses = tmp_path / "gateway.pid", tmp_path / "addresses.json"
    with _announced(tmp_path, {"gateway": "http://127.0.0.1:1"}):
        assert json.loads(addresses.read_text()) == {"gateway": "http://127.0.0.1:1"}
        pid.write_text("1\n")
        addresses.unlink()
    assert pid.read_text() == "1\n"
