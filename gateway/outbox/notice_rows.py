"""Notices: the moves worth telling, written in the move's own transaction and read in one order that all agree on.

On PostgreSQL transactions commit in another order than they took their numbers, so a reader that remembers the highest
number would miss what commits later. Each notice therefore carries the number of its transaction, its *epoch*, and only
epochs below the oldest transaction still writing are read: nothing can come to stand before what was read. On SQLite
there is one writer, and all notices have epoch 0.

Not told are the hand-in itself, for its caller has the receipt, and `sending`, which may be undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState
from gateway.database.spelled import Spelled
from gateway.outbox.tables import CURSORS, DELIVERIES, NOTICES

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

    from gateway.outbox.outbox import Facts

ROUTED: Final = "notices"
"""Name of the cursor up to which notices became deliveries."""

PURGED_AT_ONCE: Final = 1_000
"""Notices one transaction forgets, at most."""

_C = NOTICES.c
_INSERT = Spelled(sa.insert(NOTICES).inline())
_ORDER = (_C.epoch, _C.seq)
_SETTLED = {
    "sqlite": sa.true(),
    "postgresql": _C.epoch
    < sa.literal_column("CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)", sa.BigInteger()),
}


class Place(msgspec.Struct, frozen=True, order=True):
    """A place in the order of notices."""

    epoch: int
    seq: int


BEGINNING: Final = Place(0, 0)
"""Before the first notice."""


class Notice(msgspec.Struct, frozen=True):
    """One stored move, for its caller; no personal data.

    Attributes:
        place: Where it stands among all notices.
        submission: The submission's id.
        number: Number of the move within the submission.
        caller: Id of the caller who handed it in.
        service: Service of the centre.
        village: Village code.
        before: State until then.
        after: State from then on.
        reason: A stable word or the centre's coded reason; may be empty.
        at: When, Unix seconds.
    """

    place: Place
    submission: str
    number: int
    caller: str
    service: str
    village: str
    before: SubmissionState
    after: SubmissionState
    reason: str
    at: float


def note(connection: sa.Connection, facts: Facts, number: int, after: SubmissionState, reason: str, now: float) -> None:
    """Write a notice of a move, in its transaction; `facts` are from before the move."""
    row = {"submission": facts.id, "number": number, "caller": facts.caller, "service": facts.service}
    told = {"village": facts.village, "before": facts.state.value, "after": after.value, "reason": reason, "at": now}
    _INSERT.run(connection, row | told)


def after(connection: sa.Connection, place: Place, limit: int, caller: str | None = None) -> tuple[Notice, ...]:
    """Notices behind a place, in order; a caller's, or everybody's."""
    chosen = sa.select(NOTICES).where(_behind(place), _SETTLED[connection.dialect.name]).order_by(*_ORDER).limit(limit)
    if caller is not None:
        chosen = chosen.where(_C.caller == caller)
    return tuple(_notice(row) for row in connection.execute(chosen))


def callers_after(connection: sa.Connection, place: Place, limit: int) -> tuple[Place, frozenset[str]]:
    """Whose notices stand behind a place, and the place of the last one looked at."""
    chosen = (
        sa.select(_C.epoch, _C.seq, _C.caller)
        .where(_behind(place), _SETTLED[connection.dialect.name])
        .order_by(*_ORDER)
        .limit(limit)
    )
    rows = connection.execute(chosen).all()
    return (Place(rows[-1].epoch, rows[-1].seq) if rows else place), frozenset(row.caller for row in rows)


def last(connection: sa.Connection) -> Place:
    """The place of the last notice that can be read; the beginning if there is none."""
    newest = sa.select(*_ORDER).where(_SETTLED[connection.dialect.name])
    row = connection.execute(newest.order_by(_C.epoch.desc(), _C.seq.desc()).limit(1)).one_or_none()
    return BEGINNING if row is None else Place(*row)


def of_numbers(connection: sa.Connection, seqs: Collection[int]) -> dict[int, Notice]:
    """Notices by their numbers; those that are gone are left out."""
    chosen = sa.select(NOTICES).where(_C.seq.in_(seqs))
    return {row.seq: _notice(row) for row in connection.execute(chosen)}


def purge(connection: sa.Connection, before: float) -> int:
    """Forget some of the oldest notices from before a time, and what was still to be told of them; how many."""
    oldest = sa.select(_C.seq, _C.at).order_by(*_ORDER).limit(PURGED_AT_ONCE).subquery()
    over = connection.execute(sa.select(oldest.c.seq).where(oldest.c.at < before)).scalars().all()
    if over:
        connection.execute(sa.delete(DELIVERIES).where(DELIVERIES.c.notice.in_(over)))
        connection.execute(sa.delete(NOTICES).where(_C.seq.in_(over)))
    return len(over)


def renumber(connection: sa.Connection) -> bool:
    """After a restore into another PostgreSQL, whose transactions count from less on: all there is comes first again.

    Returns:
        Whether there was any need.
    """
    if connection.dialect.name == "sqlite":
        return False
    present = sa.literal_column("CAST(CAST(pg_current_xact_id() AS text) AS bigint)", sa.BigInteger())
    ahead = sa.select(sa.literal(1)).where(_C.epoch > present).limit(1)
    if connection.execute(ahead).first() is None:
        return False
    connection.execute(sa.update(NOTICES).values(epoch=0))
    connection.execute(sa.update(CURSORS).where(CURSORS.c.name == ROUTED).values(epoch=0))
    return True


def pace(connection: sa.Connection, most: int) -> tuple[float, ...]:
    """When the last deliveries to the centre were, newest first; among the last notices only."""
    recent = sa.select(_C.at, _C.after).order_by(_C.epoch.desc(), _C.seq.desc()).limit(most).subquery()
    delivered = sa.select(recent.c.at).where(recent.c.after == SubmissionState.DELIVERED.value)
    return tuple(sorted(connection.execute(delivered).scalars(), reverse=True))


def _behind(place: Place) -> sa.ColumnElement[bool]:
    epoch, seq = sa.literal(place.epoch, sa.BigInteger()), sa.literal(place.seq, sa.BigInteger())
    return sa.tuple_(*_ORDER) > sa.tuple_(epoch, seq)


def _notice(row: Any) -> Notice:
    return Notice(
        Place(row.epoch, row.seq),
        row.submission,
        row.number,
        row.caller,
        row.service,
        row.village,
        SubmissionState(row.before),
        SubmissionState(row.after),
        row.reason,
        row.at,
    )
