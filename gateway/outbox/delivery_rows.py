"""What is to be told whom, as statements; each function is work for `Database.read` or `Database.write`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from gateway.database import insert_into
from gateway.outbox import lease_rows, notice_rows
from gateway.outbox.notice_rows import ROUTED, Place
from gateway.outbox.notifying import DEAD, PENDING, Counts, Delivery
from gateway.outbox.tables import CURSORS, DELIVERIES, NOTICES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gateway.outbox.notice_rows import Notice
    from gateway.outbox.notifying import DeliveryState

LEASE: Final = "notify"
_C = DELIVERIES.c
_KEY = (_C.notice, _C.notifier, _C.target)


class Key(NamedTuple):
    """What one delivery is stored under."""

    notice: int
    notifier: str
    target: str


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


def named(connection: sa.Connection, ids: Collection[str]) -> list[Key]:
    """Keys of deliveries by what people call them."""
    of_notice = NOTICES.c.seq == _C.notice
    about = NOTICES.c.submission.in_(sorted({id_.partition(".")[0] for id_ in ids}))
    chosen = sa.select(*_KEY, NOTICES.c.submission, NOTICES.c.number).join(NOTICES, of_notice).where(about)
    rows = connection.execute(chosen)
    return [Key(*row[:3]) for row in rows if f"{row.submission}.{row.number}.{row.target}" in ids]


def dead(connection: sa.Connection, limit: int) -> list[Key]:
    """Keys of some that are dead."""
    return [Key(*row) for row in connection.execute(sa.select(*_KEY).where(_C.state == DEAD).limit(limit))]


def retry(connection: sa.Connection, keys: Sequence[Key], now: float) -> int:
    """Try those again; how many are still there."""
    anew = {"state": PENDING, "next_at": now, "first_at": 0.0, "tries": 0}
    return sum(connection.execute(sa.update(DELIVERIES).where(*_at(key)).values(anew)).rowcount for key in keys)


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
    return _at(Key(delivery.notice.place.seq, delivery.notifier, delivery.target))


def _at(key: Key) -> tuple[sa.ColumnElement[bool], ...]:
    return tuple(column == value for column, value in zip(_KEY, key, strict=True))


def _deliveries(connection: sa.Connection, rows: Sequence[Any]) -> tuple[Delivery, ...]:
    notices: dict[int, Notice] = notice_rows.of_numbers(connection, {row.notice for row in rows}) if rows else {}
    return tuple(
        Delivery(
            notices[row.notice], row.notifier, row.target, row.tries, row.first_at, row.next_at, row.state, row.code
        )
        for row in rows
        if row.notice in notices
    )
