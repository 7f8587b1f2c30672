"""How the centre is doing, service by service, as the gateway measured it."""

from __future__ import annotations

import msgspec

from gateway.contract.events import CircuitState
from gateway.contract.messages import CentreService


class CentreStatus(msgspec.Struct, frozen=True):
    """State of the way to one service of the centre.

    Attributes:
        service: Which service.
        circuit: State of its breaker.
        since: Unix seconds since when the circuit is in that state.
        reason: Stable words why it is; empty at start.
        waiting: Calls waiting for a place now.
        in_flight: Calls at the centre now.
        limit: Present limit of calls in flight.
        latency_p90: Seconds, over the last window; None before the first answers.
        wait_seconds: Estimated wait of a new call at the counter class.
    """

    service: CentreService
    circuit: CircuitState
    since: float
    reason: str
    waiting: int
    in_flight: int
    limit: float
    latency_p90: float | None
    wait_seconds: float
