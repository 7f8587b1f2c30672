"""The outbox in memory, for tests: the same promises, proven by the same suite, and nothing survives it.

It is written without regard to speed: each question is answered by looking at everything.
"""

from __future__ import annotations

import hashlib
from math import inf
from typing import TYPE_CHECKING

import msgspec

from gateway.blobs.blobs import absent
from gateway.catalogue.receipts import TAIL, made_at, read_id, read_number, tail_of
from gateway.contract.errors import Conflict, IdempotencyMismatch, Invalid
from gateway.contract.submissions import Move, Waiting
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.accept_rows import facts_of, lane_key
from gateway.outbox.ageing import count_of
from gateway.outbox.claim_rows import LEASE_OVER
from gateway.outbox.lanes import Ring, lane_of
from gateway.outbox.move_rows import CORRECTED, MAY_BE_SENT, TOO_LATE, changes_of
from gateway.outbox.moves import CLAIMABLE, DOUBTED, ENDS, OPEN, RESTORED, check, retried
from gateway.outbox.outbox import Accepted, Claimed, Switch
from gateway.testing.memory_rows import Kept, Rows, may_be_there, order_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.contract.host import Clock
    from gateway.contract.messages import Priority
    from gateway.contract.submissions import Submission
    from gateway.outbox.following import Stray
    from gateway.outbox.lanes import Lane, Turn
    from gateway.outbox.outbox import Act, Aged, Ending, Facts, Mode, NewSubmission, Scope, Wanted
    from gateway.testing.memory_blobs import MemoryBlobs


class MemoryOutbox:
    """The outbox in memory.

    Args:
        clock: The clock of everything, leases included.
        blobs: Where the files of submissions are; none are looked for if left out.

    Attributes:
        rows: What it holds.
        strays: What the centre has and this outbox lost, by id.
        adopt: Called with the id of a stray that was handed in again.
    """

    def __init__(self, clock: Clock, blobs: MemoryBlobs | None = None) -> None:
        self._clock = clock
        self._blobs = blobs
        self.rows = Rows(clock)
        self._keys: dict[tuple[str, str], tuple[str, Submission, str]] = {}
        self._switches: dict[tuple[str, str], Switch] = {}
        self._ring = Ring()
        self.strays: dict[str, Stray] = {}
        self.adopt: Callable[[str], None] = self.strays.__delitem__

    async def accept(self, new: NewSubmission) -> Accepted:
        """See `Outbox.accept`."""
        check(None, new.state)
        known = self._keys.get((new.caller, new.key))
        if known is not None:
            id_, submission, adapter = known
            if (submission, adapter) != (new.submission, new.adapter):
                raise IdempotencyMismatch
            return Accepted(self.rows.of(id_).facts.receipt, fresh=False)
        twin = self._of_origin(new.submission.origin_id)
        if twin is not None and (twin.handed_in, twin.adapter) != (new.submission, new.adapter):
            raise Conflict("This origin_id was handed in before with other content.")
        stray = next((one for one in self.strays if tail_of(one) == tail_of(new.id)), None)
        if twin is None:
            if stray is not None:
                new = msgspec.structs.replace(new, id=stray, filed_at=min(new.filed_at, made_at(stray)))
            self._take_files(new)
            self._keep(new)
            if stray is not None:
                self.adopt(stray)
        id_ = new.id if twin is None else twin.facts.id
        self._keys[new.caller, new.key] = (id_, new.submission, new.adapter)
        return Accepted(self.rows.of(id_).facts.receipt, fresh=twin is None and stray is None)

    def tail(self, caller: str, key: str, origin_id: str | None) -> int:
        """See `Outbox.tail`; here it could be guessed."""
        told = repr(origin_id or (caller, key)).encode()
        return int.from_bytes(hashlib.sha256(told).digest()[:8]) >> (64 - TAIL)

    async def claim(self, want: int, lease: float, is_open: Callable[[Lane], bool]) -> list[Claimed]:
        """See `Outbox.claim`."""

        def may_go(lane: Lane) -> bool:
            parts = {("adapter", lane.adapter), ("service", lane.service), ("village", lane.village)}
            return parts.isdisjoint(self._switches) and is_open(lane)

        claims: list[Claimed] = []
        self._ring.replace(self.rows.heads())
        while len(claims) < want and (turn := self._ring.pick(may_go)) is not None:
            claims.append(self._take(turn, lease))
            self._ring.took(turn, 1, self.rows.heads().get(turn.lane))
        return claims

    async def finish(self, claimed: Claimed, ending: Ending) -> Facts | None:
        """See `Outbox.finish`."""
        kept = self.rows.fenced(claimed)
        if kept is None:
            return None
        changes = changes_of(kept.facts, ending)
        if ending.after is not kept.facts.state:
            check(kept.facts.state, ending.after)
            self.rows.move(kept, ending.after, "dispatcher", ending.reason)
        self.rows.change(kept, changes)
        return kept.facts

    async def hand_back(self, claimed: Claimed, not_before: float) -> bool:
        """See `Outbox.hand_back`."""
        kept = self.rows.fenced(claimed)
        if kept is None:
            return False
        if kept.facts.state is State.SENDING:
            self.rows.unmove(kept)
        self.rows.change(kept, {"claimed": False, "not_before": not_before})
        return True

    async def expire(self) -> int:
        """See `Outbox.expire`."""
        return self._expire(self._clock.now())

    async def inherit(self) -> int:
        """See `Outbox.inherit`."""
        return self._expire(inf)

    def _expire(self, now: float) -> int:
        over = [one for one in self.rows if one.facts.claimed and one.lease_until < now]
        for kept in over:
            if kept.facts.state is State.SENDING:
                self.rows.move(kept, State.UNKNOWN, "gateway", LEASE_OVER)
            self.rows.change(kept, {"claimed": False})
        return len(over)

    async def wake(self) -> None:
        """See `Outbox.wake`; nothing to do: what may be claimed is worked out anew each time."""

    async def decide(self, id_: str, ending: Ending, actor: str) -> Facts:
        """See `Outbox.decide`."""
        kept = self.rows.of(id_)
        if kept.facts.state is not ending.after:
            if kept.facts.claimed:
                raise Conflict("It is on its way to the centre just now.")
            check(kept.facts.state, ending.after)
            changes = changes_of(kept.facts, ending)
            self.rows.move(kept, ending.after, actor, ending.reason)
            self.rows.change(kept, changes)
        return kept.facts

    async def act(self, id_: str, act: Act, actor: str, reason: str = "") -> Facts:
        """See `Outbox.act`."""
        kept = self.rows.of(id_)
        facts = kept.facts
        if act == "cancel":
            if facts.claimed or may_be_there(kept):
                raise Conflict(MAY_BE_SENT)
            check(facts.state, State.CANCELLED)
            self.rows.move(kept, State.CANCELLED, actor, reason)
            self.rows.change(kept, {"held": False, "not_before": None})
        elif act == "retry":
            self._retry(kept, actor, reason)
        else:
            if facts.state in ENDS or facts.state is State.DELIVERED:
                raise Conflict(f"A submission that is {facts.state} needs no hold.")
            held = act == "hold"
            if facts.held is not held:
                self.rows.move(kept, facts.state, actor, reason or act)
                self.rows.change(kept, {"held": held})
        return kept.facts

    async def correct(self, id_: str, submission: Submission, files: tuple[str, ...], actor: str) -> Facts:
        """See `Outbox.correct`."""
        kept = self.rows.of(id_)
        if kept.facts.state is not State.QUEUED or any(move.after is State.SENDING for move in kept.moves):
            raise Conflict(TOO_LATE)
        if self._blobs is not None:
            taken = self._blobs.take(id_, files)
            if "" in taken:
                raise Invalid(faults=tuple(absent(taken)))
        kept.content = submission
        self.rows.move(kept, kept.facts.state, actor, CORRECTED)
        return kept.facts

    async def find(self, id_: str) -> Facts | None:
        """See `Outbox.find`."""
        names = (read_id(id_), read_number(id_))
        found = (one.facts for one in self.rows if one.facts.id in names or one.facts.number in names)
        return next(found, None)

    async def read(self, id_: str) -> Submission | None:
        """See `Outbox.read`."""
        kept = self.rows.get(id_)
        return None if kept is None else kept.content

    async def moves(self, id_: str) -> tuple[Move, ...]:
        """See `Outbox.moves`."""
        kept = self.rows.get(id_)
        return () if kept is None else tuple(kept.moves)

    async def page(self, wanted: Wanted) -> tuple[Facts, ...]:
        """See `Outbox.page`."""
        names = [name for name in ("caller", "state", "service", "village") if getattr(wanted, name) is not None]
        chosen = [
            one.facts
            for one in self.rows
            if all(getattr(one.facts, name) == getattr(wanted, name) for name in names)
            and (wanted.after is None or one.facts.id > wanted.after)
            and (wanted.before is None or one.facts.id < wanted.before)
        ]
        return tuple(sorted(chosen, key=lambda facts: facts.id, reverse=True)[: wanted.limit])

    async def place(self, id_: str) -> int | None:
        """See `Outbox.place`."""
        kept = self.rows.get(id_)
        if kept is None or kept.facts.state not in OPEN:
            return None
        own = kept.facts
        beside = [one for one in self.rows if one.facts.state in OPEN]
        beside = [one for one in beside if (one.facts.village, one.facts.priority) == (own.village, own.priority)]
        return sum(1 for one in beside if order_of(one) < order_of(kept)) + 1

    async def ahead(self, id_: str) -> int | None:
        """See `Outbox.ahead`."""
        kept = self.rows.get(id_)
        if kept is None or kept.facts.state is not State.QUEUED or kept.facts.held:
            return None
        moving = {State.QUEUED, State.SENDING, State.UNKNOWN}
        others = [one for one in self.rows if one.facts.state in moving and not one.facts.held]
        own = (kept.facts.priority, *order_of(kept))
        return sum(1 for one in others if (one.facts.priority, *order_of(one)) < own)

    async def ageing(self, now: float) -> tuple[Aged, ...]:
        """See `Outbox.ageing`."""
        return count_of((one.facts for one in self.rows), now)

    async def waiting(self) -> tuple[Waiting, ...]:
        """See `Outbox.waiting`."""
        filed: dict[Priority, list[float]] = {}
        for kept in self.rows:
            if kept.facts.state in OPEN:
                filed.setdefault(kept.facts.priority, []).append(kept.facts.filed_at)
        return tuple(Waiting(priority, len(filed[priority]), min(filed[priority])) for priority in sorted(filed))

    async def switch(self, scope: Scope, name: str, mode: Mode | None, actor: str, reason: str = "") -> None:
        """See `Outbox.switch`."""
        if mode is None:
            self._switches.pop((scope, name), None)
        else:
            self._switches[scope, name] = Switch(scope, name, mode, actor, reason, self._clock.now())

    async def switches(self) -> tuple[Switch, ...]:
        """See `Outbox.switches`."""
        return tuple(self._switches[place] for place in sorted(self._switches))

    async def doubt(self) -> int:
        """See `Outbox.doubt`."""
        count = 0
        for kept in sorted(self.rows, key=order_of):
            state = kept.facts.state
            if state in DOUBTED:
                self.rows.move(kept, State.UNKNOWN, "gateway", RESTORED)
                count += 1
            if state in OPEN or state in DOUBTED:
                self.rows.change(kept, {"claimed": False, "uncertain": True, "not_before": None})
        return count

    async def forget_keys(self, before: float) -> int:
        """See `Outbox.forget_keys`."""
        over = [
            place
            for place, (id_, _submission, _adapter) in self._keys.items()
            if self.rows.of(id_).facts.state in ENDS and self.rows.of(id_).moves[0].at < before
        ]
        for place in over:
            del self._keys[place]
        return len(over)

    async def shred(self, before: float) -> int:
        """See `Outbox.shred`."""
        over = [one for one in self.rows if one.content is not None and one.facts.state in ENDS]
        over = [one for one in over if one.facts.state_at < before]
        for one in over:
            one.content = None
            if self._blobs is not None:
                self._blobs.release(one.facts.id)
        return len(over)

    def _take_files(self, new: NewSubmission) -> None:
        if self._blobs is None:
            return
        taken = self._blobs.take(new.id, new.files)
        if "" in taken:
            raise Invalid(faults=tuple(absent(taken)))

    def _keep(self, new: NewSubmission) -> None:
        now = self._clock.now()
        facts = facts_of(new, now)
        subject = (new.submission.subject.no_kk is None, new.submission.subject.number)
        first = Move(1, now, None, new.state, f"caller:{new.caller}", "")
        self.rows.add(Kept(facts, subject, new.adapter, new.submission, new.submission, [first]))

    def _of_origin(self, origin: str | None) -> Kept | None:
        found = (one for one in self.rows if origin is not None and one.handed_in.origin_id == origin)
        return next(found, None)

    def _take(self, turn: Turn, lease: float) -> Claimed:
        lane = lane_of(turn.lane)
        ready = [one for one in self.rows if self.rows.is_ready(one) and lane_key(one.facts) == lane.key]
        kept = min(ready, key=order_of)
        if kept.facts.state is State.QUEUED:
            self.rows.move(kept, State.SENDING, "dispatcher", "")
        self.rows.change(kept, {"claimed": True, "uncertain": True, "tries": kept.facts.tries + 1})
        kept.lease_until = self._clock.now() + lease
        return Claimed(kept.facts, kept.facts.tries, kept.content)

    def _retry(self, kept: Kept, actor: str, reason: str) -> None:
        facts = kept.facts
        if facts.state is State.ATTENTION:
            after = retried(uncertain=facts.uncertain)
        elif facts.state in CLAIMABLE and not facts.claimed:
            after = facts.state
        else:
            raise Conflict(f"A submission that is {facts.state} cannot be tried again.")
        self.rows.move(kept, after, actor, reason or "retry")
        self.rows.change(kept, {"failures": 0, "not_before": None})
