"""The outbox in memory, for tests: the same promises, proven by the same suite, and nothing survives it.

It is written without regard to speed: each question is answered by looking at everything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

import msgspec

from gateway.blobs.blobs import absent
from gateway.contract.errors import Conflict, IdempotencyMismatch, Invalid, NotFound
from gateway.contract.submissions import Move, SubmissionMoved, SubmissionState, Waiting
from gateway.outbox.accept_rows import facts_of, lane_key, seq_of
from gateway.outbox.ageing import count_of
from gateway.outbox.backoff import is_waiting
from gateway.outbox.claim_rows import LEASE_OVER
from gateway.outbox.lanes import Ring, lane_of
from gateway.outbox.move_rows import CORRECTED, MAY_BE_SENT, TOO_LATE, changes_of
from gateway.outbox.moves import CLAIMABLE, DOUBTED, ENDS, OPEN, RESTORED, check, rank, retried
from gateway.outbox.notice_rows import Notice, Place
from gateway.outbox.outbox import Accepted, Claimed, Switch
from gateway.outbox.receipts import TAIL, made_at, read_number, tail_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.contract.host import Clock
    from gateway.contract.messages import Priority
    from gateway.contract.submissions import Submission
    from gateway.outbox.following import Stray
    from gateway.outbox.lanes import Lane, Turn
    from gateway.outbox.outbox import Act, Aged, Ending, Facts, Mode, NewSubmission, Scope, Wanted
    from gateway.testing.memory_blobs import MemoryBlobs

State = SubmissionState


@dataclass(slots=True)
class _Kept:
    """One submission."""

    facts: Facts
    subject: tuple[bool, str]
    adapter: str
    content: Submission | None
    handed_in: Submission
    moves: list[Move] = field(default_factory=list)
    lease_until: float = 0.0


class MemoryOutbox:
    """The outbox in memory.

    Args:
        clock: The clock of everything, leases included.
        blobs: Where the files of submissions are; none are looked for if left out.
    """

    def __init__(self, clock: Clock, blobs: MemoryBlobs | None = None) -> None:
        self._clock = clock
        self._blobs = blobs
        self._kept: dict[str, _Kept] = {}
        self._keys: dict[tuple[str, str], tuple[str, Submission, str]] = {}
        self._switches: dict[tuple[str, str], Switch] = {}
        self._ring = Ring()
        self.notices: list[Notice] = []
        self.forgotten: set[Place] = set()
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
            return Accepted(self._kept[id_].facts.receipt, fresh=False)
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
        return Accepted(self._kept[id_].facts.receipt, fresh=twin is None and stray is None)

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
        self._ring.replace(self._heads())
        while len(claims) < want and (turn := self._ring.pick(may_go)) is not None:
            claims.append(self._take(turn, lease))
            self._ring.took(turn, 1, self._heads().get(turn.lane))
        return claims

    async def finish(self, claimed: Claimed, ending: Ending) -> Facts | None:
        """See `Outbox.finish`."""
        kept = self._fenced(claimed)
        if kept is None:
            return None
        changes = changes_of(kept.facts, ending)
        if ending.after is not kept.facts.state:
            check(kept.facts.state, ending.after)
            self._move(kept, ending.after, "dispatcher", ending.reason)
        self._change(kept, changes)
        return kept.facts

    async def hand_back(self, claimed: Claimed, not_before: float) -> bool:
        """See `Outbox.hand_back`."""
        kept = self._fenced(claimed)
        if kept is None:
            return False
        if kept.facts.state is State.SENDING:
            self._unmove(kept)
        self._change(kept, {"claimed": False, "not_before": not_before})
        return True

    async def expire(self) -> int:
        """See `Outbox.expire`."""
        return self._expire(self._clock.now())

    async def inherit(self) -> int:
        """See `Outbox.inherit`."""
        return self._expire(inf)

    def _expire(self, now: float) -> int:
        over = [one for one in self._kept.values() if one.facts.claimed and one.lease_until < now]
        for kept in over:
            if kept.facts.state is State.SENDING:
                self._move(kept, State.UNKNOWN, "gateway", LEASE_OVER)
            self._change(kept, {"claimed": False})
        return len(over)

    async def wake(self) -> None:
        """See `Outbox.wake`; nothing to do: what may be claimed is worked out anew each time."""

    async def decide(self, id_: str, ending: Ending, actor: str) -> Facts:
        """See `Outbox.decide`."""
        kept = self._of(id_)
        if kept.facts.state is not ending.after:
            if kept.facts.claimed:
                raise Conflict("It is on its way to the centre just now.")
            check(kept.facts.state, ending.after)
            changes = changes_of(kept.facts, ending)
            self._move(kept, ending.after, actor, ending.reason)
            self._change(kept, changes)
        return kept.facts

    async def act(self, id_: str, act: Act, actor: str, reason: str = "") -> Facts:
        """See `Outbox.act`."""
        kept = self._of(id_)
        facts = kept.facts
        if act == "cancel":
            if facts.claimed or _may_be_there(kept):
                raise Conflict(MAY_BE_SENT)
            check(facts.state, State.CANCELLED)
            self._move(kept, State.CANCELLED, actor, reason)
            self._change(kept, {"held": False, "not_before": None})
        elif act == "retry":
            self._retry(kept, actor, reason)
        else:
            if facts.state in ENDS or facts.state is State.DELIVERED:
                raise Conflict(f"A submission that is {facts.state} needs no hold.")
            held = act == "hold"
            if facts.held is not held:
                self._move(kept, facts.state, actor, reason or act)
                self._change(kept, {"held": held})
        return kept.facts

    async def correct(self, id_: str, submission: Submission, files: tuple[str, ...], actor: str) -> Facts:
        """See `Outbox.correct`."""
        kept = self._of(id_)
        if kept.facts.state is not State.QUEUED or any(move.after is State.SENDING for move in kept.moves):
            raise Conflict(TOO_LATE)
        if self._blobs is not None:
            taken = self._blobs.take(id_, files)
            if "" in taken:
                raise Invalid(faults=tuple(absent(taken)))
        kept.content = submission
        self._move(kept, kept.facts.state, actor, CORRECTED)
        return kept.facts

    async def find(self, id_: str) -> Facts | None:
        """See `Outbox.find`."""
        number = read_number(id_)
        found = (one.facts for one in self._kept.values() if one.facts.id == id_ or one.facts.number == number)
        return next(found, None)

    async def read(self, id_: str) -> Submission | None:
        """See `Outbox.read`."""
        return self._kept[id_].content if id_ in self._kept else None

    async def moves(self, id_: str) -> tuple[Move, ...]:
        """See `Outbox.moves`."""
        return tuple(self._kept[id_].moves) if id_ in self._kept else ()

    async def page(self, wanted: Wanted) -> tuple[Facts, ...]:
        """See `Outbox.page`."""
        names = [name for name in ("caller", "state", "service", "village") if getattr(wanted, name) is not None]
        chosen = [
            one.facts
            for one in self._kept.values()
            if all(getattr(one.facts, name) == getattr(wanted, name) for name in names)
            and (wanted.before is None or one.facts.id < wanted.before)
        ]
        return tuple(sorted(chosen, key=lambda facts: facts.id, reverse=True)[: wanted.limit])

    async def place(self, id_: str) -> int | None:
        """See `Outbox.place`."""
        kept = self._kept.get(id_)
        if kept is None or kept.facts.state not in OPEN:
            return None
        own = kept.facts
        beside = [one for one in self._kept.values() if one.facts.state in OPEN]
        beside = [one for one in beside if (one.facts.village, one.facts.priority) == (own.village, own.priority)]
        return sum(1 for one in beside if _order(one) < _order(kept)) + 1

    async def ahead(self, id_: str) -> int | None:
        """See `Outbox.ahead`."""
        kept = self._kept.get(id_)
        if kept is None or kept.facts.state is not State.QUEUED or kept.facts.held:
            return None
        moving = {State.QUEUED, State.SENDING, State.UNKNOWN}
        others = [one for one in self._kept.values() if one.facts.state in moving and not one.facts.held]
        own = (kept.facts.priority, *_order(kept))
        return sum(1 for one in others if (one.facts.priority, *_order(one)) < own)

    async def ageing(self, now: float) -> tuple[Aged, ...]:
        """See `Outbox.ageing`."""
        return count_of((one.facts for one in self._kept.values()), now)

    async def waiting(self) -> tuple[Waiting, ...]:
        """See `Outbox.waiting`."""
        filed: dict[Priority, list[float]] = {}
        for kept in self._kept.values():
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
        for kept in self._kept.values():
            state = kept.facts.state
            if state in DOUBTED:
                told = len(self.notices)
                self._move(kept, State.UNKNOWN, "gateway", RESTORED)
                del self.notices[told:]
                count += 1
            if state in OPEN or state in DOUBTED:
                self._change(kept, {"claimed": False, "uncertain": True, "not_before": None})
        return count

    async def forget_keys(self, before: float) -> int:
        """See `Outbox.forget_keys`."""
        over = [
            place
            for place, (id_, _submission, _adapter) in self._keys.items()
            if self._kept[id_].facts.state in ENDS and self._kept[id_].moves[0].at < before
        ]
        for place in over:
            del self._keys[place]
        return len(over)

    async def shred(self, before: float) -> int:
        """See `Outbox.shred`."""
        over = [one for one in self._kept.values() if one.content is not None and one.facts.state in ENDS]
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
        self._kept[new.id] = _Kept(facts, subject, new.adapter, new.submission, new.submission, [first])

    def _of_origin(self, origin: str | None) -> _Kept | None:
        found = (one for one in self._kept.values() if origin is not None and one.handed_in.origin_id == origin)
        return next(found, None)

    def _of(self, id_: str) -> _Kept:
        if id_ not in self._kept:
            raise NotFound
        return self._kept[id_]

    def _fenced(self, claimed: Claimed) -> _Kept | None:
        kept = self._of(claimed.facts.id)
        return kept if kept.facts.claimed and kept.facts.tries == claimed.token else None

    def _is_ready(self, kept: _Kept) -> bool:
        facts = kept.facts
        waits = is_waiting(self._clock.now(), facts.not_before)
        if facts.claimed or facts.held or waits or facts.state not in CLAIMABLE:
            return False
        same = [one for one in self._kept.values() if one.subject == kept.subject and one.facts.state in OPEN]
        return min(same, key=lambda one: (rank(one.facts.state, claimed=one.facts.claimed), _order(one))) is kept

    def _heads(self) -> dict[str, int]:
        heads: dict[str, int] = {}
        for kept in self._kept.values():
            if self._is_ready(kept):
                key = lane_key(kept.facts)
                seq = seq_of(kept.facts.filed_at)
                heads[key] = min(seq, heads.get(key, seq))
        return heads

    def _take(self, turn: Turn, lease: float) -> Claimed:
        lane = lane_of(turn.lane)
        ready = [one for one in self._kept.values() if self._is_ready(one) and lane_key(one.facts) == lane.key]
        kept = min(ready, key=_order)
        if kept.facts.state is State.QUEUED:
            self._move(kept, State.SENDING, "dispatcher", "")
        self._change(kept, {"claimed": True, "uncertain": True, "tries": kept.facts.tries + 1})
        kept.lease_until = self._clock.now() + lease
        return Claimed(kept.facts, kept.facts.tries, kept.content)

    def _retry(self, kept: _Kept, actor: str, reason: str) -> None:
        facts = kept.facts
        if facts.state is State.ATTENTION:
            after = retried(uncertain=facts.uncertain)
        elif facts.state in CLAIMABLE and not facts.claimed:
            after = facts.state
        else:
            raise Conflict(f"A submission that is {facts.state} cannot be tried again.")
        self._move(kept, after, actor, reason or "retry")
        self._change(kept, {"failures": 0, "not_before": None})

    def _move(self, kept: _Kept, after: State, actor: str, reason: str) -> None:
        facts, now = kept.facts, self._clock.now()
        kept.moves.append(Move(facts.moves + 1, now, facts.state, after, actor, reason))
        changes: dict[str, object] = {"moves": facts.moves + 1}
        if after is not facts.state:
            changes |= {"state": after, "state_at": now, "reason": reason}
            if after is not State.SENDING:
                self._note(facts, after, reason, now)
        self._change(kept, changes)

    def _note(self, facts: Facts, after: State, reason: str, now: float) -> None:
        place = Place(0, len(self.notices) + 1)
        about = (facts.id, facts.moves + 1, facts.caller, facts.service, facts.village)
        self.notices.append(Notice(place, *about, facts.state, after, reason, now))

    def step(self, id_: str, after: State, reason: str, changes: dict[str, object]) -> SubmissionMoved:
        """Move a submission as the centre has it; a claim of it is over."""
        kept = self._of(id_)
        self._move(kept, after, "centre", reason)
        self._change(kept, {**changes, "claimed": False})
        return SubmissionMoved(
            id_, kept.facts.caller, kept.facts.adapter, kept.facts.service, kept.facts.village, kept.moves[-1]
        )

    @property
    def ids(self) -> tuple[str, ...]:
        """All submissions."""
        return tuple(self._kept)

    def known(self, id_: str) -> Facts | None:
        """A submission by its id alone."""
        kept = self._kept.get(id_)
        return None if kept is None else kept.facts

    def delivered_under(self, rights: Collection[str], before: float) -> list[str]:
        """Ids of what was delivered under some rights before a time, in order."""
        found = (one.facts for one in self._kept.values() if one.facts.right in rights and one.facts.state_at < before)
        return [facts.id for facts in found if facts.state is State.DELIVERED]

    def _unmove(self, kept: _Kept) -> None:
        if kept.moves[-1].before is not kept.moves[-1].after:
            kept.moves.pop()
            last = kept.moves[-1]
            changes = {"moves": last.number, "state_at": last.at, "reason": last.reason}
        else:
            last = kept.moves[-1]
            number = kept.facts.moves + 1
            kept.moves.append(Move(number, last.at, State.SENDING, State.QUEUED, "dispatcher", "handed_back"))
            changes = {"moves": number, "state_at": last.at, "reason": "handed_back"}
        self._change(kept, {**changes, "state": State.QUEUED, "uncertain": False})

    def _change(self, kept: _Kept, changes: dict[str, object]) -> None:
        known = {name: value for name, value in changes.items() if name != "rank"}
        kept.facts = msgspec.structs.replace(kept.facts, **known)


def _order(kept: _Kept) -> tuple[int, str]:
    return seq_of(kept.facts.filed_at), kept.facts.id


def _may_be_there(kept: _Kept) -> bool:
    if kept.facts.state is not State.QUEUED:
        return kept.facts.uncertain and kept.facts.state is State.ATTENTION
    return any(move.after is State.UNKNOWN and move.reason != RESTORED for move in kept.moves)
