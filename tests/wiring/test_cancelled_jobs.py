"""A job whose inner work was cancelled."""

from __future__ import annotations

import asyncio
import random

from gateway.contract.host import Job
from gateway.wiring.supervisor import Supervisor


def test_a_job_outlives_what_it_waited_for() -> None:
    """If what a job waits for is cancelled by another, the job has failed, is counted and runs again."""

    async def story() -> None:
        supervisor, ran, again = Supervisor(random.Random(1)), 0, asyncio.Event()

        async def run() -> None:
            nonlocal ran
            ran += 1
            if ran > 1:
                again.set()
            gone = asyncio.get_running_loop().create_future()
            gone.cancel()
            await gone

        supervisor.start("sample", Job("shaky", 0.001, run))
        await again.wait()
        (state,) = supervisor.states()
        assert state.failures >= 1
        assert state.task is not None
        assert not state.task.done()
        await supervisor.stop()
        assert state.task.cancelled()

    asyncio.run(story())
