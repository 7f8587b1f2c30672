"""What is to be told whom, as statements; each function is work for `Database.read` or `Database.write`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from gateway.database import insert_into
from gateway.outbox import lease_rows, notice_rows
from gateway.outbox.notice_rows import ROUTED, Place
from gateway.outbox.notifying import DEAD, PENDING, Counts, Delivery
from gateway.outbox.tables import CURSORS, DELIVERIES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gateway.outbox.notice_rows import Notice
    from gateway.outbox.notifying import DeliveryState

LEASE: Final = "notify"
_C = DELIVERIES.c


def routed(connection: sa.Connection) -> Place | None:
    """Up to where deliveries were made; None if never."""
    row = connection.execute(sa.select(CURSORS.c.epoch, CURSORS.c.at_seq).where(CURSORS.c.name == ROUTED)).one_or_none()
    return None if row is None else Place(*row)


def route(connection: sa.Connection, token: int, upto: Place, deliveries: Sequence[Delivery]) -> bool:
    """See `Notifying.route`."""
    if not lease_rows.fence(connection, LEASE, token):
        return False
    rows = [
        {
            "notice": one.notice.place.seq,
            "notifier": one.notifier,
            "target": one.target,
            "state": one.state,
            "next_at": one.next_at,
            "first_at": one.first_at,
            "tries": one.tries,
            "code": one.code,
        }
        for one in deliveries
    ]
    if rows:
        connection.execute(insert_into(connection, DELIVERIES).on_conflict_do_nothing(), rows)
    place = {"epoch": upto.epoch, "at_seq": upto.seq}
    mark = insert_into(connection, CURSORS).values(name=ROUTED, **place)
    connection.execute(mark.on_conflict_do_update(index_elements=["name"], set_=place))
    return True


def due(
    connection: sa.Connection, notifier: str, resting: Collection[str], each: int, now: float
) -> tuple[Delivery, ...]:
    """See `Notifying.due`; a target with a thousand waiting costs no more than one with a few."""
    waiting = (_C.state == PENDING, _C.notifier == notifier)
    found: list[Any] = []
    for target in _targets(connection, *waiting):
        if target in resting:
            continue
        mine = sa.select(DELIVERIES).where(*waiting, _C.target == target, _C.next_at <= now)
        found += connection.execute(mine.order_by(_C.next_at, _C.notice).limit(each)).all()
    return _deliveries(connection, found)


def delivered(connection: sa.Connection, token: int, delivery: Delivery) -> bool:
    """See `Notifying.delivered`."""
    if not lease_rows.fence(connection, LEASE, token):
        return False
    connection.execute(sa.delete(DELIVERIES).where(*_is(delivery)))
    return True


def failed(connection: sa.Connection, token: int, delivery: Delivery) -> bool:
    """See `Notifying.failed`."""
    if not lease_rows.fence(connection, LEASE, token):
        return False
    kept = {name: getattr(delivery, name) for name in ("state", "next_at", "first_at", "tries", "code")}
    connection.execute(sa.update(DELIVERIES).where(*_is(delivery)).values(kept))
    return True


def listed(connection: sa.Connection, state: DeliveryState | None, limit: int) -> tuple[Delivery, ...]:
    """See `Notifying.listed`."""
    chosen = sa.select(DELIVERIES).order_by(_C.notice, _C.notifier, _C.target).limit(limit)
    if state is not None:
        chosen = chosen.where(_C.state == state)
    return _deliveries(connection, connection.execute(chosen).all())


def retry(connection: sa.Connection, wanted: Collection[Delivery] | None, now: float) -> int:
    """Try those, or all dead ones, again."""
    anew = {"state": PENDING, "next_at": now, "first_at": 0.0, "tries": 0}
    if wanted is None:
        return connection.execute(sa.update(DELIVERIES).where(_C.state == DEAD).values(anew)).rowcount
    return sum(connection.execute(sa.update(DELIVERIES).where(*_is(one)).values(anew)).rowcount for one in wanted)


def counts(connection: sa.Connection) -> Counts:
    """See `Notifying.counts`."""
    rows = connection.execute(sa.select(_C.state, sa.func.count()).group_by(_C.state)).all()
    counted: dict[str, int] = {row[0]: row[1] for row in rows}
    return Counts(counted.get(PENDING, 0), counted.get(DEAD, 0))


def _targets(connection: sa.Connection, *waiting: sa.ColumnElement[bool]) -> Iterator[str]:
    """Whom anything waits for, in order; a step in the index for each, however much that is."""
    first = sa.select(sa.func.min(_C.target)).where(*waiting)
    target = connection.execute(first).scalar_one_or_none()
    while target is not None:
        yield target
        target = connection.execute(first.where(_C.target > target)).scalar_one_or_none()


def _is(delivery: Delivery) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _C.notice == delivery.notice.place.seq,
        _C.notifier == delivery.notifier,
        _C.target == delivery.target,
    )


def _deliveries(connection: sa.Connection, rows: Sequence[Any]) -> tuple[Delivery, ...]:
    notices: dict[int, Notice] = notice_rows.of_numbers(connection, {row.notice for row in rows}) if rows else {}
    return tuple(
        Delivery(
            notices[row.notice], row.notifier, row.target, row.tries, row.first_at, row.next_at, row.state, row.code
        )
        for row in rows
        if row.notice in notices
    )
