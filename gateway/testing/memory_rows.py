"""What the outbox in memory holds: submissions with their moves and notices, and which of them may be claimed now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway.contract.errors import NotFound
from gateway.contract.submissions import Move, SubmissionMoved
from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.accept_rows import lane_key, seq_of
from gateway.outbox.backoff import is_waiting
from gateway.outbox.moves import CLAIMABLE, OPEN, RESTORED, rank
from gateway.outbox.notice_rows import Notice, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from gateway.contract.host import Clock
    from gateway.contract.submissions import Submission
    from gateway.outbox.outbox import Claimed, Facts


@dataclass(slots=True)
class Kept:
    """One submission."""

    facts: Facts
    subject: tuple[bool, str]
    adapter: str
    content: Submission | None
    handed_in: Submission
    moves: list[Move] = field(default_factory=list)
    lease_until: float = 0.0


class Rows:
    """Submissions by id.

    Args:
        clock: The clock of everything.

    Attributes:
        notices: Moves worth telling, in order.
        forgotten: Places of those that were forgotten since.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Kept] = {}
        self.notices: list[Notice] = []
        self.forgotten: set[Place] = set()

    def __iter__(self) -> Iterator[Kept]:
        """All, as they were handed in."""
        return iter(self._kept.values())

    def add(self, kept: Kept) -> None:
        """Keep one more."""
        self._kept[kept.facts.id] = kept

    def get(self, id_: str) -> Kept | None:
        """The one with that id."""
        return self._kept.get(id_)

    def known(self, id_: str) -> Facts | None:
        """Facts by id alone."""
        kept = self._kept.get(id_)
        return None if kept is None else kept.facts

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in order of hand-in."""
        return tuple(self._kept)

    def of(self, id_: str) -> Kept:
        """The one with that id, or `NotFound`."""
        if id_ not in self._kept:
            raise NotFound
        return self._kept[id_]

    def fenced(self, claimed: Claimed) -> Kept | None:
        """The one somebody claimed; None once that claim is over."""
        kept = self.of(claimed.facts.id)
        return kept if kept.facts.claimed and kept.facts.tries == claimed.token else None

    def is_ready(self, kept: Kept) -> bool:
        """Whether it may be claimed now."""
        facts = kept.facts
        waits = is_waiting(self._clock.now(), facts.not_before)
        if facts.claimed or facts.held or waits or facts.state not in CLAIMABLE:
            return False
        same = [one for one in self._kept.values() if one.subject == kept.subject and one.facts.state in OPEN]
        return min(same, key=lambda one: (rank(one.facts.state, claimed=one.facts.claimed), order_of(one))) is kept

    def heads(self) -> dict[str, int]:
        """The first place of each lane with something to claim."""
        heads: dict[str, int] = {}
        for kept in self._kept.values():
            if self.is_ready(kept):
                key = lane_key(kept.facts)
                seq = seq_of(kept.facts.filed_at)
                heads[key] = min(seq, heads.get(key, seq))
        return heads

    def move(self, kept: Kept, after: State, actor: str, reason: str) -> None:
        """Store a move, what it changes, and the notice of it."""
        facts, now = kept.facts, self._clock.now()
        kept.moves.append(Move(facts.moves + 1, now, facts.state, after, actor, reason))
        changes: dict[str, object] = {"moves": facts.moves + 1}
        if after is not facts.state:
            changes |= {"state": after, "state_at": now, "reason": reason}
            if after is not State.SENDING:
                self._note(facts, after, reason, now)
        self.change(kept, changes)

    def unmove(self, kept: Kept) -> None:
        """Take the move of a claim back; an operator's act since then stays, and so does the move."""
        if kept.moves[-1].before is not kept.moves[-1].after:
            kept.moves.pop()
            last = kept.moves[-1]
            changes = {"moves": last.number, "state_at": last.at, "reason": last.reason}
        else:
            last = kept.moves[-1]
            number = kept.facts.moves + 1
            kept.moves.append(Move(number, last.at, State.SENDING, State.QUEUED, "dispatcher", "handed_back"))
            changes = {"moves": number, "state_at": last.at, "reason": "handed_back"}
        self.change(kept, {**changes, "state": State.QUEUED, "uncertain": False})

    def change(self, kept: Kept, changes: dict[str, object]) -> None:
        """Change facts; what only a database keeps is left out."""
        known = {name: value for name, value in changes.items() if name != "rank"}
        kept.facts = msgspec.structs.replace(kept.facts, **known)

    def step(self, id_: str, after: State, reason: str, changes: dict[str, object]) -> SubmissionMoved:
        """Move a submission as the centre has it; a claim of it is over."""
        kept = self.of(id_)
        self.move(kept, after, "centre", reason)
        self.change(kept, {**changes, "claimed": False})
        return SubmissionMoved(
            id_, kept.facts.caller, kept.facts.adapter, kept.facts.service, kept.facts.village, kept.moves[-1]
        )

    def delivered_under(self, rights: Collection[str], before: float) -> list[str]:
        """Ids of what was delivered under some rights before a time, in order."""
        found = (one.facts for one in self._kept.values() if one.facts.right in rights and one.facts.state_at < before)
        return [facts.id for facts in found if facts.state is State.DELIVERED]

    def _note(self, facts: Facts, after: State, reason: str, now: float) -> None:
        place = Place(0, len(self.notices) + 1)
        about = (facts.id, facts.moves + 1, facts.caller, facts.service, facts.village)
        self.notices.append(Notice(place, *about, facts.state, after, reason, now))


def order_of(kept: Kept) -> tuple[int, str]:
    """Its place in order of filing."""
    return seq_of(kept.facts.filed_at), kept.facts.id


def may_be_there(kept: Kept) -> bool:
    """Whether a call nobody heard the end of may still reach the centre."""
    if kept.facts.state is not State.QUEUED:
        return kept.facts.uncertain and kept.facts.state is State.ATTENTION
    return any(move.after is State.UNKNOWN and move.reason != RESTORED for move in kept.moves)
