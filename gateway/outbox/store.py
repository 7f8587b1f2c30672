"""The outbox in a database: one code over SQLite and PostgreSQL.

Everything is written through `Database.write`, so that all that waits shares a transaction and a commit. The ring over
the lanes is in memory: a hint that costs nothing to lose. It is rebuilt when it is empty or old, but never so often
that rebuilding takes more than a twentieth of the time.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import msgspec

from gateway.catalogue.receipts import made_at
from gateway.contract.errors import Conflict, IdempotencyMismatch
from gateway.contract.submissions import Receipt
from gateway.database.wrapped_keys import wrap_anew
from gateway.outbox import (
    accept_rows,
    ageing,
    claim_rows,
    doubt_rows,
    end_rows,
    follow_rows,
    move_rows,
    read_rows,
    retention_rows,
    stray_rows,
)
from gateway.outbox.accept_rows import Prepared
from gateway.outbox.lanes import Ring
from gateway.outbox.outbox import Accepted, Claimed, Switch
from gateway.outbox.tables import CONTENT_KEYS, OUTCOME_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import sqlalchemy as sa

    from gateway.contract.host import Clock
    from gateway.contract.submissions import Move, Submission, Waiting
    from gateway.database import Database
    from gateway.outbox.accept_rows import Taken
    from gateway.outbox.claim_rows import Content
    from gateway.outbox.following import IssuedPapers
    from gateway.outbox.lanes import Lane
    from gateway.outbox.outbox import Act, Aged, Ending, Facts, Mode, NewSubmission, Scope, Wanted
    from gateway.outbox.sealing import Sealer
    from gateway.outbox.subject_rows import Readied

RESCAN = 1.0
"""Seconds after which the ring is old: what other processes made claimable is noticed within them."""

_SHARE = 20.0


class DatabaseOutbox:
    """The outbox of one database; several processes may share it.

    Args:
        database: Migrated.
        sealer: Seals and opens what was handed in.
        clock: The gateway's clock; leases are on the database's own.
        papers: Told of what was issued of submissions that are adopted; None for nobody.
    """

    def __init__(self, database: Database, sealer: Sealer, clock: Clock, papers: IssuedPapers | None = None) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._papers = papers
        self._ring = Ring()
        self._guard = threading.Lock()
        self._claiming = asyncio.Lock()
        self._switches: tuple[Switch, ...] = ()
        self._rescan_at = -inf

    async def accept(self, new: NewSubmission) -> Accepted:
        """See `Outbox.accept`."""
        taken, copies = await self._take(new)
        if taken.stray not in {None, taken.id}:
            filed_at = min(new.filed_at, made_at(taken.stray))
            taken, copies = await self._take(msgspec.structs.replace(new, id=taken.stray, filed_at=filed_at))
        if taken.mismatch == "key":
            raise IdempotencyMismatch
        if taken.mismatch == "origin":
            raise Conflict("This origin_id was handed in before with other content.")
        if taken.fresh:
            self._note((taken.readied,))
            return Accepted(Receipt(new.id, new.number, new.filed_at, new.state, copies), fresh=True)
        known = await self._database.read(lambda connection: read_rows.find(connection, taken.id))
        if known is None:
            raise Conflict("This Idempotency-Key belongs to a submission that is not here any more.")
        return Accepted(msgspec.structs.replace(known.receipt, copies=copies), fresh=False)

    def tail(self, caller: str, key: str, origin_id: str | None) -> int:
        """See `Outbox.tail`."""
        return self._sealer.tail(caller, key, origin_id)

    async def claim(self, want: int, lease: float, is_open: Callable[[Lane], bool]) -> list[Claimed]:
        """See `Outbox.claim`."""
        async with self._claiming:
            await self._renew_ring()
            if not len(self._ring):
                return []
            held = {(switch.scope, switch.name) for switch in self._switches}

            def may_go(lane: Lane) -> bool:
                parts = {("adapter", lane.adapter), ("service", lane.service), ("village", lane.village)}
                return held.isdisjoint(parts) and is_open(lane)

            now = self._clock.now()
            marked = await self._database.write(partial(self._claim, want=want, lease=lease, now=now, may_go=may_go))
        return [self._opened(facts, content) for facts, content in marked]

    async def finish(self, claimed: Claimed, ending: Ending) -> Facts | None:
        """See `Outbox.finish`."""
        now = self._clock.now()
        ended = await self._database.write_shared(end_rows.finish, end_rows.End(claimed, ending, now))
        if ended is None:
            return None
        facts, readied = ended
        self._note((readied,))
        return facts

    async def hand_back(self, claimed: Claimed, not_before: float) -> bool:
        """See `Outbox.hand_back`."""
        now = self._clock.now()
        ended, readied = await self._database.write(
            lambda connection: move_rows.hand_back(connection, claimed, not_before, now)
        )
        self._note((readied,))
        return ended

    async def expire(self) -> int:
        """See `Outbox.expire`."""
        if not await self._database.read(claim_rows.overdue):
            return 0
        now = self._clock.now()
        ended, readied = await self._database.write(lambda connection: move_rows.expire(connection, now))
        self._note(readied)
        return ended

    async def inherit(self) -> int:
        """See `Outbox.inherit`."""
        count, now = 0, self._clock.now()
        while await self._database.read(claim_rows.running):
            ended, readied = await self._database.write(
                lambda connection: move_rows.expire(connection, now, claim_rows.running)
            )
            self._note(readied)
            count += ended
        return count

    async def wake(self) -> None:
        """See `Outbox.wake`."""
        now = self._clock.now()
        while await self._database.read(lambda connection: claim_rows.is_due(connection, now)):
            self._note(await self._database.write(lambda connection: claim_rows.wake(connection, now)))

    async def decide(self, id_: str, ending: Ending, actor: str) -> Facts:
        """See `Outbox.decide`."""
        now = self._clock.now()
        facts, readied = await self._database.write(
            lambda connection: move_rows.decide(connection, id_, ending, actor, now)
        )
        self._note((readied,))
        return facts

    async def act(self, id_: str, act: Act, actor: str, reason: str = "") -> Facts:
        """See `Outbox.act`."""
        now = self._clock.now()
        facts, readied = await self._database.write(
            lambda connection: move_rows.act(connection, id_, act, actor, reason, now)
        )
        self._note((readied,))
        return facts

    async def correct(self, id_: str, submission: Submission, files: tuple[str, ...], actor: str) -> Facts:
        """See `Outbox.correct`."""
        now = self._clock.now()
        content = move_rows.Correction(*self._sealer.seal(id_, submission), files)
        after = await self._database.write(lambda connection: move_rows.correct(connection, id_, content, actor, now))
        self._database.unscrubbed = True  # the content of before
        return after

    async def find(self, id_: str) -> Facts | None:
        """See `Outbox.find`."""
        return await self._database.read(lambda connection: read_rows.find(connection, id_))

    async def read(self, id_: str) -> Submission | None:
        """See `Outbox.read`."""
        content = await self._database.read(lambda connection: read_rows.content(connection, id_))
        return None if content is None else self._sealer.open_(id_, *content)

    async def moves(self, id_: str) -> tuple[Move, ...]:
        """See `Outbox.moves`."""
        return await self._database.read(lambda connection: read_rows.moves(connection, id_))

    async def page(self, wanted: Wanted) -> tuple[Facts, ...]:
        """See `Outbox.page`."""
        return await self._database.read(lambda connection: read_rows.page(connection, wanted))

    async def place(self, id_: str) -> int | None:
        """See `Outbox.place`."""
        return await self._database.read(lambda connection: read_rows.place(connection, id_))

    async def ahead(self, id_: str) -> int | None:
        """See `Outbox.ahead`."""
        return await self._database.read(lambda connection: read_rows.ahead(connection, id_))

    async def ageing(self, now: float) -> tuple[Aged, ...]:
        """See `Outbox.ageing`."""
        return await self._database.read(lambda connection: ageing.count(connection, now))

    async def waiting(self) -> tuple[Waiting, ...]:
        """See `Outbox.waiting`."""
        return await self._database.read(read_rows.waiting)

    async def switch(self, scope: Scope, name: str, mode: Mode | None, actor: str, reason: str = "") -> None:
        """See `Outbox.switch`."""
        if mode is None:
            await self._database.write(lambda connection: move_rows.unswitch(connection, scope, name))
        else:
            wanted = Switch(scope, name, mode, actor, reason, self._clock.now())
            await self._database.write(lambda connection: move_rows.switch(connection, wanted))
        self._rescan_at = -inf

    async def switches(self) -> tuple[Switch, ...]:
        """See `Outbox.switches`."""
        return await self._database.read(read_rows.switches)

    async def doubt(self) -> int:
        """See `Outbox.doubt`."""
        now = self._clock.now()
        count = await self._database.write(lambda connection: doubt_rows.doubt(connection, now))
        self._rescan_at = -inf
        return count

    async def forget_keys(self, before: float) -> int:
        """See `Outbox.forget_keys`."""
        return await self._database.write(lambda connection: doubt_rows.forget_keys(connection, before))

    async def shred(self, before: float) -> int:
        """See `Outbox.shred`."""
        count = 0
        while ids := await self._database.read(lambda connection: retention_rows.due(connection, before)):
            count += await self._database.write(partial(retention_rows.shred, ids=ids))
        return count + await self._database.write(lambda connection: stray_rows.forget(connection, before))

    async def rewrap(self) -> int:
        """Wrap the keys of contents and outcomes that an older master sealed anew, under the present one; how many.

        What cannot be opened stays as it is. Afterwards the older masters can be dropped (`keys drop`).

        Raises:
            StorageUnavailable: It could not be read or written.
        """
        ways = ((CONTENT_KEYS, self._sealer.rewrap), (OUTCOME_KEYS, self._sealer.rewrap_outcome))
        return sum([await wrap_anew(self._database, keys, self._sealer.master, rewrap) for keys, rewrap in ways])

    async def _take(self, new: NewSubmission) -> tuple[Taken, int]:
        """Store a hand-in if it is new; what became of it, and in how many copies."""
        now = self._clock.now()
        wrapped, sealed = self._sealer.seal(new.id, new.submission)
        hand_in = Prepared(new, self._sealer.marks(new), wrapped, sealed, now)

        def work(connection: sa.Connection) -> Taken:
            taken = accept_rows.accept(connection, hand_in)
            if taken.id and taken.stray == taken.id:
                follow_rows.adopt(connection, taken.id, self._sealer, now, self._papers)
            return taken

        return await self._database.write_kept(work)

    def _claim(
        self, connection: sa.Connection, *, want: int, lease: float, now: float, may_go: Callable[[Lane], bool]
    ) -> list[tuple[Facts, Content | None]]:
        """Work of a claim; begun anew, it finds in the ring what is left there, and the rest after the next scan."""
        taken: dict[str, claim_rows.Head] = {}
        with self._guard:
            while len(taken) < want and (turn := self._ring.pick(may_go)) is not None:
                heads, following = claim_rows.take(connection, turn, want - len(taken), taken)
                self._ring.took(turn, len(heads), following)
                taken.update((head.id, head) for head in heads)
        return claim_rows.mark(connection, list(taken.values()), lease, now) if taken else []

    async def _renew_ring(self) -> None:
        started = self._clock.monotonic()
        if len(self._ring) and started < self._rescan_at:
            return
        heads = await self._database.read(claim_rows.heads)
        self._switches = await self._database.read(read_rows.switches)
        with self._guard:
            self._ring.replace(heads)
        now = self._clock.monotonic()
        self._rescan_at = now + max(RESCAN, _SHARE * (now - started))

    def _note(self, readied: Iterable[Readied | None]) -> None:
        with self._guard:
            for each in readied:
                if each is not None:
                    self._ring.note(*each)

    def _opened(self, facts: Facts, content: Content | None) -> Claimed:
        submission = None if content is None else self._sealer.open_(facts.id, *content)
        return Claimed(facts, facts.tries, submission)
