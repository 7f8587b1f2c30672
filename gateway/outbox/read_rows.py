"""Reading the outbox: facts, moves, lists, places, switches; each function is work for `Database.read`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from gateway.catalogue.receipts import read_id, read_number
from gateway.contract.messages import Priority
from gateway.contract.submissions import Move, SubmissionState, Waiting
from gateway.outbox.outbox import Facts, Switch
from gateway.outbox.tables import MOVES, PAYLOADS, SUBMISSIONS, SWITCHES

if TYPE_CHECKING:
    from gateway.outbox.outbox import Wanted

_C = SUBMISSIONS.c
FACTS = tuple(_C.right_name if name == "right" else _C[name] for name in Facts.__struct_fields__)
"""The columns of `Facts`, in its order."""

MICRO = 1_000_000.0
"""`seq` counts microseconds."""

MOST_COUNTED = 10_000
"""Where counting a place ends."""

_STATE, _PRIORITY, *_FLAGS = map(Facts.__struct_fields__.index, ("state", "priority", "held", "claimed", "uncertain"))
_STATES = {state.value: state for state in SubmissionState}
_PRIORITIES = {priority.value: priority for priority in Priority}
_MOVING = sorted((SubmissionState.QUEUED.value, SubmissionState.SENDING.value, SubmissionState.UNKNOWN.value))


def facts_of_row(row: Any) -> Facts:
    """The facts in a row of the columns `FACTS`; what stands behind them is left out."""
    values = list(row[: len(FACTS)])
    values[_STATE] = _STATES[values[_STATE]]
    values[_PRIORITY] = _PRIORITIES[values[_PRIORITY]]
    for flag in _FLAGS:
        values[flag] = bool(values[flag])
    return Facts(*values)


def find(connection: sa.Connection, id_: str) -> Facts | None:
    """A submission by its id or receipt number."""
    number, id_read = read_number(id_), read_id(id_)
    if number is None and id_read is None:
        return None
    wanted = _C.id == id_read if number is None else _C.number == number
    row = connection.execute(sa.select(*FACTS).where(wanted)).one_or_none()
    return None if row is None else facts_of_row(row)


def content(connection: sa.Connection, id_: str) -> tuple[bytes, bytes] | None:
    """Wrapped key and sealed content of a submission; None if it is gone."""
    row = connection.execute(sa.select(PAYLOADS).where(PAYLOADS.c.submission == id_)).one_or_none()
    return None if row is None else (row.wrapped_key, row.sealed)


def moves(connection: sa.Connection, id_: str) -> tuple[Move, ...]:
    """The moves of a submission, oldest first."""
    rows = connection.execute(sa.select(MOVES).where(MOVES.c.submission == id_).order_by(MOVES.c.number))
    return tuple(
        Move(
            row.number,
            row.at,
            None if row.before is None else SubmissionState(row.before),
            SubmissionState(row.after),
            row.actor,
            row.reason,
        )
        for row in rows
    )


def page(connection: sa.Connection, wanted: Wanted) -> tuple[Facts, ...]:
    """Submissions, newest first."""
    chosen = sa.select(*FACTS).order_by(_C.id.desc()).limit(wanted.limit)
    for name in ("caller", "state", "service", "village"):
        value = getattr(wanted, name)
        if value is not None:
            chosen = chosen.where(_C[name] == value)
    if wanted.after is not None:
        chosen = chosen.where(_C.id > wanted.after)
    if wanted.before is not None:
        chosen = chosen.where(_C.id < wanted.before)
    return tuple(facts_of_row(row) for row in connection.execute(chosen))


def place(connection: sa.Connection, id_: str) -> int | None:
    """Place among those of its village and class that wait; None if it does not."""
    own = connection.execute(sa.select(_C.village, _C.priority, _C.seq, _C.rank).where(_C.id == id_)).one_or_none()
    if own is None or own.rank is None:
        return None
    earlier = (
        sa.select(sa.literal(1))
        .where(
            _C.village == own.village,
            _C.priority == own.priority,
            _C.rank.is_not(None),
            sa.tuple_(_C.seq, _C.id) < sa.tuple_(sa.literal(own.seq, sa.BigInteger()), sa.literal(id_)),
        )
        .limit(MOST_COUNTED)
        .subquery()
    )
    return int(connection.execute(sa.select(sa.func.count()).select_from(earlier)).scalar_one()) + 1


def ahead(connection: sa.Connection, id_: str) -> int | None:
    """How many of more urgent classes, or filed earlier in its own, wait before one that is queued."""
    own = connection.execute(sa.select(_C.priority, _C.seq, _C.state, _C.held).where(_C.id == id_)).one_or_none()
    if own is None or own.state != SubmissionState.QUEUED or own.held:
        return None
    place_of_own = sa.literal(own.priority), sa.literal(own.seq, sa.BigInteger()), sa.literal(id_)
    earlier = (
        sa.select(sa.literal(1))
        .where(
            _C.rank.is_not(None),
            _C.state.in_(_MOVING),
            _C.held.is_(False),
            sa.tuple_(_C.priority, _C.seq, _C.id) < sa.tuple_(*place_of_own),
        )
        .limit(MOST_COUNTED)
        .subquery()
    )
    counted = int(connection.execute(sa.select(sa.func.count()).select_from(earlier)).scalar_one())
    return counted if counted < MOST_COUNTED else None


def waiting(connection: sa.Connection) -> tuple[Waiting, ...]:
    """How much is not with the centre yet, by class."""
    counted = (
        sa.select(_C.priority, sa.func.count(), sa.func.min(_C.seq))
        .where(_C.rank.is_not(None))
        .group_by(_C.priority)
        .order_by(_C.priority)
    )
    return tuple(
        Waiting(Priority(priority), count, first / MICRO) for priority, count, first in connection.execute(counted)
    )


def switches(connection: sa.Connection) -> tuple[Switch, ...]:
    """All that is held or switched off."""
    rows = connection.execute(sa.select(SWITCHES).order_by(SWITCHES.c.scope, SWITCHES.c.name))
    return tuple(Switch(row.scope, row.name, row.mode, row.actor, row.reason, row.at) for row in rows)
