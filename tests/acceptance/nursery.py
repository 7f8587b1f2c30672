"""Gateways as real processes that start in a fraction of the time: forked from one that has everything imported.

```
test ─► Nursery ── a line of JSON per command ─► this module as a process ── fork ─► siak-gateway serve
```
What is killed, stopped and waited for is a whole process; only its imports are inherited.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Self

from gateway.testing.processes import GatewayProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gateway.testing.processes import Child


class Nursery:
    """Forks gateways; a context manager that ends those that are left."""

    def __enter__(self) -> Self:
        """Start it."""
        command = [sys.executable, "-m", "tests.acceptance.nursery"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what it forked and nobody waited for ends with it."""
        self._process.communicate()

    def fork(self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, log: Path) -> Forked:
        """Start `siak-gateway` with these arguments."""
        wish = {"arguments": list(arguments), "environ": dict(environ), "folder": str(folder), "log": str(log)}
        return Forked(self, self.ask({"fork": wish}))

    def ask(self, command: dict[str, Any]) -> int:
        """One command and its answer."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(command).encode() + b"\n")
        process.stdin.flush()
        return int(process.stdout.readline())


@dataclass
class Forked:
    """One process of the nursery.

    Attributes:
        nursery: Its parent.
        pid: The process id.
    """

    nursery: Nursery
    pid: int
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        try:
            return self.wait(0.0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; the exit code."""
        if self.code is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                if not select.select([descriptor], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired("siak-gateway", timeout or 0.0)
            finally:
                os.close(descriptor)
            self.code = self.nursery.ask({"reap": self.pid})
        return self.code


class ForkedGateway(GatewayProcess):
    """A gateway process of the nursery.

    Args:
        nursery: Where it comes from.
        arguments: As of `GatewayProcess`.
    """

    def __init__(self, nursery: Nursery, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._nursery = nursery

    def spawn(self, command: Sequence[str]) -> Child:
        """Fork it; the command's first words are the interpreter and the module."""
        return self._nursery.fork(command[3:], self.environ, self.folder, self.log_file)


def _serve_commands() -> None:
    """Import everything, then fork and reap on command until the line is closed."""
    import gateway.cli.serve  # noqa: PLC0415 # so that no child needs to
    import gateway.wiring.process  # noqa: F401, PLC0415

    gc.collect()
    gc.freeze()
    children = set[int]()
    for line in sys.stdin.buffer:
        command = json.loads(line)
        if "fork" in command:
            answer = _fork(command["fork"])
            children.add(answer)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(command["reap"], 0)[1])
            children.discard(command["reap"])
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for child in children:
        os.kill(child, signal.SIGKILL)


def _fork(wish: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        _become(wish)
    return child


def _become(wish: dict[str, Any]) -> NoReturn:
    from gateway.cli import main  # noqa: PLC0415 # imported by the parent

    code = 1
    try:
        nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(wish["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(nothing, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.chdir(wish["folder"])
        os.environ.clear()
        os.environ.update(wish["environ"])
        main(wish["arguments"])
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:  # noqa: BLE001 # the test reads it in the log
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    if (measured := sys.modules.get("coverage")) is not None and (current := measured.Coverage.current()) is not None:
        current.stop()
        current.save()
    os._exit(code)


if __name__ == "__main__":
    _serve_commands()
