"""Letting go of contents: what is due, a few at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from gateway.blobs import rows as blob_rows
from gateway.outbox.moves import ENDS
from gateway.outbox.tables import OUTCOMES, PAYLOADS, SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

AT_ONCE: Final = 200
"""Contents in one piece of work."""

_C = SUBMISSIONS.c
_P = PAYLOADS.c


def due(connection: sa.Connection, before: float) -> Sequence[str]:
    """Ids of some whose content is still there although they ended before that time."""
    ended = _C.state.in_(sorted(state.value for state in ENDS))
    found = (
        sa.select(_P.submission)
        .join(SUBMISSIONS, _C.id == _P.submission)
        .where(ended, _C.state_at < before)
        .limit(AT_ONCE)
    )
    return connection.execute(found).scalars().all()


def shred(connection: sa.Connection, ids: Sequence[str]) -> int:
    """Delete contents with their keys, outcomes, and the blobs nothing else needs; how many contents there were."""
    blob_rows.release(connection, ids)
    connection.execute(sa.delete(OUTCOMES).where(OUTCOMES.c.submission.in_(ids)))
    return connection.execute(sa.delete(PAYLOADS).where(_P.submission.in_(ids))).rowcount
