"""The order of submissions about one subject, and the lock under which it is kept.

All that changes which submission of a subject may be claimed happens under the subject's lock: on PostgreSQL an
advisory lock of the transaction, on SQLite the one writer. A claim only *tries* the lock, so that it never waits and
never closes a circle of waiting.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState as State
from gateway.database import inserts
from gateway.database.spelled import Spelled
from gateway.outbox.backoff import is_waiting
from gateway.outbox.moves import CLAIMABLE
from gateway.outbox.tables import LATER, READY, SUBMISSIONS

Readied = tuple[str, int]
"""Lane and place of what became claimable."""

_C = SUBMISSIONS.c
_FIRST_TWO = Spelled(
    sa.select(_C.id, _C.lane, _C.seq, _C.state, _C.held, _C.claimed, _C.not_before)
    .where(_C.subject == sa.bindparam("subject"), _C.rank.is_not(None))
    .order_by(_C.rank, _C.seq, _C.id)
    .limit(2)
)
_UNREADY = Spelled(
    sa.delete(READY).where(
        READY.c.lane == sa.bindparam("of_lane"),
        READY.c.seq == sa.bindparam("at_seq"),
        READY.c.submission == sa.bindparam("id"),
    )
)
_READY = Spelled(inserts(READY, lambda insert: insert.on_conflict_do_nothing()))
_WAIT = Spelled(inserts(LATER, lambda insert: insert.on_conflict_do_nothing()))
_LOCK = Spelled(sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("key", type_=sa.BigInteger()))))
_NUMBER: sa.ColumnElement[int] = sa.literal_column(
    "CAST(CAST('x' || encode(substr(subject, 1, 8), 'hex') AS bit(64)) AS bigint)", sa.BigInteger()
)
"""The number of the lock of a row's subject: its first eight bytes, as `_number` reads them."""

_SUBJECTS = (
    sa.select(_NUMBER.label("number"))
    .select_from(SUBMISSIONS)
    .where(_C.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Text()))))
    .order_by("number")
    .subquery()
)
_LOCK_ALL = Spelled(sa.select(sa.func.pg_advisory_xact_lock(_SUBJECTS.c.number)))


def lock(connection: sa.Connection, subject: bytes) -> None:
    """Wait for the subject's lock and hold it until the transaction ends."""
    if connection.dialect.name == "postgresql":
        _LOCK.run(connection, {"key": _number(subject)})


def lock_all(connection: sa.Connection, ids: list[str]) -> None:
    """As `lock`, of the subjects of several submissions, always in the same order."""
    if connection.dialect.name == "postgresql":
        _LOCK_ALL.run(connection, {"ids": ids})


def with_locks(rows: sa.Select[tuple[int, str, bytes]]) -> sa.Select[tuple[int, str, bytes, bool]]:
    """Rows with a `subject`, on PostgreSQL, and in `locked` whether its lock was free; it is held from now on.

    The number of the lock is that of `lock`.
    """
    found = rows.subquery()
    free = sa.func.pg_try_advisory_xact_lock(_NUMBER, type_=sa.Boolean()).label("locked")
    return sa.select(found.c.seq, found.c.submission, found.c.subject, free)


def settle(connection: sa.Connection, subject: bytes, now: float) -> Readied | None:
    """Put the first of a subject where it belongs, and take the second out of the way; under the subject's lock.

    Returns:
        What may be claimed now; None if nothing may.
    """
    rows = _FIRST_TWO.run(connection, {"subject": subject}).all()
    for row in rows[1:]:  # it was first until an earlier one came
        _unready(connection, row)
    if not rows:
        return None
    head = rows[0]
    if head.claimed:
        return None
    if head.held or State(head.state) not in CLAIMABLE:
        _unready(connection, head)
        return None
    if is_waiting(now, head.not_before):
        _unready(connection, head)
        _WAIT.run(connection, {"at": head.not_before, "submission": head.id})
        return None
    place = {"lane": head.lane, "seq": head.seq, "submission": head.id, "subject": subject}
    _READY.run(connection, place)
    return head.lane, head.seq


def unready(connection: sa.Connection, lane: str, seq: int, id_: str) -> None:
    """Take a submission out of what may be claimed, if it is there; under the subject's lock."""
    _UNREADY.run(connection, {"of_lane": lane, "at_seq": seq, "id": id_})


def _unready(connection: sa.Connection, row: Any) -> None:
    unready(connection, row.lane, row.seq, row.id)


def _number(subject: bytes) -> int:
    return int.from_bytes(subject[:8], signed=True)
