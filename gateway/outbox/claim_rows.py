"""Claiming: what a dispatcher takes out of `ready`, and what comes back when nobody ends a claim.

Only claimable rows stand in `ready`, so a claim reads from the head of a lane on and costs the same whether a thousand
or a million wait. It begins at the head the ring knows: on PostgreSQL rows that are gone but still seen by a long
reader would else be walked through each time.
"""

from __future__ import annotations

import json
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState as State
from gateway.database.clock import NOW, now_in
from gateway.database.spelled import Spelled
from gateway.outbox import subject_rows
from gateway.outbox.backoff import FURTHEST
from gateway.outbox.moves import CLAIMABLE
from gateway.outbox.read_rows import FACTS, facts_of_row
from gateway.outbox.tables import LATER, MOVES, PAYLOADS, READY, RUNNING, SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateway.outbox.lanes import Turn
    from gateway.outbox.outbox import Facts
    from gateway.outbox.subject_rows import Readied

AT_ONCE = 500
"""Rows that one round of `expire` or `wake` looks at."""

LEASE_OVER = "lease_over"
"""Reason of the move of a claim nobody ended."""

_C = SUBMISSIONS.c
_FROM_HEAD = (
    sa.select(READY.c.seq, READY.c.submission, READY.c.subject)
    .where(READY.c.lane == sa.bindparam("of_lane"), READY.c.seq >= sa.bindparam("head"))
    .order_by(READY.c.seq, READY.c.submission)
    .limit(sa.bindparam("most", type_=sa.Integer()))
)
_HEAD = Spelled(
    {
        "sqlite": _FROM_HEAD.add_columns(sa.literal_column("1").label("locked")),
        "postgresql": subject_rows.with_locks(_FROM_HEAD.with_for_update(skip_locked=True)),
    }
)
_TAKE = Spelled(
    sa.delete(READY).where(
        READY.c.lane == sa.bindparam("of_lane"),
        READY.c.seq == sa.bindparam("at_seq"),
        READY.c.submission == sa.bindparam("id"),
    )
)
_END = Spelled(
    sa.delete(RUNNING).where(RUNNING.c.submission == sa.bindparam("id"), RUNNING.c.token == sa.bindparam("of_token"))
)
_QUEUED = _C.state == State.QUEUED.value
_ONE_OF: dict[str, Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]]] = {
    "sqlite": lambda id_: id_.in_(sa.select(sa.func.json_each(sa.bindparam("ids")).table_valued("value").c.value)),
    "postgresql": lambda id_: id_ == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text()))),
}
"""Whether an id is one of `ids`, as `_ids` gives them."""

_MARKING = (
    sa.update(SUBMISSIONS)
    .where(
        sa.or_(*(_C.state == state.value for state in sorted(CLAIMABLE))),
        _C.claimed.is_(False),
    )
    .values(
        state=sa.case((_QUEUED, State.SENDING.value), else_=_C.state),
        state_at=sa.case((_QUEUED, sa.bindparam("at")), else_=_C.state_at),
        reason=sa.case((_QUEUED, ""), else_=_C.reason),
        moves=sa.case((_QUEUED, _C.moves + 1), else_=_C.moves),
        tries=_C.tries + 1,
        rank=0,
        claimed=True,
        uncertain=True,
    )
    .returning(*FACTS)
)
_MARK = Spelled({name: _MARKING.where(one_of(_C.id)) for name, one_of in _ONE_OF.items()})
_RUN = Spelled(
    {
        name: sa.insert(RUNNING).values(
            submission=sa.bindparam("submission"),
            token=sa.bindparam("token"),
            subject=sa.bindparam("subject"),
            lease_until=now + sa.bindparam("lease", type_=sa.Double()),
        )
        for name, now in NOW.items()
    }
)
_MOVE = Spelled(sa.insert(MOVES))
_CONTENTS = Spelled(
    {name: sa.select(PAYLOADS).where(one_of(PAYLOADS.c.submission)) for name, one_of in _ONE_OF.items()}
)
_HEADS = sa.text(
    "WITH RECURSIVE lanes(lane) AS ("
    " SELECT (SELECT lane FROM ready ORDER BY lane LIMIT 1)"
    " UNION ALL"
    " SELECT (SELECT lane FROM ready WHERE lane > lanes.lane ORDER BY lane LIMIT 1) FROM lanes"
    " WHERE lanes.lane IS NOT NULL"
    ") SELECT lane, (SELECT min(seq) FROM ready WHERE ready.lane = lanes.lane) FROM lanes WHERE lane IS NOT NULL"
)


class Head(NamedTuple):
    """A submission taken from the head of its lane.

    Attributes:
        id: Its id.
        subject: Blind index of its subject.
        lane: Its lane.
        seq: Its place there.
    """

    id: str
    subject: bytes
    lane: str
    seq: int


Claim = tuple[str, int, bytes]
"""Id, token and subject."""

Content = tuple[bytes, bytes]
"""Wrapped key and sealed content."""


def heads(connection: sa.Connection) -> dict[str, int]:
    """The first place of each lane with something to claim, by skipping from lane to lane."""
    return {lane: seq for lane, seq in connection.execute(_HEADS) if seq is not None}


def take(connection: sa.Connection, turn: Turn, most: int, before: Collection[str]) -> tuple[list[Head], int | None]:
    """Take the head of a lane, and what follows it if no other lane waits; `mark` takes it out of `ready`.

    Args:
        connection: In the claim's transaction.
        turn: The lane.
        most: At most so many.
        before: Ids taken earlier in this claim; they still stand in `ready`.

    Returns:
        What was taken, and the next place in the lane; None if there is none, or if nothing could be taken.
    """
    many = most if turn.until == inf else 1  # where other lanes wait too, the second is rarely next
    found = _HEAD.run(connection, {"of_lane": turn.lane, "head": turn.head, "most": many + 1}).all()
    wanted = found[:many]
    taken = [row for row in wanted if row.locked and row.submission not in before]
    if not taken:
        return [], None
    rest = found[len(wanted) :]
    heads_taken = [Head(row.submission, row.subject, turn.lane, row.seq) for row in taken]
    return heads_taken, rest[0].seq if rest else None


def mark(
    connection: sa.Connection, taken: Sequence[Head], lease: float, now: float
) -> list[tuple[Facts, Content | None]]:
    """Make claims of what was taken: from this commit on the centre may have seen it.

    What is not claimable in spite of standing in `ready` is left out, and out of `ready` from now on.

    Returns:
        Facts and content of each, in the order taken.
    """
    ids = [head.id for head in taken]
    _TAKE.run_many(connection, [{"of_lane": head.lane, "at_seq": head.seq, "id": head.id} for head in taken])
    wanted = _ids(connection, ids)
    facts = {row.id: facts_of_row(row) for row in _MARK.run(connection, {"ids": wanted, "at": now}).rows}
    claims = [
        {"submission": head.id, "token": facts[head.id].tries, "subject": head.subject, "lease": lease}
        for head in taken
        if head.id in facts
    ]
    if not claims:
        return []
    _RUN.run_many(connection, claims)
    first = {"at": now, "before": State.QUEUED.value, "after": State.SENDING.value, "actor": "dispatcher", "reason": ""}
    moves = [
        {"submission": one.id, "number": one.moves, **first} for one in facts.values() if one.state is State.SENDING
    ]
    if moves:
        _MOVE.run_many(connection, moves)
    found = _CONTENTS.run(connection, {"ids": wanted}).rows
    contents = {row.submission: (row.wrapped_key, row.sealed) for row in found}
    return [(facts[id_], contents.get(id_)) for id_ in ids if id_ in facts]


def _ids(connection: sa.Connection, ids: list[str]) -> object:
    """Ids as one value: a JSON array for SQLite, an array for PostgreSQL."""
    return json.dumps(ids) if connection.dialect.name == "sqlite" else ids


def overdue(connection: sa.Connection) -> list[Claim]:
    """Claims whose lease is over on the database's clock."""
    return _claims(connection, RUNNING.c.lease_until < now_in(connection))


def running(connection: sa.Connection) -> list[Claim]:
    """Claims of whatever lease."""
    return _claims(connection, sa.true())


def _claims(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[Claim]:
    found = sa.select(RUNNING.c.submission, RUNNING.c.token, RUNNING.c.subject).where(which).limit(AT_ONCE)
    return [(row.submission, row.token, row.subject) for row in connection.execute(found)]


def end_claim(connection: sa.Connection, id_: str, token: int) -> bool:
    """Take a claim away; False if it is not there any more under this token."""
    return _END.run(connection, {"id": id_, "of_token": token}).rowcount == 1


def wake(connection: sa.Connection, now: float) -> list[Readied]:
    """Make claimable what has waited long enough."""
    due = sa.select(LATER).where(_is_over(now)).order_by(LATER.c.at).limit(AT_ONCE)
    rows = connection.execute(due).all()
    if not rows:
        return []
    about = sa.select(_C.id, _C.subject).where(_C.id.in_([row.submission for row in rows]))
    subjects = {row.id: row.subject for row in connection.execute(about)}
    readied = []
    for row in rows:
        subject = subjects[row.submission]
        subject_rows.lock(connection, subject)
        connection.execute(sa.delete(LATER).where(LATER.c.at == row.at, LATER.c.submission == row.submission))
        readied.append(subject_rows.settle(connection, subject, now))
    return [each for each in readied if each is not None]


def is_due(connection: sa.Connection, now: float) -> bool:
    """Whether anything has waited long enough."""
    return connection.execute(sa.select(LATER.c.at).where(_is_over(now)).limit(1)).first() is not None


def _is_over(now: float) -> sa.ColumnElement[bool]:
    """Whether a pause is over; see `backoff.is_waiting`."""
    return sa.or_(LATER.c.at <= now, LATER.c.at > now + FURTHEST)
