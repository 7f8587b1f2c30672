"""Handed in here against visible there, by age: where a growing gap is, something is stuck."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from gateway.contract.submissions import SubmissionState as State
from gateway.outbox.outbox import Aged
from gateway.outbox.tables import SUBMISSIONS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gateway.outbox.outbox import Facts

HOUR, DAY = 3_600.0, 86_400.0
BANDS: Final = (HOUR, DAY, 3 * DAY, 7 * DAY, 30 * DAY)
"""Where the bands of age end, seconds since the legal filing date; the last one has no end."""

NAMES: Final = ("<1h", "<1d", "<3d", "<7d", "<30d", "30d+")
"""What the bands are called."""

DECIDED: Final = frozenset({State.ISSUED, State.REJECTED})
AT_CENTRE: Final = DECIDED | {State.DELIVERED}
ENDED: Final = frozenset({State.CANCELLED, State.EXPIRED})
_COLUMNS: Final = (AT_CENTRE, DECIDED, frozenset({State.ATTENTION}), ENDED)

_C = SUBMISSIONS.c


def band_of(age: float) -> int:
    """Number of the band of an age in seconds."""
    return sum(age >= end for end in BANDS)


def count(connection: sa.Connection, now: float) -> tuple[Aged, ...]:
    """Counts over all submissions, by service and age."""
    band = sa.case(*((_C.filed_at > now - end, place) for place, end in enumerate(BANDS)), else_=len(BANDS))
    sums = [sa.func.sum(sa.case((_in(states), 1), else_=0)) for states in _COLUMNS]
    grouped = sa.select(_C.service, band.label("band"), sa.func.count(), *sums).group_by(_C.service, band)
    rows = connection.execute(grouped.order_by(_C.service, band))
    return tuple(Aged(row[0], row[1], *(int(count) for count in row[2:])) for row in rows)


def count_of(submissions: Iterable[Facts], now: float) -> tuple[Aged, ...]:
    """The same of what is in memory."""
    counted: dict[tuple[str, int], Counter[int]] = {}
    for facts in submissions:
        of = counted.setdefault((facts.service, band_of(now - facts.filed_at)), Counter())
        of.update([-1, *(place for place, states in enumerate(_COLUMNS) if facts.state in states)])
    return tuple(Aged(*key, *(counted[key][place] for place in range(-1, len(_COLUMNS)))) for key in sorted(counted))


def _in(states: Collection[State]) -> sa.ColumnElement[bool]:
    return _C.state.in_(sorted(state.value for state in states))
