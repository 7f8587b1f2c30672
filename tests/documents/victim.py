"""One process of many that print at once: run by `test_two_processes`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from gateway.contract.errors import Invalid
from gateway.documents.documents import PrintRequest
from tests.documents.world import CALLER, world_of


async def attempts(url: str, folder: Path | None, document: str, name: str, count: int) -> int:
    """Wait for a line, then try to print so many times at once; how many were permitted."""
    world = world_of(url, folder, seed=hash(name) & 0xFFFF)
    await world.documents.find(document)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    asked = PrintRequest(document, name, 1)
    tries = [world.documents.permit(asked, CALLER, f"{name}-{place}") for place in range(count)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    await world.database.close()
    strange = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, Invalid)]
    if strange:
        raise strange[0]
    return sum(not isinstance(one, BaseException) for one in outcomes)


if __name__ == "__main__":
    url_, folder_, document_, name_, count_ = sys.argv[1:]
    done = asyncio.run(attempts(url_, Path(folder_) if folder_ else None, document_, name_, int(count_)))
    sys.stdout.write(f"{done}\n")
