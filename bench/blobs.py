"""Where the frames of files belong: what uploads cost in files and in a table, and what they cost hand-ins meanwhile.

    python -m bench.blobs [--seconds 4] [--write]

Files of 500 kB come in groups of 256 kB, as over HTTP, from eight senders at once; beside them 16 callers hand in small
forms, one after the other each. The first row of each database is the hand-ins alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import secrets
import statistics
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uvloop

from bench.machine import describe
from gateway.blobs.files import FilePieces
from gateway.blobs.pieces import TablePieces
from gateway.blobs.sealing import BlobSealer
from gateway.blobs.store import DatabaseBlobs
from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.messages import Priority
from gateway.contract.submissions import Subject, Submission
from gateway.database import Database
from gateway.database.migrate import migrate
from gateway.flows.attach import GROUP
from gateway.log import configure
from gateway.outbox.outbox import NewSubmission
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.testing.postgres import PostgresMissing, PostgresServer
from gateway.vault.keys import Keyring
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).with_name("results")
SIZE, SENDERS, CALLERS = 500_000, 8, 16
KEYRING = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32)
FORM = msgspec.Raw(msgspec.json.encode({"text": "x" * 1_400}))
CLOCK = SystemClock()


class Load:
    """Uploads and hand-ins against one database for some seconds."""

    def __init__(self, url: str, folder: Path | None, seconds: float) -> None:
        """Open it."""
        self.database = Database.open(url)
        pieces = TablePieces(self.database) if folder is None else FilePieces(self.database, folder, 0)
        self.blobs = DatabaseBlobs(self.database, pieces, BlobSealer(KEYRING, CLOCK.now), CLOCK)
        self.outbox = DatabaseOutbox(self.database, Sealer(KEYRING, CLOCK.now), CLOCK)
        self.until = time.perf_counter() + seconds
        self.waits: list[float] = []
        self.uploaded = 0
        self._numbers = count()

    async def hand_in(self) -> None:
        """One caller."""
        while (start := time.perf_counter()) < self.until:
            number = next(self._numbers)
            about = Subject(no_kk=f"35270301{number:08d}")
            submission = Submission("birth", 1, "3527032001", about, FORM)
            id_, told = new_id(CLOCK.now(), secrets.randbits), new_number(secrets.randbits)
            await self.outbox.accept(
                NewSubmission(id_, told, "bench", "r", "native", Priority.URGENT, f"k{number}", CLOCK.now(), submission)
            )
            self.waits.append(time.perf_counter() - start)

    async def upload(self, seed: int) -> None:
        """One sender."""
        rng = random.Random(seed)
        while time.perf_counter() < self.until:
            content = b"%PDF-" + rng.randbytes(SIZE - 5)
            name = hashlib.sha256(content).hexdigest()
            blob = await self.blobs.begin("bench", name, SIZE, 1 << 50)
            while blob.offset < SIZE:
                blob = await self.blobs.add(blob, content[blob.offset :][:GROUP], "application/pdf")
            if await self.blobs.finish(blob, name) is None:
                raise RuntimeError("a file was not itself")
            self.uploaded += SIZE

    async def run(self, senders: int) -> tuple[float, float, float, float, float]:
        """Hand-ins a second, their median and 99th percentile in ms, MB uploaded a second, CPU ms for each MB."""
        before, started = time.process_time(), time.perf_counter()
        await asyncio.gather(*(self.hand_in() for _ in range(CALLERS)), *(self.upload(seed) for seed in range(senders)))
        seconds, cpu = time.perf_counter() - started, time.process_time() - before
        await self.database.close()
        quantiles = statistics.quantiles(self.waits, n=100)
        megabytes = self.uploaded / 1e6
        each = cpu * 1000 / megabytes if megabytes else 0.0
        return len(self.waits) / seconds, quantiles[49] * 1000, quantiles[98] * 1000, megabytes / seconds, each


def places(folder: Path) -> Iterator[tuple[str, str, Path | None, int]]:
    """Name, URL, folder of files and senders of each row."""
    for number, (name, files, senders) in enumerate(
        (("hand-ins alone", None, 0), ("frames in files", folder / "blobs", SENDERS), ("in a table", None, SENDERS))
    ):
        yield f"SQLite FULL, {name}", f"sqlite:///{folder}/{number}.db", files, senders
    try:
        server = PostgresServer()
    except PostgresMissing:
        return
    with server:
        for name, senders in (("hand-ins alone", 0), ("frames in a table", SENDERS)):
            yield f"PostgreSQL (fsync off), {name}", server.new_database(), None, senders


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--write", action="store_true", help="also write bench/results/blobs.md")
    chosen = options.parse_args()
    configure("error", "json")
    lines = ["# Where the frames of files belong", "", describe(), ""]
    lines += ["| where | hand-ins/s | median, ms | p99, ms | MB/s uploaded | CPU ms for each MB, hand-ins included |"]
    lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as folder:
        for name, url, files, senders in places(Path(folder)):
            migrate(url)
            found = uvloop.run(Load(url, files, chosen.seconds).run(senders))
            lines.append(
                f"| {name} | {found[0]:,.0f} | {found[1]:.1f} | {found[2]:.1f} | {found[3]:.0f} | {found[4]:.1f} |"
            )
    text = "\n".join([*lines, ""])
    print(text)
    if chosen.write:
        (RESULTS / "blobs.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
