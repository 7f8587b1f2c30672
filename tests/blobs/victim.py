"""A process that uploads files into a store until it is killed; it tells of each offset once it is durable.

python -m tests.blobs.victim URL FOLDER SEED      FOLDER is `-` for a table
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from gateway.blobs.blobs import Moved
from gateway.database import Database
from tests.blobs.world import CALLER, MOST, file_of, name_of, stored
from tests.outbox.world import HandClock

SIZES = (70_000, 9, 131_072, 400_000, 65_536, 250_001)
"""Files that are uploaded, over and over in pieces cut anywhere."""


def content_of(place: int) -> bytes:
    """A file by its place."""
    return file_of(SIZES[place], seed=place)


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def main(url: str, folder: str, seed: int) -> None:
    """Upload for ever, all files at once."""
    rng = random.Random(seed)
    database = Database.open(url)
    blobs = stored(database, None if folder == "-" else Path(folder), HandClock())

    async def upload(place: int) -> None:
        content = content_of(place)
        name = name_of(content)
        while True:
            try:
                blob = await blobs.begin(CALLER, name, len(content), MOST)
                if blob.complete:
                    break
                if blob.offset < len(content):
                    piece = content[blob.offset :][: rng.randint(9, rng.choice((40, 5_000, 70_000)))]
                    blob = await blobs.add(blob, piece, "application/pdf")
                    say(f"{place} {blob.offset}")
                else:
                    assert await blobs.finish(blob, name) is not None
                    say(f"{place} whole")
            except Moved:
                continue

    await asyncio.gather(*(upload(place) for place in range(len(SIZES)) for _ in range(2)))
    say("done")
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
