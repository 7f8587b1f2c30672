"""One run: a fresh centre, one contender in front of it, the load generator in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.overload.centre import centre
from bench.overload.generator import Order, Report
from bench.overload.questions import draw, people_in
from bench.overload.records import Run
from gateway.mock_siak.population import Population
from gateway.testing.processes import SEED

if TYPE_CHECKING:
    from bench.overload.contenders import Contender
    from bench.overload.scenario import Scenario

_AHEAD = 0.3
_ACTIVE_SHARE = 0.9
_DRAIN = 20.0


class Crowd:
    """The people a scenario asks about.

    Args:
        scenario: The scenario.
    """

    def __init__(self, scenario: Scenario) -> None:
        wanted = people_in(draw(scenario))
        self.register = int(wanted / _ACTIVE_SHARE) + 100
        self.niks = Population(self.register, SEED).active()[:wanted]
        self.persons = {nik: number for number, nik in enumerate(self.niks)}


def run(contender: Contender, scenario: Scenario, crowd: Crowd) -> Run:
    """Run a scenario against one contender.

    Raises:
        RuntimeError: The contender or the load generator could not do it.
    """
    with tempfile.TemporaryDirectory() as name, centre(crowd.register) as at_centre:
        folder = Path(name)
        with contender.start(folder, at_centre.url, scenario) as target:
            generator = _Generator(folder, Order(scenario, target, crowd.niks))
            start = generator.begin()
            time.sleep(max(0.0, start - time.monotonic()))
            at_centre.begin(scenario)
            report = generator.report(scenario.seconds + scenario.deadline + _DRAIN)
        work = at_centre.work(start, crowd.persons)
        stats = at_centre.stats()
    return Run(contender.name, scenario, report.tries, work, stats, report.instrument)


class _Generator:
    """The load generator's process."""

    def __init__(self, folder: Path, order: Order) -> None:
        self._result = folder / "report.json"
        errand = folder / "order.json"
        errand.write_bytes(msgspec.json.encode(order))
        command = [sys.executable, "-m", "bench.overload.generator", str(errand), str(self._result)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self) -> float:
        """Tell it when to start, soon; that moment, monotonic seconds."""
        if self._child.stdout is None or self._child.stdin is None or not self._child.stdout.readline():
            self._child.communicate()
            raise RuntimeError("the load generator did not get ready")
        start = time.monotonic() + _AHEAD
        self._child.stdin.write(f"{start!r}\n")
        self._child.stdin.flush()
        return start

    def report(self, within: float) -> Report:
        """What it did, once it has ended."""
        try:
            self._child.communicate(timeout=within)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.communicate()
            raise RuntimeError("the load generator did not end in time") from None
        if self._child.returncode:
            raise RuntimeError(f"the load generator ended with code {self._child.returncode}")
        return msgspec.json.decode(self._result.read_bytes(), type=Report)
