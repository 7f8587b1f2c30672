"""What observers are told: an exchange ended, a circuit moved, something happened at the centre.

No personal data in any field, but for `CentreEvent`, which names whom it is about.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from gateway.contract.messages import CentreService, Source


class CircuitState(StrEnum):
    """State of the breaker of one service of the centre."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitMove(msgspec.Struct, frozen=True):
    """A breaker changed its state.

    Attributes:
        service: Whose breaker.
        before: State until now.
        after: State from now on.
        reason: Why, in a few stable words: `failure_rate`, `slow_rate`, `probe_failed`, `probe_succeeded`,
            `open_time_over`, `manual`.
        at: Unix seconds.
    """

    service: CentreService
    before: CircuitState
    after: CircuitState
    reason: str
    at: float


class CentreEvent(msgspec.Struct, frozen=True):
    """Something that happened at the centre, told to observers at least once and in the centre's order.

    It is told before it takes effect here, by the one instance that follows the centre, and again if that instance dies
    in between. `nik`, `no_kk` and `no_kk_before` are personal data: never log them, never keep them in clear.

    Attributes:
        seq: Its place among all events of the account it was read under.
        at: When it happened, Unix seconds.
        kind: `issued`, `rejected`, `recording`, `change`, `death`.
        reference: Id of the submission or recording; empty for `change` and `death`.
        code: The coded reason of `rejected`, the new state of `recording`; empty otherwise.
        nik: Whom it is about; None where it names nobody.
        no_kk: The KK the resident is in.
        no_kk_before: The KK the resident left, if it is another one.
        elements: Wire names of what changed.
    """

    seq: int
    at: float
    kind: str
    reference: str = ""
    code: str = ""
    nik: str | None = None
    no_kk: str | None = None
    no_kk_before: str | None = None
    elements: tuple[str, ...] = ()


ANSWERED, ABANDONED = "answered", "abandoned"
"""Outcomes of an exchange that are no error."""


class ExchangeRecord(msgspec.Struct, frozen=True):
    """One finished act that revealed (or refused to reveal) personal data.

    Attributes:
        verb: What was done.
        service: The centre's service asked.
        caller: The caller's id.
        right: Name of the right.
        adapter: Extension it came through, or `native`.
        village: Village code, empty if unknown.
        purpose: Purpose code.
        outcome: `answered`, `abandoned` (nobody waited for the end), or the error's code.
        source: Where the answer came from; None when there was none.
        age_seconds: Age of the answer; 0 when there was none.
        seconds: How long it took.
        request_id: Correlation id.
    """

    verb: Literal["ask"]
    service: CentreService
    caller: str
    right: str
    adapter: str
    village: str
    purpose: str
    outcome: str
    source: Source | None
    age_seconds: float
    seconds: float
    request_id: str
