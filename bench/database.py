"""How many durable writes a second: grouped commits beside one commit for each request, and the disk's own fsync.

Run: `python bench/database.py [--seconds 3] [--waiting 64]`; PostgreSQL is measured where it is installed (with fsync
off, so only its protocol is measured). Prints one line for each way.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from gateway.database import BatchLimits, Database, Limits
from gateway.testing.postgres import PostgresMissing, PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA = sa.MetaData()
ROWS = sa.Table(
    "rows",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)
INSERT = sa.insert(ROWS).inline()
PAYLOAD = os.urandom(1500)


def insert(connection: sa.Connection) -> None:
    """One row of 1.5 kB, the size of a form."""
    connection.execute(INSERT, {"payload": PAYLOAD})


async def measure(url: str, *, size: int, waiting: int, seconds: float) -> tuple[float, float]:
    """Writes a second, and the 99th percentile of their time in milliseconds."""
    database = Database.open(url, limits=Limits(batch=BatchLimits(size=size)))
    await database.write(METADATA.create_all)
    times: list[float] = []
    until = time.perf_counter() + seconds

    async def write_on() -> None:
        while (began := time.perf_counter()) < until:
            await database.write(insert)
            times.append(time.perf_counter() - began)

    await asyncio.gather(*(write_on() for _ in range(waiting)))
    await database.close()
    return len(times) / seconds, statistics.quantiles(times, n=100)[98] * 1000


def fsync_milliseconds(folder: Path) -> float:
    """Median time of writing 4 kB and waiting for the disk."""
    times = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(PAYLOAD)
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def report(name: str, url: str, options: argparse.Namespace) -> None:
    """Measure both ways on one database and print them."""
    for way, size in (("one commit each", 1), ("grouped", 256)):
        rate, slowest = asyncio.run(measure(url, size=size, waiting=options.waiting, seconds=options.seconds))
        print(f"{name:<12} {way:<16} {rate:>9,.0f} rows/s   p99 {slowest:7.1f} ms")


def postgres_urls() -> Iterator[str]:
    """One new database, if there is a server to start."""
    try:
        server = PostgresServer()
    except PostgresMissing as missing:
        print(f"PostgreSQL left out: {missing}")
        return
    with server:
        yield server.new_database()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each way")
    parser.add_argument("--waiting", type=int, default=64, help="writers at once")
    parser.add_argument("--folder", type=Path, help="where the SQLite file is made; default: the temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        print(f"fdatasync of this disk: {fsync_milliseconds(folder):.2f} ms")
        report("SQLite FULL", f"sqlite:///{folder}/bench.db", options)
    for url in postgres_urls():
        report("PostgreSQL", url, options)


if __name__ == "__main__":
    main()
