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
        instances: Gateways that share the limit of one centre, this one included.
        limit_of_all: What they together may have in flight, as last known; None where nobody said.
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
    instances: int = 1
    limit_of_all: float | None = None


class FollowStatus(msgspec.Struct, frozen=True):
    """How news of the centre travel on.

    Attributes:
        read_at: When all events there were had last been read, Unix seconds; None if never.
        pending: Notifications that wait to be delivered.
        dead: Notifications that could not be delivered within a day; a person must look.
    """

    read_at: float | None
    pending: int
    dead: int
