"""What a whole claim costs (lease, move, content read and decrypted) while a thousand or a million wait.

    python -m bench.claiming [--many 1000000] [--write]

744 lanes over 186 villages, claimed 32 at a time in order of filing, from SQLite and from PostgreSQL (with fsync off),
there also while another session keeps a transaction open that still sees everything.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from bench.machine import describe
from gateway.contract.submissions import Subject, Submission
from gateway.database import Database
from gateway.database.engine import Tuning, make_engine, parse_url
from gateway.database.migrate import migrate
from gateway.log import configure
from gateway.outbox.lanes import Lane
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.outbox.tables import MOVES, PAYLOADS, READY, SUBMISSIONS
from gateway.testing.postgres import PostgresMissing, PostgresServer
from gateway.vault.keys import Keyring
from gateway.wiring.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

RESULTS = Path(__file__).with_name("results")
VILLAGES, SERVICES = 186, ("birth", "death", "kk_change", "ktp")
BATCH, CLAIMED, ROUNDS, CHUNK = 32, 900, 5, 20_000
KEYRING = Keyring(masters={1: b"m" * 32}, index=b"i" * 32, pepper=b"p" * 32)
FORM = msgspec.Raw(msgspec.json.encode({"text": "x" * 1_400}))


def rows(total: int, sealer: Sealer) -> Iterator[tuple[dict[str, Any], ...]]:
    """Submission, payload, first move and place in `ready` of each; only what will be claimed has true content."""
    filler = os.urandom(200)
    for number in range(total):
        id_ = f"01900000-0000-7000-8000-{number:012d}"
        village, service = f"3527{number % VILLAGES:06d}", SERVICES[number // VILLAGES % len(SERVICES)]
        lane, seq, subject = Lane(1, "native", service, village).key, number * 1000, number.to_bytes(16)
        wrapped, sealed = filler, filler
        if number < (CLAIMED + 2 * BATCH) * (ROUNDS + 1) * 2:
            submission = Submission(service, 1, village, Subject(no_kk=f"35270301{number:08d}"), FORM)
            wrapped, sealed = sealer.seal(id_, submission)
        facts: dict[str, Any] = {
            "id": id_,
            "number": f"n{number}",
            "caller": "bench",
            "right_name": "sampang",
            "adapter": "native",
        }
        facts |= {"service": service, "village": village, "priority": 1, "lane": lane, "filed_at": seq / 1e6}
        state = {"seq": seq, "subject": subject, "content": b"", "state": "queued", "state_at": 0.0, "reason": ""}
        flags = {"rank": 1, "held": False, "claimed": False, "uncertain": False, "tries": 0, "failures": 0, "moves": 1}
        move = {"submission": id_, "number": 1, "at": 0.0, "after": "queued", "actor": "bench", "reason": ""}
        yield (
            {**facts, **state, **flags},
            {"submission": id_, "wrapped_key": wrapped, "sealed": sealed},
            move,
            {"lane": lane, "seq": seq, "submission": id_, "subject": subject},
        )


def fill(url: str, total: int, sealer: Sealer) -> None:
    """Put so many into an empty outbox."""
    migrate(url)
    engine = make_engine(parse_url(url), Tuning(durable=False, statement_seconds=600.0))
    tables = (SUBMISSIONS, PAYLOADS, MOVES, READY)
    made = rows(total, sealer)
    while chunk := [row for row, _place in zip(made, range(CHUNK), strict=False)]:
        with engine.begin() as connection:
            for place, table in enumerate(tables):
                connection.execute(sa.insert(table), [row[place] for row in chunk])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


async def claim_all(outbox: DatabaseOutbox, wanted: int) -> float:
    """Microseconds for each of so many claims, ring and commits included."""
    claimed = await outbox.claim(BATCH, 600.0, lambda _lane: True)
    began, done = time.perf_counter(), 0
    while done < wanted:
        claimed = await outbox.claim(BATCH, 600.0, lambda _lane: True)
        if not claimed or any(one.submission is None for one in claimed):
            raise RuntimeError("nothing to claim, or it cannot be opened")
        done += len(claimed)
    return (time.perf_counter() - began) / done * 1e6


@asynccontextmanager
async def opened(url: str, sealer: Sealer) -> AsyncIterator[DatabaseOutbox]:
    """The outbox of a database, its ring built and its connections open."""
    database = Database.open(url)
    try:
        outbox = DatabaseOutbox(database, sealer, SystemClock())
        await outbox.claim(1, 600.0, lambda _lane: True)
        yield outbox
    finally:
        await database.close()


async def rounds(few: Sequence[str], many: str, sealer: Sealer) -> tuple[float, float]:
    """Median cost of some rounds with few waiting and with many, in turn, so that both meet the same machine.

    With many the gateway has been running for a while: every lane was claimed from once.
    """
    found = []
    async with opened(many, sealer) as crowded:
        await claim_all(crowded, CLAIMED)
        for one in few:
            async with opened(one, sealer) as empty:
                found.append((await claim_all(empty, CLAIMED), await claim_all(crowded, CLAIMED)))
    return statistics.median(one for one, _ in found), statistics.median(other for _, other in found)


def filled(new_url: Callable[[], str], waiting: int, sealer: Sealer) -> tuple[list[str], str]:
    """Databases with a thousand waiting, one for each round, and one with many."""
    few, many = [new_url() for _ in range(ROUNDS)], new_url()
    for url in few:
        fill(url, 1_000, sealer)
    fill(many, waiting, sealer)
    return few, many


def beside_a_reader(urls: Sequence[str], stack: ExitStack) -> None:
    """Open a transaction in each database that goes on seeing everything as it is now."""
    for url in urls:
        engine = make_engine(parse_url(url), Tuning(), read_only=True)
        stack.callback(engine.dispose)
        connection = stack.enter_context(engine.connect().execution_options(isolation_level="REPEATABLE READ"))
        connection.execute(sa.select(READY.c.seq).limit(1)).scalar_one()


def table(waiting: int) -> Iterator[tuple[str, float, float]]:
    """Name, cost with a thousand waiting, cost with many."""
    sealer = Sealer(KEYRING, time.time)
    with tempfile.TemporaryDirectory() as folder:
        numbers = count()
        few, many = filled(lambda: f"sqlite:///{folder}/{next(numbers)}.db", waiting, sealer)
        yield "SQLite", *asyncio.run(rounds(few, many, sealer))
    try:
        server = PostgresServer()
    except PostgresMissing as missing:
        print(f"PostgreSQL left out: {missing}")
        return
    with server, ExitStack() as stack:
        few, many = filled(server.new_database, waiting, sealer)
        yield "PostgreSQL", *asyncio.run(rounds(few, many, sealer))
        again = [server.new_database() for _ in few]
        for url in again:
            fill(url, 1_000, sealer)
        beside_a_reader([*again, many], stack)
        yield "PostgreSQL beside a long reader", *asyncio.run(rounds(again, many, sealer))


def main() -> None:
    """Measure and tell."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--many", type=int, default=1_000_000, help="how many wait in the second column")
    options.add_argument("--write", action="store_true", help="also write bench/results/claiming.md")
    chosen = options.parse_args()
    configure("error")
    lines = "\n".join(
        f"| {name} | {few:.0f} | {lots:.0f} | {lots / few:.2f} |" for name, few, lots in table(chosen.many)
    )
    text = (
        f"# What a whole claim costs\n\n{describe()}\n\nµs for each submission, {BATCH} at a time: lease, move, "
        f"content read and decrypted, commit.\n\n| | 1,000 waiting | {chosen.many:,} waiting | ratio |\n"
        f"| --- | ---: | ---: | ---: |\n"
        f"{lines}\n"
    )
    print(text)
    if chosen.write:
        (RESULTS / "claiming.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
