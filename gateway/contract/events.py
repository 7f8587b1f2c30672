"""What observers are told: an exchange ended, a circuit moved. No personal data in any field."""

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
