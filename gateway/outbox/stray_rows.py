"""Strays: submissions the centre, or a receipt in a caller's hands, speaks of and that are not known here.

```
event about an unknown reference ─┐
an operator names a reference ────┴─► stray ─┬─► its caller repeats the hand-in: adopted under that very reference
                                             └─► a person settled it
```

They come of a return from an old backup. A repetition is known by the tail of its id (`receipts`), so it becomes what
the centre has already instead of a second submission.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from gateway.catalogue.receipts import TAIL_AT, is_id, made_at, tail_of
from gateway.outbox.following import Stray, Tiding
from gateway.outbox.tables import OUTCOMES, STRAYS, SUBMISSIONS

MOST: Final = 100_000
"""Strays that are kept; of what comes beyond only the log tells, so that no centre can fill the disk."""

SHOWN: Final = 10_000
"""Strays listed at once, at most."""

ADOPTED: Final = "adopted"
"""Reason of those whose hand-in was repeated."""

_S = STRAYS.c


def keep(connection: sa.Connection, account: str, tiding: Tiding, now: float) -> bool:
    """Keep what the centre told of an unknown reference, with what it told before; False if it is not kept."""
    if not is_id(tiding.reference):  # no id of ours: it may hold anything
        return False
    row = connection.execute(sa.select(STRAYS).where(_S.reference == tiding.reference)).one_or_none()
    kinds = {document.kind for document in tiding.documents}
    fresh = {
        "account": account,
        "seq": tiding.seq,
        "receipt": tiding.receipt,
        "rejected": tiding.rejected,
        "documents": " ".join(sorted(kinds.union(() if row is None else row.documents.split()))),
        "decided_at": tiding.at,
    }
    if row is not None:
        connection.execute(sa.update(STRAYS).where(_S.reference == tiding.reference).values(fresh))
        return True
    return _insert(connection, tiding.reference, fresh, now)


def recall(connection: sa.Connection, reference: str, now: float) -> bool:
    """Keep a reference that is in a caller's hands; False if it is known here, as submission or stray, or no id."""
    if not is_id(reference):
        return False
    known = [sa.select(SUBMISSIONS.c.id).where(SUBMISSIONS.c.id == reference)]
    known.append(sa.select(_S.reference).where(_S.reference == reference))
    if any(connection.execute(question).first() is not None for question in known):
        return False
    nothing = {"account": "", "seq": 0, "receipt": "", "rejected": "", "documents": "", "decided_at": None}
    return _insert(connection, reference, nothing, now)


def of_tail(tail: sa.ColumnElement[str]) -> sa.ScalarSelect[str]:
    """The stray that a hand-in with this tail repeats."""
    found = sa.select(_S.reference).where(_S.tail == tail, _S.settled_at.is_(None))
    return found.order_by(_S.reference).limit(1).scalar_subquery()


def tiding_of(connection: sa.Connection, reference: str) -> Tiding | None:
    """What the centre told of a stray, without its documents; None if there is none that is open."""
    wanted = sa.select(STRAYS).where(_S.reference == reference, _S.settled_at.is_(None))
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Tiding(row.seq, reference, row.receipt, rejected=row.rejected, at=row.decided_at)


def settle(connection: sa.Connection, reference: str, actor: str, reason: str, now: float) -> bool:
    """Nothing is left to do about a stray; False if there is none, or it is settled."""
    this = sa.update(STRAYS).where(_S.reference == reference, _S.settled_at.is_(None))
    return connection.execute(this.values(settled_at=now, actor=actor, reason=reason)).rowcount == 1


def open_ones(connection: sa.Connection) -> tuple[Stray, ...]:
    """Those somebody must look at, the oldest hand-in first."""
    wanted = sa.select(STRAYS).where(_S.settled_at.is_(None)).order_by(_S.reference).limit(SHOWN)
    rows = connection.execute(wanted).all()
    here = _repetitions(connection) if rows else {}
    return tuple(
        Stray(
            row.reference,
            made_at(row.reference),
            row.account,
            row.receipt,
            tuple(row.documents.split()),
            row.rejected,
            row.decided_at,
            row.told_at,
            tuple(here.get(row.reference, ())),
        )
        for row in rows
    )


def count(connection: sa.Connection) -> int:
    """How many are open."""
    return int(connection.execute(sa.select(sa.func.count()).where(_S.settled_at.is_(None))).scalar_one())


def forget(connection: sa.Connection, before: float) -> int:
    """Destroy the documents of strays told before that time, and those settled before it; how many went."""
    old = sa.select(_S.reference).where(_S.told_at < before)
    known = sa.select(SUBMISSIONS.c.id).where(SUBMISSIONS.c.id == OUTCOMES.c.submission).exists()
    gone = connection.execute(sa.delete(OUTCOMES).where(OUTCOMES.c.submission.in_(old), ~known)).rowcount
    return gone + connection.execute(sa.delete(STRAYS).where(_S.settled_at < before)).rowcount


def _insert(connection: sa.Connection, reference: str, facts: dict[str, object], now: float) -> bool:
    if connection.execute(sa.select(sa.func.count()).select_from(STRAYS)).scalar_one() >= MOST:
        return False
    own = {"reference": reference, "tail": tail_of(reference), "told_at": now, "settled_at": None}
    connection.execute(sa.insert(STRAYS).values(**own, **facts, actor="", reason=""))
    return True


def _repetitions(connection: sa.Connection) -> dict[str, list[str]]:
    """Submissions here that repeat an open stray, by reference: handed in before anybody knew of it."""
    here = SUBMISSIONS.c.id
    same = sa.and_(sa.func.substr(here, TAIL_AT + 1) == _S.tail, here != _S.reference)
    found: dict[str, list[str]] = {}
    pairs = sa.select(_S.reference, here).join(SUBMISSIONS, same).where(_S.settled_at.is_(None)).order_by(here)
    for reference, id_ in connection.execute(pairs):
        found.setdefault(reference, []).append(id_)
    return found
