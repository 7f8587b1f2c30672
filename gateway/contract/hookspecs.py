"""The hooks of an extension: sync, typed, called once when it is registered (observers: per event).

They *register objects*; the objects act per request. Results keep the config's order of extensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from gateway.contract.extension import ENTRY_POINT_GROUP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.events import CentreEvent, CircuitMove, ExchangeRecord
    from gateway.contract.host import Job
    from gateway.contract.pages import Templates
    from gateway.contract.roles import Authenticator, HealthCheck, Notifier, Policy
    from gateway.contract.storage import Tables
    from gateway.contract.submissions import SubmissionMoved
    from gateway.contract.web import Route

hookspec = pluggy.HookspecMarker(ENTRY_POINT_GROUP)
hookimpl = pluggy.HookimplMarker(ENTRY_POINT_GROUP)


@hookspec
def gateway_routes() -> Sequence[Route]:  # type: ignore[empty-body] # a hook's specification has no body
    """HTTP routes, each with its rule. Asked once per (re)load. Adapters are mounted under `/apps/<name>`."""


@hookspec
def gateway_pages() -> Sequence[Templates]:  # type: ignore[empty-body] # a hook's specification has no body
    """Its page templates, one package at most. Asked once per (re)load; `host.pages` renders them."""


@hookspec
def gateway_tables() -> Sequence[Tables]:  # type: ignore[empty-body] # a hook's specification has no body
    """Its own tables, one folder of revisions at most. Asked once per (re)load; they are there before `open`."""


@hookspec
def gateway_jobs() -> Sequence[Job]:  # type: ignore[empty-body] # a hook's specification has no body
    """Periodic work for the supervisor. Asked once per (re)load; runs between `open` and `close`."""


@hookspec
def gateway_authenticators() -> Sequence[Authenticator]:  # type: ignore[empty-body] # as above
    """Further ways to identify a caller, tried in config order after the core's own keys."""


@hookspec
def gateway_policies() -> Sequence[Policy]:  # type: ignore[empty-body] # as above
    """Refusals beyond the core's rights, asked in config order before each exchange."""


@hookspec
def gateway_health_checks() -> Sequence[HealthCheck]:  # type: ignore[empty-body] # as above
    """How this extension is, for `/health/ready` and `doctor`."""


@hookspec
def gateway_notifiers() -> Sequence[Notifier]:  # type: ignore[empty-body] # as above
    """Who tells the outside of a submission's moves; one at most. What it is to tell is stored with the move itself."""


@hookspec
def gateway_exchange_finished(record: ExchangeRecord) -> None:
    """Observer: after each exchange, whatever its outcome. Quick, no I/O; errors are logged."""


@hookspec
def gateway_submission_moved(moved: SubmissionMoved) -> None:
    """Observer: after each stored move of a submission. Quick, no I/O; errors are logged."""


@hookspec
def gateway_circuit_moved(move: CircuitMove) -> None:
    """Observer: after each change of a breaker. Quick, no I/O; errors are logged."""


@hookspec
def gateway_centre_event(event: CentreEvent) -> None:
    """Observer: each event of the centre, at least once, in order, before it takes effect here. Quick, no I/O.

    Only the one instance that follows the centre is told. Errors are logged. It names residents: see `CentreEvent`.
    """
