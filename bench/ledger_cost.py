"""What the ledger adds to a cached look-up: processor time in one process, without server or socket, in turn.

The whole process's processor time is counted, its writing thread included, and each round ends with everything moved
into the ledger's database, so that no round pays for another's. Other work on the machine shows less than in rates; the
smallest and the middle round are told. The difference is what counts: beside the server's part,
which is the same for both, `bench/ledger.py` measures the ratio.

    python -m bench.ledger_cost [--lanes 32] [--rounds 60]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench.face_cost import PEOPLE, Call
from bench.reads import LOOKUP, body_of
from gateway.testing.stage import Stage

if TYPE_CHECKING:
    from gateway.wiring.gateway import Gateway

CALLS = 2_048


class Patient(Call):
    """A caller who stays until it is answered."""

    async def left(self) -> None:
        """Never."""
        await asyncio.Event().wait()


async def cost(gateway: Gateway, bodies: list[str], key: str, lanes: int, count: int) -> float:
    """Microseconds of processor time a look-up takes where so many are asked at once, so often each."""

    async def ask(body: str) -> None:
        call = Patient(LOOKUP, body, key)
        for _ in range(count):
            await gateway.public.serve(call)
            if call.status != 200:
                raise RuntimeError("answers were not good")
            await asyncio.sleep(0)  # as if the next one came from a socket

    began = time.process_time()
    await asyncio.gather(*(ask(bodies[lane % len(bodies)]) for lane in range(lanes)))
    if gateway.ledger is not None:
        await gateway.ledger.checkpoint()
    return (time.process_time() - began) / (lanes * count) * 1e6


def measure(lanes: int, rounds: int) -> dict[bool, list[float]]:
    """Microseconds of each round, with the ledger on and off."""
    found: dict[bool, list[float]] = {True: [], False: []}
    with ExitStack() as stack:
        stages = {}
        for enabled in found:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            config = f"[ledger]\nenabled = {str(enabled).lower()}\n"
            stage = stack.enter_context(Stage(folder, config=config))
            key, bodies = stage.add_client("bench"), [body_of(person.nik) for person in stage.people()[:PEOPLE]]
            for body in bodies:
                stage.run(cost(stage.gateway, [body], key, 1, 1))
            stages[enabled] = (stage, key, bodies)
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)  # as a serving process does
        for _round in range(rounds):
            for enabled, (stage, key, bodies) in stages.items():
                work = cost(stage.gateway, bodies, key, lanes, max(4, CALLS // lanes))
                found[enabled].append(stage.run(work))
    return found


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lanes", type=int, default=32)
    options.add_argument("--rounds", type=int, default=60)
    chosen = options.parse_args()
    found = measure(chosen.lanes, chosen.rounds)
    for name, of in (("smallest", min), ("middle", statistics.median)):
        on, off = of(found[True]), of(found[False])
        sys.stdout.write(f"{name}: on {on:.1f} µs, off {off:.1f} µs, the ledger {on - off:.1f} µs\n")


if __name__ == "__main__":
    main()
