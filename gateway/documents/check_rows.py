"""What codes tell; each function is work in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from gateway.database import insert_into
from gateway.documents.documents import PaperState, Verdict
from gateway.documents.tables import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

_C = CODES.c
_OPEN = (PaperState.FINAL.value, PaperState.PROVISIONAL.value)


def put(
    connection: sa.Connection,
    mark: bytes,
    kind: str,
    state: PaperState,
    now: float,
    *,
    until: float | None = None,
    document: str = "",
) -> None:
    """A new code; what an earlier fetch of the same document had is told of no more."""
    if document:
        connection.execute(sa.delete(CODES).where(_C.document == document))
    row = {"mark": mark, "kind": kind, "state": state.value, "since": now, "until": until, "document": document}
    connection.execute(insert_into(connection, CODES).values(row).on_conflict_do_nothing())


def find(connection: sa.Connection, marks: Sequence[bytes], now: float) -> Verdict | None:
    """What a code tells, found by its mark; what has run out says so."""
    row = connection.execute(sa.select(CODES).where(_C.mark.in_(marks))).one_or_none()
    if row is None:
        return None
    state = PaperState(row.state)
    if row.until is not None and row.until <= now and row.state in _OPEN:
        return Verdict(row.kind, PaperState.EXPIRED, row.until, row.until)
    return Verdict(row.kind, state, row.since, row.until)


def end(connection: sa.Connection, document: str, state: PaperState, now: float) -> None:
    """A document's code tells this from now on."""
    connection.execute(sa.update(CODES).where(_C.document == document).values(state=state.value, since=now))


def close(connection: sa.Connection, mark: bytes, state: PaperState, now: float) -> bool:
    """A code that stands on a paper of our own tells this from now on; False if there is none."""
    changed = sa.update(CODES).where(_C.mark == mark, _C.document == "").values(state=state.value, since=now)
    return connection.execute(changed).rowcount == 1
