"""How each service of the centre is, as the breaker and the limiter measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.messages import CentreService
from gateway.contract.status import CentreStatus

if TYPE_CHECKING:
    from gateway.centre.breaker import Breaker
    from gateway.centre.limiter import Limiter


def centre_status(breaker: Breaker, limiter: Limiter) -> tuple[CentreStatus, ...]:
    """The state of the way to every service, in the order of `CentreService`."""
    return tuple(_status(service, breaker, limiter) for service in CentreService)


def _status(service: CentreService, breaker: Breaker, limiter: Limiter) -> CentreStatus:
    circuit, since, reason = breaker.circuit(service)
    waiting, in_flight, p90, wait = limiter.figures(service)
    return CentreStatus(
        service=service,
        circuit=circuit,
        since=since,
        reason=reason,
        waiting=waiting,
        in_flight=in_flight,
        limit=limiter.limit,
        latency_p90=p90,
        wait_seconds=wait,
    )
