"""The facts of blobs and who needs them; each function is work for `Database.read` or `Database.write`.

An upload is fenced by its own progress: it grows only from where its sender saw it end, so of two senders one wins and
the other learns the new end. A caller's share is counted under a lock. Whoever takes a blob for a submission changes
its row, and whoever throws blobs away locks theirs before asking who needs them: on PostgreSQL the one then sees what
the other did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import sqlalchemy as sa

from gateway.blobs.blobs import Blob
from gateway.blobs.tables import BLOBS, USES
from gateway.contract.errors import TooManyRequests
from gateway.database import insert_into

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE = 500
"""Blobs read, or thrown away, in one transaction."""

FULL_FOR = 600.0
"""Seconds after which a caller whose share is full may try again."""

_SHARES = 0x424C4F42
"""First number of the locks on callers' shares, apart from those with one number (`subject_rows`)."""

_C = BLOBS.c
_NAMES = tuple("got" if name == "offset" else name for name in Blob.__struct_fields__)
_FACTS = tuple(_C[name] for name in _NAMES)
_NEEDED = sa.select(USES.c.blob).where(USES.c.blob == _C.id).exists()


def of_mark(connection: sa.Connection, mark: bytes) -> Blob | None:
    """The blob found by a mark."""
    return _one(connection, _C.mark == mark)


def of_id(connection: sa.Connection, id_: str) -> Blob | None:
    """The blob of an id."""
    return _one(connection, _C.id == id_)


def begin(connection: sa.Connection, new: Blob, mark: bytes, most: int, now: float) -> Blob:
    """The blob found by a mark, or this new one.

    Raises:
        TooManyRequests: So many bytes of its caller would wait unused.
    """
    known = of_mark(connection, mark)
    if known is not None:
        return known
    _lock_share(connection, new.caller)
    unused = sa.select(sa.func.coalesce(sa.func.sum(_C.length), 0)).where(_C.caller == new.caller, ~_NEEDED)
    if int(connection.execute(unused).scalar_one()) + new.length > most:
        raise TooManyRequests(
            "Too many bytes wait under this key without belonging to a submission: hand in what they belong to.",
            retry_after=FULL_FOR,
        )
    row = {**_row(new), "mark": mark, "touched_at": now}
    if connection.execute(insert_into(connection, BLOBS).on_conflict_do_nothing(), row).rowcount == 1:
        return new
    return of_mark(connection, mark) or new


def grow(connection: sa.Connection, before: Blob, after: Blob, now: float) -> bool:
    """Store that a blob grew; False if it is not any more as it was before."""
    same = sa.update(BLOBS).where(_C.id == before.id, _C.got == before.offset, _C.complete.is_(False))
    return connection.execute(same.values({**_row(after), "touched_at": now})).rowcount == 1


def complete(connection: sa.Connection, id_: str, now: float) -> bool:
    """Store that a blob is whole; False if it is not there any more."""
    whole = sa.update(BLOBS).where(_C.id == id_, _C.got == _C.length).values(complete=True, touched_at=now)
    return connection.execute(whole).rowcount == 1


def empty(connection: sa.Connection, blob: Blob, now: float) -> bool:
    """Forget what a complete blob held; False if it is not there, or not complete, any more."""
    same = sa.update(BLOBS).where(_C.id == blob.id, _C.complete.is_(True))
    return connection.execute(same.values({**_row(blob), "touched_at": now})).rowcount == 1


def remove(connection: sa.Connection, id_: str) -> None:
    """Forget a blob that is not complete, and its key."""
    connection.execute(sa.delete(BLOBS).where(_C.id == id_, _C.complete.is_(False)))


def complete_ids(connection: sa.Connection, marks: Sequence[bytes]) -> dict[bytes, str]:
    """Ids of complete blobs, by mark."""
    found = sa.select(_C.mark, _C.id).where(_C.mark.in_(marks), _C.complete.is_(True))
    return {bytes(row.mark): row.id for row in connection.execute(found)}


def take(connection: sa.Connection, submission: str, ids: Sequence[str], now: float) -> tuple[str, ...]:
    """Keep blobs for as long as a submission needs them.

    Returns:
        The ids again, empty texts in place of those that are not there (any more).
    """
    wanted = sorted({id_ for id_ in ids if id_})
    here: set[str] = set()
    for id_ in wanted:  # one by one in one order, so that two submissions with the same blobs never lock crosswise
        touched = sa.update(BLOBS).where(_C.id == id_, _C.complete.is_(True)).values(touched_at=now)
        if connection.execute(touched).rowcount == 1:
            here.add(id_)
    if here:
        connection.execute(
            insert_into(connection, USES).on_conflict_do_nothing(),
            [{"submission": submission, "blob": id_} for id_ in sorted(here)],
        )
    return tuple(id_ if id_ in here else "" for id_ in ids)


def exchange(connection: sa.Connection, submission: str, ids: Sequence[str], now: float) -> tuple[str, ...]:
    """Let a submission need these blobs instead of those it needed; as `take`. The others wait as if just uploaded."""
    before = list(connection.execute(sa.select(USES.c.blob).where(USES.c.submission == submission)).scalars())
    touched = sa.update(BLOBS).where(_C.id.in_(before), _C.complete.is_(True)).values(touched_at=now)
    connection.execute(touched)
    connection.execute(sa.delete(USES).where(USES.c.submission == submission))
    return take(connection, submission, ids, now)


def release(connection: sa.Connection, submissions: Sequence[str]) -> int:
    """Forget the blobs (and their keys) that nobody needs but these submissions; how many there were."""
    theirs = sa.select(USES.c.blob).where(USES.c.submission.in_(submissions)).distinct().order_by(USES.c.blob)
    ids = list(connection.execute(theirs).scalars())
    if not ids:
        return 0
    _lock(connection, ids)
    connection.execute(sa.delete(USES).where(USES.c.submission.in_(submissions)))
    return connection.execute(sa.delete(BLOBS).where(_C.id.in_(ids), ~_NEEDED)).rowcount


def sweep(connection: sa.Connection, before: float) -> int:
    """Forget blobs nobody needs or touched since; how many, at most `AT_ONCE`."""
    old = sa.select(_C.id).where(_C.touched_at < before, ~_NEEDED).order_by(_C.id).limit(AT_ONCE)
    ids = list(connection.execute(old).scalars())
    if not ids:
        return 0
    _lock(connection, ids)
    gone = sa.delete(BLOBS).where(_C.id.in_(ids), _C.touched_at < before, ~_NEEDED)
    return connection.execute(gone).rowcount


def of_submission(connection: sa.Connection, submission: str) -> tuple[Blob, ...]:
    """The blobs a submission needs."""
    return _all(connection, _C.id.in_(sa.select(USES.c.blob).where(USES.c.submission == submission)))


def whole(connection: sa.Connection, after: str) -> tuple[Blob, ...]:
    """Some complete blobs, in order of their ids."""
    return _all(connection, sa.and_(_C.id > after, _C.complete.is_(True)))


def known(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are blobs."""
    return set(connection.execute(sa.select(_C.id).where(_C.id.in_(ids))).scalars())


def _lock_share(connection: sa.Connection, caller: str) -> None:
    """Let no other instance count a caller's share until this transaction ends; on SQLite there is one writer."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SHARES, sa.func.hashtext(caller)))).all()


def _lock(connection: sa.Connection, ids: Sequence[str]) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(_C.id).where(_C.id.in_(ids)).order_by(_C.id).with_for_update()).all()


def _one(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> Blob | None:
    return next(iter(_all(connection, wanted)), None)


def _all(connection: sa.Connection, wanted: sa.ColumnElement[bool]) -> tuple[Blob, ...]:
    rows = connection.execute(sa.select(*_FACTS).where(wanted).order_by(_C.id).limit(AT_ONCE))
    return tuple(_blob(row) for row in rows)


def _blob(row: Any) -> Blob:
    values = dict(zip(Blob.__struct_fields__, row, strict=True))
    return Blob(**{**values, "complete": bool(values["complete"]), "wrapped_key": bytes(values["wrapped_key"])})


def _row(blob: Blob) -> dict[str, object]:
    values = msgspec.structs.astuple(blob)
    return dict(zip(_NAMES, values, strict=True))
