"""What is done to all submissions at once: doubting them after an old copy was restored, forgetting keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox import subject_rows
from gateway.outbox.moves import DOUBTED, ENDS, RESTORED, rank
from gateway.outbox.tables import IDEMPOTENCY_KEYS, LATER, MOVES, NOTICES, READY, RUNNING, SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_C = SUBMISSIONS.c


def doubt(connection: sa.Connection, now: float) -> int:
    """Make `unknown` what the centre may know better of, in one transaction; how many there were."""
    for table in (READY, RUNNING, LATER):
        connection.execute(sa.delete(table))
    told: dict[str, sa.ColumnElement[Any]] = {
        "submission": _C.id,
        "number": _C.moves + 1,
        "at": sa.literal(now, sa.Double()),
        "before": _C.state,
        "after": sa.literal(State.UNKNOWN.value),
        "reason": sa.literal(RESTORED),
    }
    _tell(connection, MOVES, told | {"actor": sa.literal("gateway")})
    _tell(connection, NOTICES, told | {name: _C[name] for name in ("caller", "service", "village")})
    fresh = {"claimed": False, "uncertain": True, "not_before": None, "rank": rank(State.UNKNOWN)}
    connection.execute(sa.update(SUBMISSIONS).where(_C.state == State.UNKNOWN).values(fresh))
    moved = {"state": State.UNKNOWN.value, "state_at": now, "reason": RESTORED, "moves": _C.moves + 1}
    count = connection.execute(sa.update(SUBMISSIONS).where(_in(DOUBTED)).values({**fresh, **moved})).rowcount
    waiting = sa.select(_C.subject).where(_C.rank.is_not(None)).distinct()
    for subject in connection.execute(waiting).scalars().all():
        subject_rows.settle(connection, subject, now)
    return count


def forget_keys(connection: sa.Connection, before: float) -> int:
    """Forget keys used before that time for what has ended; how many there were."""
    ended = sa.select(_C.id).where(_C.id == IDEMPOTENCY_KEYS.c.submission, _in(ENDS)).exists()
    old = sa.delete(IDEMPOTENCY_KEYS).where(IDEMPOTENCY_KEYS.c.made_at < before, ended)
    return connection.execute(old).rowcount


def _tell(connection: sa.Connection, table: sa.Table, told: Mapping[str, sa.ColumnElement[Any]]) -> None:
    """Write a row of each that is doubted, in the order of filing."""
    rows = sa.select(*told.values()).where(_in(DOUBTED)).order_by(_C.seq, _C.id)
    connection.execute(sa.insert(table).from_select(list(told), rows))


def _in(states: Collection[State]) -> sa.ColumnElement[bool]:
    return _C.state.in_(sorted(state.value for state in states))
