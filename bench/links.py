"""Where the time of an uncached look-up goes: CPU time per question, link by link, in one process.

    python -m bench.links [--write]

Each row drives the chain from that link inwards against a mock centre in another process, 32 questions at a time; the
difference between two rows is what the outer link costs. Threads (the cache's writer) are told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from bench.machine import describe
from gateway.contract.host import Asking
from gateway.contract.messages import Call, Caller, CentreService, Priority, Question
from gateway.log import configure
from gateway.mock_siak import start_process
from gateway.mock_siak.accounts import demo_password
from gateway.mock_siak.population import Population
from gateway.settings.loading import loads
from gateway.testing.processes import demo_rights
from gateway.wiring.clock import SystemClock
from gateway.wiring.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from gateway.centre.link import Link

QUESTIONS = 3_000
AT_ONCE = 32
RESULTS = Path(__file__).with_name("results")
CALLER = Caller(id="bench", name="bench", right="sampang")


async def cost(ask: Callable[[str], Awaitable[object]], niks: Iterator[str]) -> tuple[float, float]:
    """CPU time per question, microseconds: of the whole process, and of the loop's thread."""
    chosen = iter([next(niks) for _ in range(QUESTIONS)])

    async def one_after_another() -> None:
        for nik in chosen:
            await ask(nik)

    process, thread = time.process_time(), time.thread_time()
    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return (time.process_time() - process) / QUESTIONS * 1e6, (time.thread_time() - thread) / QUESTIONS * 1e6


def asking(link: Link) -> Callable[[str], Awaitable[object]]:
    """Ask a link about a resident."""

    def ask(nik: str) -> Awaitable[object]:
        question = Question(CentreService.BIODATA, nik)
        deadline = time.monotonic() + 10.0
        return link.ask(Call(question, "sampang", "bench", "", "native", Priority.COUNTER, deadline, "bench"))

    return ask


async def measure(centre: str, folder: str, niks: Iterator[str]) -> list[tuple[str, float, float]]:
    """Name, process and thread microseconds of each start."""
    environ = {
        "SIAK_GATEWAY_VAR": folder,
        "SIAK_GATEWAY_CENTRE_URL": centre,
        "SIAK_GATEWAY_SECRET_SAMPANG_PASSWORD": demo_password(1, "uji_beban"),
    }
    settings = loads(demo_rights({"uji_beban": "sampang"}), None, environ)
    gateway = await Gateway.open(settings, environ, SystemClock(), random.Random(1))
    chain = gateway.chain
    links = (chain.client, chain.breaker, chain.limiter, chain.allowance, chain.retry, chain.coalesce, chain.cache)
    try:
        await cost(asking(chain.client), niks)
        rows = [(type(link).__name__, *await cost(asking(link), niks)) for link in links]
        asker = gateway.generation.asker

        def ask(nik: str) -> Awaitable[object]:
            return asker.ask(CALLER, Question(CentreService.BIODATA, nik), Asking("pelayanan", request_id="bench"))

        return [*rows, ("the verb ask", *await cost(ask, niks))]
    finally:
        await gateway.close()


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true", help="also write bench/results/links.md")
    chosen = options.parse_args()
    configure("error")
    people = 40_000
    with start_process(population=people) as mock, tempfile.TemporaryDirectory() as folder:
        rows = uvloop.run(measure(mock.url, folder, iter(Population(people, 1).active())))
    table = "\n".join(f"| {name} | {process:.0f} | {thread:.0f} |" for name, process, thread in rows)
    text = (
        f"# Where the time of an uncached look-up goes\n\n{describe()}\n\nCPU µs per question, from that link inwards, "
        f"{AT_ONCE} at a time.\n\n| from | process | loop's thread |\n| --- | ---: | ---: |\n{table}\n"
    )
    print(text)
    if chosen.write:
        (RESULTS / "links.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
