"""A process that hands in and dispatches until it is killed: `victim.py <url> <centre.db> <first> <last> [<copy>]`.

With a folder for it, it keeps a second copy there, and begins once that is in step. It prints `accepted <key> <id>
<copies>` once a receipt may be given out, and `drained` once nothing is open. The centre is a file: it takes whatever
comes, as often as it comes, so that only asking first keeps anything from being doubled.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.receipts import new_id, new_number
from gateway.contract.errors import CentreTimeout
from gateway.contract.messages import Priority
from gateway.contract.submissions import Subject, Submission
from gateway.contract.submissions import SubmissionState as State
from gateway.database import Database, lineage
from gateway.database.second_copy import CopyPlace
from gateway.flows.dispatch import Dispatcher, Pace, Taken
from gateway.outbox.outbox import NewSubmission, Wanted
from gateway.outbox.sealing import Sealer
from gateway.outbox.store import DatabaseOutbox
from gateway.wiring.clock import SystemClock
from tests.outbox.world import KEYRING

if TYPE_CHECKING:
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Claimed

PACE = Pace(deadline=0.3, margin=0.2, widest=8, tend_every=0.02, closing=0.1)


class FileCentre:
    """The far end: one row for each effect, no matter how many."""

    def __init__(self, path: str) -> None:
        """Open it."""
        self.file = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        self.file.execute("PRAGMA journal_mode=WAL")
        self.file.execute("CREATE TABLE IF NOT EXISTS effects (reference TEXT NOT NULL)")
        self.rng = random.Random()

    def is_open(self, _lane: Lane) -> bool:
        """Always."""
        return True

    async def submit(self, claimed: Claimed, until: float) -> Taken:  # noqa: ARG002 # ended from outside
        """Take it; one answer in five is lost."""
        await asyncio.sleep(self.rng.uniform(0.0, 0.01))  # how far away it is
        self.file.execute("INSERT INTO effects VALUES (?)", (claimed.facts.id,))
        if self.rng.random() < 0.2:
            raise CentreTimeout
        await asyncio.sleep(self.rng.uniform(0.0, 0.01))
        return Taken("SK")

    async def find(self, claimed: Claimed, until: float) -> Taken | None:  # noqa: ARG002 # ended from outside
        """Whether it is there."""
        await asyncio.sleep(0.0)
        known = self.file.execute("SELECT 1 FROM effects WHERE reference = ?", (claimed.facts.id,)).fetchone()
        return None if known is None else Taken("SK")


async def main(url: str, centre: str, first: int, last: int, folder: str = "") -> None:
    """Hand in a range of keys, drain, and say so."""
    clock, database = SystemClock(), Database.open(url)
    if folder:
        owner = await database.read(lineage.installation)
        copy = database.keep_copy(CopyPlace(Path(folder), owner, same_device=True, patience=10.0))
        assert await asyncio.to_thread(copy.wait_until, "in_step", 30.0)
    outbox = DatabaseOutbox(database, Sealer(KEYRING, clock.now), clock)
    dispatcher = Dispatcher(outbox, FileCentre(centre), clock, random.Random(), PACE)
    moved = asyncio.Event()
    dispatcher.tell = lambda _moved: moved.set()
    running = asyncio.create_task(dispatcher.run())
    for number in range(first, last):
        subject = Subject(no_kk=f"352703010191{number % 7:04d}")
        form = msgspec.Raw(msgspec.json.encode({"number": number}))
        new = NewSubmission(
            id=new_id(time.time(), secrets.randbits, outbox.tail("desk000001", f"key-{number}", None)),
            number=new_number(secrets.randbits),
            caller="desk000001",
            right="sampang",
            adapter="native",
            priority=Priority.COUNTER,
            key=f"key-{number}",
            filed_at=time.time(),
            submission=Submission("birth", 1, "3527032001", subject, form),
        )
        accepted = await outbox.accept(new)
        print(f"accepted key-{number} {accepted.receipt.id} {accepted.receipt.copies}", flush=True)  # noqa: T201 # its parent reads it
        dispatcher.wake()
    while {facts.state for facts in await outbox.page(Wanted(limit=10_000))} != {State.DELIVERED}:
        await moved.wait()
        moved.clear()
    print("drained", flush=True)  # noqa: T201 # its parent reads it
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:]))
