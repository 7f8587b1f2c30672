"""Background jobs: restarted for ever, slowed down when they fail, ended with their owner."""

from __future__ import annotations

import asyncio
import io
import json
import random
from typing import TYPE_CHECKING

import pytest
import structlog

from gateway.contract.host import Job
from gateway.log import configure
from gateway.wiring.supervisor import LONGEST_PAUSE, JobState, Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK = 0.001


@pytest.fixture
def logged() -> Iterator[io.BytesIO]:
    """What is logged."""
    stream = io.BytesIO()
    configure("info", "json", stream)
    yield stream
    structlog.reset_defaults()


class Work:
    """A job that fails as often as told, then goes well; it says when it ran so often."""

    def __init__(self, failures: int = 0, until: int = 1) -> None:
        """Set it up."""
        self.failures = failures
        self.ran = 0
        self.until = until
        self.enough = asyncio.Event()

    async def run(self) -> None:
        """Run once."""
        self.ran += 1
        if self.ran >= self.until:
            self.enough.set()
        if self.ran <= self.failures:
            raise ValueError("3527012904900001 is broken")


async def nothing() -> None:
    """Do nothing."""


def test_a_job_runs_again_and_again() -> None:
    """After its pause it runs, and after that pause again; its runs are counted."""

    async def story() -> JobState:
        supervisor, work = Supervisor(random.Random(1)), Work(until=3)
        supervisor.starter("sample")(Job("quick", QUICK, work.run))
        await work.enough.wait()
        (state,) = supervisor.states()
        await supervisor.stop()
        assert supervisor.states() == ()
        assert state.task is not None
        assert state.task.cancelled()
        return state

    state = asyncio.run(story())
    assert (state.owner, state.failures) == ("sample", 0)
    assert state.runs >= 2


def test_a_job_that_fails_is_tried_again(logged: io.BytesIO) -> None:
    """A failure is logged with owner, name and count but no value; the first success forgets the failures."""

    async def story() -> JobState:
        supervisor, work = Supervisor(random.Random(1)), Work(failures=3, until=5)
        supervisor.start("sample", Job("shaky", QUICK, work.run))
        await work.enough.wait()
        (state,) = supervisor.states()
        await supervisor.stop("sample")
        return state

    state = asyncio.run(story())
    assert state.failures == 0
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [(line["event"], line["owner"], line["job"], line["failures"]) for line in lines] == [
        ("job.failed", "sample", "shaky", count) for count in (1, 2, 3)
    ]
    assert b"3527012904900001" not in logged.getvalue()


@pytest.mark.parametrize(
    ("every", "failures", "pause"),
    [
        (1.0, 0, 1.0),
        (1.0, 1, 2.0),
        (1.0, 5, 32.0),
        (1.0, 9, LONGEST_PAUSE),
        (1.0, 10_000, LONGEST_PAUSE),
        (86_400.0, 0, 86_400.0),
        (86_400.0, 3, 86_400.0),
    ],
)
def test_pauses_grow_and_have_an_end(every: float, failures: int, pause: float) -> None:
    """Each failure doubles the pause up to five minutes, or the job's own rhythm; a tenth of jitter either way."""
    state = JobState("sample", Job("job", every, nothing), failures=failures)
    supervisor = Supervisor(random.Random(7))
    found = [supervisor._pause(state) for _ in range(200)]
    assert pause * 0.9 <= min(found) < pause < max(found) <= pause * 1.1


def test_only_the_jobs_of_an_owner_end_with_it() -> None:
    """Stopping one owner waits for its jobs and leaves the others; stopping all leaves none."""

    async def story() -> None:
        supervisor = Supervisor(random.Random(1))
        for owner in ("a", "a", "b"):
            supervisor.start(owner, Job("job", 60.0, nothing))
        await supervisor.stop("a")
        assert [state.owner for state in supervisor.states()] == ["b"]
        await supervisor.stop("nobody")
        await supervisor.stop()
        assert supervisor.states() == ()

    asyncio.run(story())
