"""The scenario's centre: the mock as a real process, driven through its control port."""

from __future__ import annotations

import json
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.overload.records import Work
from gateway.mock_siak import start_process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.overload.scenario import Scenario
    from gateway.mock_siak import MockProcess

CONTROL_SECONDS = 30.0


class Centre:
    """A running mock centre and its remote control.

    Args:
        process: The mock.
    """

    def __init__(self, process: MockProcess) -> None:
        self.url = process.url
        self._control = process.control_url

    def begin(self, scenario: Scenario) -> None:
        """Go through the phases of a scenario from now on."""
        self._call("PUT", "/_mock/behaviour", scenario.behaviour())

    def stats(self) -> dict[str, Any]:
        """The counters."""
        return self._call("GET", "/_mock/stats")

    def work(self, start: float, persons: Mapping[str, int]) -> list[Work]:
        """What the workers' time went into, in seconds from `start` (monotonic); what is about nobody is left out.

        Args:
            start: The start of the run.
            persons: Number of the person by NIK.
        """
        calls = self._call("GET", "/_mock/work")["calls"]
        return [
            Work(persons[nik], began - start, ended - start, heard)
            for nik, began, ended, heard in calls
            if nik in persons
        ]

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._control}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=CONTROL_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
            return told


@contextmanager
def centre(people: int) -> Iterator[Centre]:
    """A fresh centre with a register of that size."""
    with start_process(population=people) as process:
        yield Centre(process)
