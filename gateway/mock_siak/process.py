"""The mock centre as a real process, for tests and demonstrations: start it, know its URLs, stop or kill it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_STOP_SECONDS = 5.0


class MockProcess:
    """A running mock centre; also a context manager that stops it."""

    def __init__(self, child: subprocess.Popen[str], url: str, control_url: str) -> None:
        self._child = child
        self.url = url
        self.control_url = control_url

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def stop(self) -> int:
        """Ask it to stop (SIGTERM) and wait; returns the exit code.

        Raises:
            subprocess.TimeoutExpired: It did not stop within five seconds.
        """
        self._child.terminate()
        return self._wait()

    def kill(self) -> int:
        """Kill it at once (SIGKILL), as a power cut would; returns the exit code."""
        self._child.kill()
        return self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self.stop()

    def _wait(self) -> int:
        code = self._child.wait(_STOP_SECONDS)
        if self._child.stdout:
            self._child.stdout.close()
        return code


def start_process(
    *,
    port: int = 0,
    control_port: int = 0,
    population: int = 20_000,
    seed: int = 1,
    state: Path | None = None,
    accounts: Path | None = None,
    new_session: bool = False,
) -> MockProcess:
    """Start `python -m gateway.mock_siak` and wait until both ports answer.

    Raises:
        RuntimeError: It ended before it was ready; its own message is on stderr.
    """
    options: dict[str, int | Path | None] = {
        "port": port,
        "control-port": control_port,
        "population": population,
        "seed": seed,
        "state": state,
        "accounts": accounts,
    }
    arguments = [f"--{name}={value}" for name, value in options.items() if value is not None]
    command = [sys.executable, "-m", "gateway.mock_siak", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=new_session)  # noqa: S603 our own interpreter and module
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        child.communicate()
        raise RuntimeError(f"mock_siak ended with code {child.returncode}")
    return MockProcess(child, **json.loads(line))
