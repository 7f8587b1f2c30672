"""The one table of legal moves (pure).

```
accepted ─► in_review ⇄ returned ─► expired
   │            │
   └────────────┴─► queued ⇄ sending ─► delivered ─► issued
                      ▲ │       │  │        └─────► rejected
                      │ ▼       ▼  ▼
            cancelled   └── unknown ─► attention ─► (a person)
```

`sending` is entered by a claim, and the claim's own commit is the mark that the centre may have seen it: whoever finds
a claim nobody ends any more asks the centre, and never resends blindly. `queued` therefore always means *the centre
certainly has nothing*. Restoring an old copy makes that uncertain for all, hence `queued`, `delivered` ─► `unknown`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.contract.errors import Conflict
from gateway.contract.submissions import SubmissionState as State

if TYPE_CHECKING:
    from collections.abc import Mapping

LEGAL: Final[Mapping[State | None, frozenset[State]]] = MappingProxyType(
    {
        None: frozenset({State.IN_REVIEW, State.QUEUED}),
        State.IN_REVIEW: frozenset({State.RETURNED, State.QUEUED, State.CANCELLED}),
        State.RETURNED: frozenset({State.IN_REVIEW, State.QUEUED, State.CANCELLED, State.EXPIRED}),
        State.QUEUED: frozenset({State.SENDING, State.UNKNOWN, State.CANCELLED}),
        State.SENDING: frozenset({State.DELIVERED, State.QUEUED, State.UNKNOWN, State.ATTENTION}),
        State.UNKNOWN: frozenset({State.DELIVERED, State.QUEUED, State.ATTENTION}),
        State.DELIVERED: frozenset({State.ISSUED, State.REJECTED, State.UNKNOWN}),
        State.ISSUED: frozenset(),
        State.REJECTED: frozenset(),
        State.ATTENTION: frozenset({State.QUEUED, State.UNKNOWN, State.DELIVERED, State.CANCELLED}),
        State.CANCELLED: frozenset(),
        State.EXPIRED: frozenset(),
    }
)
"""Where a submission may go from each state; None is *not there yet*."""

ENDS: Final = frozenset(state for state, after in LEGAL.items() if state is not None and not after)
"""States nothing leaves; from here on the payload may be shredded."""

OPEN: Final = frozenset({State.QUEUED, State.SENDING, State.UNKNOWN, State.ATTENTION})
"""States that hold up later submissions about the same subject: the centre does not surely have it yet."""

DOUBTED: Final = frozenset({State.QUEUED, State.SENDING, State.DELIVERED, State.ATTENTION})
"""States that say too little once an old copy was restored: the centre may have it, or have decided, since."""

RESTORED: Final = "restored"
"""Reason of those moves."""

CLAIMABLE: Final = frozenset({State.QUEUED, State.UNKNOWN})
"""States a dispatcher may claim: to send it, or to ask about it."""


def check(before: State | None, after: State) -> None:
    """Pass a legal move.

    Raises:
        Conflict: It is none; the text names both states.
    """
    if after not in LEGAL[before]:
        raise Conflict(f"A submission that is {before or 'not there'} cannot become {after}.")


def rank(state: State, *, claimed: bool = False) -> int | None:
    """Place among those about one subject.

    Returns:
        0 for one a dispatcher has: nothing else of the subject may go, whenever it was filed; 1 for one that may have
        been sent or needs a person; 2 for one that waits, in order of filing; None for what is past.
    """
    if state not in OPEN:
        return None
    if claimed:
        return 0
    return 2 if state is State.QUEUED else 1


def retried(*, uncertain: bool) -> State:
    """Where an operator's retry leads out of `attention`: what may have been sent is asked about first."""
    return State.UNKNOWN if uncertain else State.QUEUED
