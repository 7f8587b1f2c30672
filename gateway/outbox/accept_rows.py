"""Taking a submission in: one piece of work in the writer's transaction, so all of it is stored or nothing.

The losers of a race are found by `ON CONFLICT DO NOTHING RETURNING`; only they read what was there. Since all work of
a group shares a transaction, two hand-ins of one group meet each other the same way. A mismatch is a result, not an
error: an error would make the whole group begin anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from gateway.blobs import rows as blob_rows
from gateway.blobs.blobs import absent
from gateway.catalogue.receipts import tail_of
from gateway.contract.errors import Invalid
from gateway.database import inserts
from gateway.database.spelled import Spelled
from gateway.outbox import subject_rows
from gateway.outbox.lanes import Lane
from gateway.outbox.moves import check, rank
from gateway.outbox.outbox import Facts
from gateway.outbox.stray_rows import of_tail
from gateway.outbox.tables import IDEMPOTENCY_KEYS, MOVES, PAYLOADS, SUBMISSIONS

if TYPE_CHECKING:
    from gateway.outbox.outbox import NewSubmission
    from gateway.outbox.sealing import Marks
    from gateway.outbox.subject_rows import Readied

_C = SUBMISSIONS.c
_K = IDEMPOTENCY_KEYS.c
_STRAY = of_tail(sa.bindparam("tail", type_=sa.Text())).label("stray")
_TAKE_KEY = Spelled(
    inserts(IDEMPOTENCY_KEYS, lambda insert: insert.on_conflict_do_nothing().returning(_K.submission, _STRAY))
)
_STORE = Spelled(
    inserts(SUBMISSIONS, lambda insert: insert.on_conflict_do_nothing(index_elements=["origin"]).returning(_C.id))
)
_INSERT_PAYLOAD = Spelled(sa.insert(PAYLOADS))
_INSERT_MOVE = Spelled(sa.insert(MOVES))
_KNOWN_KEY = sa.select(_K.submission, _K.content).where(
    _K.caller == sa.bindparam("caller"), _K.key == sa.bindparam("key")
)
_KNOWN_ORIGIN = sa.select(_C.id, _C.content).where(_C.origin == sa.bindparam("origin"))
_POINT_KEY = (
    sa.update(IDEMPOTENCY_KEYS)
    .where(_K.caller == sa.bindparam("of_caller"), _K.key == sa.bindparam("of_key"))
    .values(submission=sa.bindparam("to"))
)

Mismatch = Literal["key", "origin"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a hand-in.

    Attributes:
        id: The submission that holds it; empty for a mismatch.
        fresh: Whether it is a new one.
        readied: What may be claimed now.
        mismatch: The key or `origin_id` was used for something else; nothing was stored.
        stray: The reference of what it repeats and is not known here. If that is not its own id nothing was stored:
            hand it in under that one; else it is to be adopted.
    """

    id: str
    fresh: bool = False
    readied: Readied | None = None
    mismatch: Mismatch | None = None
    stray: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A hand-in with all that was computed before the transaction.

    Attributes:
        new: What was handed in.
        marks: Its keyed hashes.
        wrapped_key: Key of its content, wrapped.
        sealed: Its content.
        now: Unix seconds.
    """

    new: NewSubmission
    marks: Marks
    wrapped_key: bytes
    sealed: bytes
    now: float


def accept(connection: sa.Connection, hand_in: Prepared) -> Taken:
    """Store a hand-in, or find the one it repeats.

    Raises:
        Invalid: Some of its files are not here; the writer then undoes all of it.
    """
    new, marks = hand_in.new, hand_in.marks
    check(None, new.state)
    subject_rows.lock(connection, marks.subject)
    taken = _take_key(connection, hand_in)
    if taken is None:
        return _known_key(connection, hand_in)
    if taken.stray not in {None, new.id}:
        _leave_key(connection, hand_in)
        return Taken("", stray=taken.stray)
    if _STORE.run(connection, _row(hand_in)).scalar_one_or_none() is None:
        return _known_origin(connection, hand_in)
    payload = {"submission": new.id, "wrapped_key": hand_in.wrapped_key, "sealed": hand_in.sealed}
    _INSERT_PAYLOAD.run(connection, payload)
    if new.files and (faults := tuple(absent(blob_rows.take(connection, new.id, new.files, hand_in.now)))):
        raise Invalid(faults=faults)
    move = {"submission": new.id, "number": 1, "at": hand_in.now, "before": None, "after": new.state.value}
    _INSERT_MOVE.run(connection, {**move, "actor": f"caller:{new.caller}", "reason": ""})
    readied = subject_rows.settle(connection, marks.subject, hand_in.now)
    return Taken(new.id, fresh=taken.stray is None, readied=readied, stray=taken.stray)


def facts_of(new: NewSubmission, now: float) -> Facts:
    """What is known of a submission that was just accepted."""
    return Facts(
        id=new.id,
        number=new.number,
        caller=new.caller,
        right=new.right,
        adapter=new.adapter,
        service=new.submission.service,
        village=new.submission.village,
        priority=new.priority,
        filed_at=new.filed_at,
        state=new.state,
        state_at=now,
    )


def seq_of(filed_at: float) -> int:
    """Place in the order of filing: microseconds."""
    return round(filed_at * 1_000_000)


def lane_key(facts: Facts) -> str:
    """Key of the lane a submission waits in."""
    return Lane(int(facts.priority), facts.adapter, facts.service, facts.village).key


def _take_key(connection: sa.Connection, hand_in: Prepared) -> Any:
    """Its id, and the stray it repeats; None if the key was used before."""
    row = {
        "caller": hand_in.new.caller,
        "key": hand_in.marks.key,
        "content": hand_in.marks.content,
        "submission": hand_in.new.id,
        "made_at": hand_in.now,
        "tail": tail_of(hand_in.new.id),
    }
    return _TAKE_KEY.run(connection, row).one_or_none()


def _leave_key(connection: sa.Connection, hand_in: Prepared) -> None:
    mine = sa.and_(_K.caller == hand_in.new.caller, _K.key == hand_in.marks.key)
    connection.execute(sa.delete(IDEMPOTENCY_KEYS).where(mine))


def _known_key(connection: sa.Connection, hand_in: Prepared) -> Taken:
    known = connection.execute(_KNOWN_KEY, {"caller": hand_in.new.caller, "key": hand_in.marks.key}).one()
    if known.content != hand_in.marks.content:
        return Taken("", mismatch="key")
    return Taken(known.submission)


def _known_origin(connection: sa.Connection, hand_in: Prepared) -> Taken:
    """The same form reached us before, perhaps through another caller: the key now stands for that one."""
    known = connection.execute(_KNOWN_ORIGIN, {"origin": hand_in.marks.origin}).one()
    own = {"of_caller": hand_in.new.caller, "of_key": hand_in.marks.key}
    if known.content != hand_in.marks.content:
        _leave_key(connection, hand_in)
        return Taken("", mismatch="origin")
    connection.execute(_POINT_KEY, {**own, "to": known.id})
    return Taken(known.id)


def _row(hand_in: Prepared) -> dict[str, object]:
    facts = facts_of(hand_in.new, hand_in.now)
    return {
        **{name: getattr(facts, name) for name in _SAME},
        "right_name": facts.right,
        "priority": int(facts.priority),
        "state": facts.state.value,
        "lane": lane_key(facts),
        "seq": seq_of(facts.filed_at),
        "subject": hand_in.marks.subject,
        "origin": hand_in.marks.origin,
        "content": hand_in.marks.content,
        "rank": rank(facts.state),
    }


_SAME = tuple(name for name in Facts.__struct_fields__ if name not in {"right", "priority", "state"})
