"""A process that follows a centre until it is killed: `follower.py <url> <ids>`.

The ids are what the centre issues, in order. It prints `seen <seq>` before an event takes effect, `moved <id>` after it
was stored, and `done` once it read all.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.centre.write_replies import CentreDocument, CentreEvent, EventPage
from gateway.database import Database
from gateway.flows.follow import Follower
from gateway.outbox.follow_store import DatabaseFollowing
from gateway.outbox.sealing import Sealer
from gateway.wiring.clock import SystemClock
from tests.outbox.world import KEYRING, NIK

if TYPE_CHECKING:
    from gateway.centre.link import Trip

PAGE = 3
KINDS = ("akta_kelahiran", "kk", "kia")


class Far:
    """The centre's events: each submission issued, then a change of somebody."""

    def __init__(self, ids: list[str]) -> None:
        self.ids = ids

    async def events(self, _trip: Trip, after: int, _limit: int) -> EventPage:
        """A small page."""
        upto = min(after + PAGE, 2 * len(self.ids))
        return EventPage(tuple(map(self._event, range(after + 1, upto + 1))), upto, upto < 2 * len(self.ids))

    def _event(self, seq: int) -> CentreEvent:
        at = datetime.now(UTC)
        if seq % 2:
            documents = tuple(CentreDocument(kind, f"N{seq}", f"D{seq}{kind}") for kind in KINDS)
            return CentreEvent(seq, at, "issued", self.ids[seq // 2], f"SK{seq}", documents)
        return CentreEvent(seq, at, "change", nik=f"{int(NIK) + seq}", no_kk=NIK)


async def main(url: str, ids: list[str]) -> None:
    """Follow to the end."""
    clock = SystemClock()
    database = Database.open(url)
    following = DatabaseFollowing(database, Sealer(KEYRING, clock.now), clock)
    rng = random.Random(secrets.randbits(64))
    follower = Follower(following, Far(ids), lambda: {"sampang": ["sampang"]}, str.encode, clock, rng)
    follower.observe = lambda event: print(f"seen {event.seq}", flush=True)  # noqa: T201 # what the test reads
    follower.tell = lambda moved: print(f"moved {moved.id}", flush=True)  # noqa: T201 # the same
    while await following.cursor("sampang") < 2 * len(ids):
        await follower.turn()
    await follower.close()
    await database.close()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_text(encoding="ascii").split()))
