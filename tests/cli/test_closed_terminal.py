"""`siak-gateway run` when its terminal is closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
PORTS = ("GATEWAY_PORT", "GATEWAY_OPERATOR_PORT", "MOCK_PORT", "MOCK_CONTROL_PORT")
SLOWEST = 30.0


def processes_of(folder: Path) -> set[int]:
    """Processes whose environment or arguments name a data folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                told = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in told:
                found.add(int(entry.name))
    return found


@pytest.mark.parametrize("again", [False, True], ids=["once", "impatient"])
def test_a_closed_terminal_leaves_no_process_behind(tmp_path: Path, *, again: bool) -> None:
    """SIGHUP ends gateway and mock like Ctrl-C; pressing Ctrl-C while they stop does not break that off."""
    folder = tmp_path / "var"
    environ = os.environ | {f"SIAK_{name}": "0" for name in PORTS} | {"SIAK_GATEWAY_VAR": str(folder)}
    command = [sys.executable, "-m", "gateway", "run", "--population", "200"]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as trial:
        assert trial.stdout is not None
        assert any("Ctrl-C" in line for line in trial.stdout)
        assert len(processes_of(folder)) >= 3
        trial.send_signal(signal.SIGHUP)
        if again:
            assert any("Stopping" in line for line in trial.stdout)
            trial.send_signal(signal.SIGINT)
        assert trial.wait(SLOWEST) == 0
    eventually(lambda: not processes_of(folder))
