"""The load generator, a process of its own: open-loop, each citizen with a deadline and a few tries.

    python -m bench.overload.generator ORDER RESULT

Reads its order (JSON of `Order`), says `ready`, waits for a line with the start of the run in monotonic seconds, and
writes what happened as JSON of `Report`. It never waits for an answer before it asks the next question.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from functools import partial
from pathlib import Path

import msgspec
import uvloop

from bench.overload.line import Line
from bench.overload.questions import draw
from bench.overload.records import Ending, Instrument, Try
from bench.overload.scenario import Scenario
from bench.overload.target import Target, is_good


class Order(msgspec.Struct, frozen=True):
    """What to do.

    Attributes:
        scenario: The questions are drawn from it.
        target: Where they go.
        niks: Number of each person.
    """

    scenario: Scenario
    target: Target
    niks: list[str]


class Report(msgspec.Struct, frozen=True):
    """What happened: every try, and whether the generator kept up."""

    tries: list[Try]
    instrument: Instrument


class Attempt:
    """One try under way; a borrower of a connection."""

    def __init__(self, load: Load, question: int, number: int) -> None:
        self._load = load
        self._question = question
        self._number = number
        self._began = load.now()
        self._line: Line | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(load.scenario.deadline, self._give_up)

    def start(self) -> None:
        """Ask on an idle connection, or on a new one."""
        if self._load.idle:
            self._use(self._load.idle.popitem()[0])
        else:
            self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def answered(self, status: int, body: bytes) -> None:
        """The answer is whole."""
        good = is_good(status, body, self._load.nik_of(self._question))
        self._end(Ending.GOOD if good else Ending.REFUSED, status)

    def broken(self) -> None:
        """The connection ended early."""
        self._end(Ending.BROKEN)

    async def _connect(self) -> None:
        host, port = self._load.target.place()
        try:
            _, line = await asyncio.get_running_loop().create_connection(partial(Line, self._load.idle), host, port)
        except OSError:
            self.broken()
        else:
            self._use(line)

    def _use(self, line: Line) -> None:
        self._line = line
        line.ask(self, self._load.request_of(self._question))

    def _give_up(self) -> None:
        """The citizen leaves."""
        if self._line is not None:
            self._line.hang_up()
        elif self._connecting is not None:
            self._connecting.cancel()
        self._end(Ending.LATE)

    def _end(self, ending: Ending, status: int = 0) -> None:
        self._timer.cancel()
        self._load.ended(Try(self._question, self._number, self._began, self._load.now(), ending, status))


class Load:
    """All questions of one run.

    Args:
        order: What to do.
    """

    def __init__(self, order: Order) -> None:
        self.scenario = order.scenario
        self.target = order.target
        self.idle: dict[Line, None] = {}
        self._niks = order.niks
        self._questions = draw(order.scenario)
        self._random = random.Random(order.scenario.seed)
        self._tries: list[Try] = []
        self._late: list[float] = []
        self._under_way = 0
        self._start = 0.0
        self._over = False
        self._all_ended = asyncio.Event()

    def now(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._start

    def nik_of(self, question: int) -> str:
        """The number of the person a question is about."""
        return self._niks[self._questions[question].person]

    def request_of(self, question: int) -> bytes:
        """The bytes that ask it."""
        return self.target.request(self.nik_of(question), self._questions[question].village)

    async def run(self, start: float) -> Report:
        """Ask everything in its time, from `start` (monotonic seconds) on, and wait for the last try to end."""
        self._start = start
        before = time.process_time()
        for number, question in enumerate(self._questions):
            if (ahead := question.at - self.now()) > 0:
                await asyncio.sleep(ahead)
            self._late.append(self.now() - question.at)
            self._ask(number, 1)
        await asyncio.sleep(max(0.0, self.scenario.seconds - self.now()))
        self._over = True
        if self._under_way:
            await self._all_ended.wait()
        for line in tuple(self.idle):
            line.hang_up()
        late = sorted(self._late) or [0.0]
        cpu = (time.process_time() - before) / self.now()
        instrument = Instrument(late[len(late) * 99 // 100], late[-1], cpu, os.getloadavg()[0])
        return Report(self._tries, instrument)

    def ended(self, attempt: Try) -> None:
        """Note a try; a failed one is repeated after a pause while the run lasts."""
        self._tries.append(attempt)
        self._under_way -= 1
        if attempt.ending is not Ending.GOOD and attempt.number < self.scenario.tries:
            pause = self.scenario.pause * (0.5 + self._random.random())
            asyncio.get_running_loop().call_later(pause, self._ask, attempt.question, attempt.number + 1)
        if self._over and not self._under_way:
            self._all_ended.set()

    def _ask(self, question: int, number: int) -> None:
        if self._over:
            return
        self._under_way += 1
        Attempt(self, question, number).start()


async def work(order: Order) -> Report:
    """Wait for the start, then run."""
    load = Load(order)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    start = float(await asyncio.to_thread(sys.stdin.readline))
    await asyncio.sleep(max(0.0, start - time.monotonic()))
    return await load.run(start)


def main() -> None:
    """Read the order, carry it out, write the report."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Order)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(work(order))
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(report))


if __name__ == "__main__":
    main()
