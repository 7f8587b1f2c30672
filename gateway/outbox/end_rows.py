"""The ends of claims: what the centre said of several submissions is stored by a handful of statements.

```
lock the subjects ─► read facts and tokens ─► drop the claims ─► moves · notices · facts ─► settle whose subject waits
```

An end whose claim has expired changes nothing. The lock, the move, its notice and the next claimable submission of the
subject are committed together, as everything in `move_rows` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import sqlalchemy as sa

from gateway.database.spelled import Spelled
from gateway.outbox import notice_rows, subject_rows
from gateway.outbox.accept_rows import lane_key, seq_of
from gateway.outbox.claim_rows import ONE_OF, ids_given
from gateway.outbox.move_rows import changes_of
from gateway.outbox.moves import CLAIMABLE, check, rank
from gateway.outbox.read_rows import FACTS, facts_of_row
from gateway.outbox.tables import MOVES, RUNNING, SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.outbox.outbox import Claimed, Ending, Facts
    from gateway.outbox.subject_rows import Readied

_C = SUBMISSIONS.c
_CHANGED = (
    "state", "state_at", "reason", "claimed", "uncertain", "failures", "not_before", "moves", "centre_receipt",
)  # fmt: skip
_HELD = Spelled(
    {
        name: sa.select(*FACTS, RUNNING.c.token, _C.subject)
        .join_from(RUNNING, SUBMISSIONS, RUNNING.c.submission == _C.id)
        .where(one_of(RUNNING.c.submission))
        .with_for_update(of=RUNNING)
        for name, one_of in ONE_OF.items()
    }
)
_DROP = Spelled({name: sa.delete(RUNNING).where(one_of(RUNNING.c.submission)) for name, one_of in ONE_OF.items()})
_MOVE = Spelled(sa.insert(MOVES))
_CHANGE = Spelled(
    sa.update(SUBMISSIONS)
    .where(_C.id == sa.bindparam("of_id"))
    .values({name: sa.bindparam(f"new_{name}", type_=_C[name].type) for name in (*_CHANGED, "rank")})
)
_OWN = SUBMISSIONS.alias("own")
_WAITING = Spelled(
    {
        name: sa.select(_C.subject)
        .where(_C.subject.in_(sa.select(_OWN.c.subject).where(one_of(_OWN.c.id))), _C.rank.is_not(None))
        .distinct()
        for name, one_of in ONE_OF.items()
    }
)
"""Subjects with anything the centre does not surely have yet."""


class End(NamedTuple):
    """How a claim ends.

    Attributes:
        claimed: The claim.
        ending: What becomes of the submission.
        now: Unix seconds.
    """

    claimed: Claimed
    ending: Ending
    now: float


Moved = tuple["Facts", "Readied | None"]
"""The submission as it is now, and what became claimable."""


class _Step(NamedTuple):
    """A submission before and after its claim's end."""

    before: Facts
    after: Facts
    now: float


def finish(connection: sa.Connection, ends: Sequence[End]) -> list[Moved | None]:
    """End claims; None for each that had expired.

    Raises:
        Conflict: One of them is no legal move.
    """
    ids = [end.claimed.facts.id for end in ends]
    subject_rows.lock_all(connection, ids)
    held = {row.id: row for row in _HELD.run(connection, {"ids": ids_given(connection, ids)}).rows}
    steps: list[_Step | None] = []
    subjects: dict[str, bytes] = {}
    for end in ends:
        row = held.get(end.claimed.facts.id)
        if row is None or row.token != end.claimed.token or row.id in subjects:
            steps.append(None)
            continue
        subjects[row.id] = row.subject
        before = facts_of_row(row)
        steps.append(_Step(before, _after(before, end), end.now))
    taken = [step for step in steps if step is not None]
    if taken:
        _store(connection, taken)
    readied = _settle(connection, taken, subjects)
    return [None if step is None else (step.after, readied.get(step.after.id)) for step in steps]


def _after(facts: Facts, end: End) -> Facts:
    """The facts once the claim has ended."""
    changes = changes_of(facts, end.ending)
    del changes["rank"]
    if end.ending.after is not facts.state:
        check(facts.state, end.ending.after)
        own = {"state": end.ending.after, "state_at": end.now, "reason": end.ending.reason, "moves": facts.moves + 1}
        changes |= own
    return msgspec.structs.replace(facts, **changes)


def _store(connection: sa.Connection, steps: Sequence[_Step]) -> None:
    ids = [step.after.id for step in steps]
    _DROP.run(connection, {"ids": ids_given(connection, ids)})
    moved = [(step.before, step.after) for step in steps if step.before.state is not step.after.state]
    if moved:
        _MOVE.run_many(connection, [_move(before, after) for before, after in moved])
        notice_rows.note_all(connection, moved)
    for before, _after in moved:
        if before.state in CLAIMABLE:
            subject_rows.unready(connection, lane_key(before), seq_of(before.filed_at), before.id)
    _CHANGE.run_many(connection, [_changes(step.after) for step in steps])


def _move(before: Facts, after: Facts) -> dict[str, Any]:
    return {
        "submission": after.id,
        "number": after.moves,
        "at": after.state_at,
        "before": before.state.value,
        "after": after.state.value,
        "actor": "dispatcher",
        "reason": after.reason,
    }


def _changes(facts: Facts) -> dict[str, Any]:
    given: dict[str, Any] = {f"new_{name}": getattr(facts, name) for name in _CHANGED}
    return {**given, "of_id": facts.id, "new_state": facts.state.value, "new_rank": rank(facts.state)}


def _settle(connection: sa.Connection, steps: Sequence[_Step], subjects: dict[str, bytes]) -> dict[str, Readied]:
    """Put the first of each subject where it belongs; what became claimable, by the submission that ended."""
    if not steps:
        return {}
    found = _WAITING.run(connection, {"ids": ids_given(connection, list(subjects))}).rows
    waiting = {bytes(row.subject) for row in found}
    readied = {
        step.after.id: subject_rows.settle(connection, subjects[step.after.id], step.now)
        for step in steps
        if subjects[step.after.id] in waiting
    }
    return {id_: each for id_, each in readied.items() if each is not None}
