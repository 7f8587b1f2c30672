"""How each service of the centre is, as the breaker and the limiter measured it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.contract.messages import CentreService
from gateway.contract.status import CentreStatus

if TYPE_CHECKING:
    from gateway.centre.breaker import Breaker
    from gateway.centre.limiter import Limiter
    from gateway.centre.share_holder import Holding


def centre_status(breaker: Breaker, limiter: Limiter, holding: Holding | None = None) -> tuple[CentreStatus, ...]:
    """The state of the way to every service, in the order of `CentreService`.

    Args:
        breaker: Knows the circuits.
        limiter: Knows who waits and what is under way.
        holding: What the limiter lives on, where instances share a limit.
    """
    return tuple(_status(service, breaker, limiter, holding) for service in CentreService)


def _status(service: CentreService, breaker: Breaker, limiter: Limiter, holding: Holding | None) -> CentreStatus:
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
        instances=1 if holding is None else holding.instances,
        limit_of_all=limiter.limit if holding is None or holding.instances == 1 else holding.budget,
    )
