"""What the limiter and its queue cost: CPU time of a call that waits its turn, wake-up included.

    python -m bench.limiter_cost [--write]

So many askers that as many calls as a row says are always waiting, from 186 villages, before sixteen places at a
centre that answers in the next turn of the loop. The same askers straight at that centre are taken off: what is left
is the limiter's own work, with its future, its timer and the wake-up of the caller. Time is the processor's, not the
clock's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop

from bench.machine import describe
from gateway.centre.limiter import Limiter
from gateway.centre.link import carry
from gateway.contract.errors import Overloaded
from gateway.contract.messages import Answer, Call, CentreService, Priority, Question, Reply
from gateway.settings.centre import LimiterSettings
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from gateway.centre.link import Link

PLACES = 16
VILLAGES = 186
CALLS = 30_000
ROUNDS = 3
WAITING = (1_000, 10_000, 100_000)
CROWD = 250
"""Askers that come in one turn of the loop."""
DAY = 86_400.0
RESULTS = Path(__file__).with_name("results")


class NextTurn:
    """A centre that answers in the next turn of the loop."""

    def __init__(self) -> None:
        self._answer = Answer(Reply(CentreService.BIODATA, b"{}"), 0.0, "centre", 0.0)

    async def ask(self, _call: Call) -> Answer:
        """The same answer to everybody."""
        await asyncio.sleep(0)
        return self._answer


def calls(clock: SystemClock) -> list[Call]:
    """One call of each village, which has a day's time."""
    question = Question(service=CentreService.BIODATA, subject="3320010101900001")
    until = clock.monotonic() + DAY
    return [
        Call(question, "dinas", f"c{number}", f"v{number}", "native", Priority.COUNTER, until, "")
        for number in range(VILLAGES)
    ]


async def cost(link: Link, askers: int, made: list[Call]) -> float:
    """Microseconds of CPU time for each call of so many askers, each asking again and again.

    Raises:
        Overloaded: The machine stood still for so long that the limiter took the centre for away: no figure.
    """
    left = CALLS + 2 * askers
    began, over = 0.0, asyncio.Event()

    async def ask_on(call: Call) -> None:
        nonlocal left, began
        while left > 0:
            left -= 1
            if left == CALLS:
                began = time.process_time()
            await link.ask(carry(call))
            if not left:
                over.set()

    tasks = []
    for number in range(askers):
        tasks.append(asyncio.create_task(ask_on(made[number % VILLAGES])))
        if number % CROWD == 0:
            await asyncio.sleep(0)
    await over.wait()
    spent = time.process_time() - began
    await asyncio.gather(*tasks)
    return spent / CALLS * 1e6


async def measure(waiting: int) -> tuple[float, float]:
    """Microseconds for each call behind the limiter with so many waiting, and without the limiter."""
    clock = SystemClock()
    settings = LimiterSettings(initial=PLACES, maximum=PLACES, waiting=1_000_000)
    far = NextTurn()
    limiter = Limiter(far, settings, clock=clock, random=random.Random(1))
    behind = await cost(limiter, waiting + PLACES, calls(clock))
    return behind, await cost(far, PLACES, calls(clock))


def undisturbed(waiting: int) -> tuple[float, float] | None:
    """One round; None if the machine had too much else to do."""
    try:
        return uvloop.run(measure(waiting))
    except Overloaded:
        return None


def table() -> str:
    """The figures, as Markdown; the best of a few rounds, since anything else on the machine only adds."""
    rows = ["| waiting | a call, µs | of them the limiter's and queue's, µs |", "| ---: | ---: | ---: |"]
    gc.disable()
    for waiting in WAITING:
        rounds = [found for _ in range(ROUNDS) if (found := undisturbed(waiting))]
        if not rounds:
            rows.append(f"| {waiting:,} | – | – |")
            continue
        behind, without = (min(column) for column in zip(*rounds, strict=True))
        rows.append(f"| {waiting:,} | {behind:.1f} | {behind - without:.1f} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write bench/results/limiter_cost.md")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    found = table()
    print(found)
    if asked.write:
        about = (__doc__ or "").split("\n\n")
        page = f"# The cost of limiter and queue\n\n{describe()}\n\n{about[2].strip()}\n\n{found}\n"
        (RESULTS / "limiter_cost.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
