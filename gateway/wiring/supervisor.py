"""The supervisor of background jobs: every loop is restarted, slowed down when it fails, and ends with its owner.

```
waiting ──every──► running ──ok──► waiting
                      └──error──► pausing (twice as long each time, at most five minutes) ──► running
```
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from gateway.contract.host import Job

LONGEST_PAUSE = 300.0
"""Seconds between two tries of a job that keeps failing, at most."""


@dataclass(slots=True)
class JobState:
    """How a job is.

    Attributes:
        owner: `native`, or the extension's name.
        job: What runs.
        failures: Failures in a row.
        runs: Runs that ended well.
    """

    owner: str
    job: Job
    failures: int = 0
    runs: int = 0
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Runs jobs until their owner ends.

    Args:
        rng: Source of jitter, so that many gateways do not act at once.
    """

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._states: list[JobState] = []
        self._log = structlog.get_logger("gateway.supervisor")

    def start(self, owner: str, job: Job) -> None:
        """Run a job from now on."""
        state = JobState(owner, job)
        state.task = asyncio.create_task(self._forever(state), name=f"job:{owner}.{job.name}")
        self._states.append(state)

    def starter(self, owner: str) -> Callable[[Job], None]:
        """A function that starts jobs of one owner."""
        return lambda job: self.start(owner, job)

    def states(self) -> tuple[JobState, ...]:
        """Every job and how it is."""
        return tuple(self._states)

    async def stop(self, owner: str | None = None) -> None:
        """End the jobs of one owner, or all; waits until they are gone."""
        ending = [state for state in self._states if owner in (None, state.owner)]
        self._states = [state for state in self._states if state not in ending]
        tasks = [state.task for state in ending if state.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _forever(self, state: JobState) -> None:
        while True:
            await asyncio.sleep(self._pause(state))
            try:
                await state.job.run()
            except asyncio.CancelledError:
                if state.task is None or state.task.cancelling():
                    raise
                self._failed(state)  # what it waited for was cancelled, not the job
            except Exception:  # noqa: BLE001 # whatever it was, it is counted and tried again
                self._failed(state)
            else:
                state.failures = 0
                state.runs += 1

    def _failed(self, state: JobState) -> None:
        state.failures += 1
        self._log.exception("job.failed", owner=state.owner, job=state.job.name, failures=state.failures)

    def _pause(self, state: JobState) -> float:
        longest = max(LONGEST_PAUSE, state.job.every)
        pause = min(longest, state.job.every * 2.0 ** min(state.failures, 30))
        return pause * self._rng.uniform(0.9, 1.1)
