"""Routes about the gateway itself: health, services, status page, OpenAPI and docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.catalogue.services import SERVICES
from gateway.contract.errors import NotFound, StorageUnavailable
from gateway.contract.events import CircuitState
from gateway.contract.web import CALLER, PUBLIC, Response, Route
from gateway.http.freshness import instant
from gateway.http.openapi import NATIVE, address_of
from gateway.http.pages import docs_page, errors_page, status_page
from gateway.pages import HTML, language_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.contract.status import CentreStatus
    from gateway.contract.web import Request
    from gateway.pages import Pages

HealthWord = Literal["works", "slow", "away", "off"]


class ServiceState(msgspec.Struct, frozen=True):
    """One service of the centre or of an adapter.

    Attributes:
        name: Stable name.
        kind: Whether the centre or an adapter gives it.
        title: English title.
        title_id: Indonesian title.
        enabled: Whether it is switched on here.
        health: `works`, `slow` (answers late), `away` (does not answer) or `off`.
        since: Since when, RFC 3339 in UTC; null when it never changed.
        queue: Calls waiting for their turn.
        eta_seconds: Estimated wait of a new call.
    """

    name: str
    kind: Literal["centre", "adapter"]
    title: str
    title_id: str
    enabled: bool
    health: HealthWord
    since: Annotated[str | None, Meta(extra_json_schema={"format": "date-time"})]
    queue: int
    eta_seconds: float


class Services(msgspec.Struct, frozen=True):
    """Every service with its health."""

    services: list[ServiceState]


class HealthAnswer(msgspec.Struct, frozen=True):
    """Health of this process.

    Attributes:
        status: `ok` when it can do its work.
        checks: Each thing that was looked at, and how it is.
    """

    status: Literal["ok", "failing"]
    checks: dict[str, str]


class Facts:
    """What the system routes tell, asked anew at each request.

    Args:
        centre: State of each service of the centre.
        readiness: Name and fault (empty when well) of each thing readiness depends on.
        adapters: Name, English and Indonesian title, and health of each adapter that is switched on.
        openapi: The OpenAPI document of an adapter, or of the gateway's own API for None; raises `NotFound`.
        objective: Seconds of latency or wait from which a service is called slow.
    """

    def __init__(
        self,
        centre: Callable[[], Sequence[CentreStatus]],
        readiness: Callable[[], Awaitable[dict[str, str]]],
        adapters: Callable[[], Sequence[tuple[str, str, str, bool]]],
        openapi: Callable[[str | None], dict[str, object]],
        objective: float,
    ) -> None:
        self.centre = centre
        self.readiness = readiness
        self.adapters = adapters
        self.openapi = openapi
        self._objective = objective

    def services(self) -> list[ServiceState]:
        """Every service, the centre's first."""
        enabled = True  # an adapter that is off has no routes and is not told of
        return [self._of_centre(one) for one in self.centre()] + [
            ServiceState(name, "adapter", title, title_id, enabled, "works" if ok else "away", None, 0, 0.0)
            for name, title, title_id, ok in self.adapters()
        ]

    def _of_centre(self, status: CentreStatus) -> ServiceState:
        service = SERVICES[status.service]
        return ServiceState(
            name=status.service,
            kind="centre",
            title=service.title.en,
            title_id=service.title.id,
            enabled=True,
            health=self._word(status),
            since=instant(status.since) if status.since > 0 else None,
            queue=status.waiting,
            eta_seconds=round(status.wait_seconds, 1),
        )

    def _word(self, status: CentreStatus) -> HealthWord:
        if status.circuit is not CircuitState.CLOSED:
            return "away"
        slowest = max(status.latency_p90 or 0.0, status.wait_seconds)
        return "slow" if slowest > self._objective else "works"


class System:
    """Handlers about the gateway itself.

    Args:
        facts: What they tell.
        pages: Draws what people read.
        detailed: Whether readiness tells reasons: to operators it does, to everybody it does not.
    """

    def __init__(self, facts: Facts, pages: Pages, *, detailed: bool = False) -> None:
        self._facts = facts
        self._pages = pages
        self._detailed = detailed

    def health_routes(self) -> tuple[Route, ...]:
        """The routes that say how this process is."""
        return (
            Route("GET", "/health/live", PUBLIC, self.live, "The process runs", "Proses hidup", answer=HealthAnswer),
            Route(
                "GET",
                "/health/ready",
                PUBLIC,
                self.ready,
                "It can serve: database writable and migrated, extensions open",
                "Siap melayani",
                answer=HealthAnswer,
                errors=(StorageUnavailable,),
            ),
        )

    def routes(self) -> tuple[Route, ...]:
        """The system routes."""
        return (
            *self.health_routes(),
            Route(
                "GET", "/v1/services", CALLER, self.services, "Each service and how it is", "Keadaan tiap layanan",
                answer=Services,
            ),
            Route(
                "GET", NATIVE, PUBLIC, self.openapi, "This API as OpenAPI 3.1", "API ini sebagai OpenAPI 3.1"
            ),
            Route(
                "GET", address_of("{adapter}"), PUBLIC, self.openapi, "The API of an adapter as OpenAPI 3.1",
                "API sebuah adaptor sebagai OpenAPI 3.1", errors=(NotFound,),
            ),
            Route("GET", "/docs", PUBLIC, self.docs, "The API, to read", "Dokumentasi API", content_type=HTML),
            Route("GET", "/docs/apps/{adapter}", PUBLIC, self.docs, "The API of an adapter, to read",
                  "Dokumentasi API sebuah adaptor", content_type=HTML, errors=(NotFound,)),
            Route(
                "GET", "/docs/errors", PUBLIC, self.errors, "Every error code", "Semua kode kesalahan",
                content_type=HTML,
            ),
            Route("GET", "/status", PUBLIC, self.status, "What works, and since when", "Apa yang berjalan, sejak kapan",
                  content_type=HTML),
        )  # fmt: skip

    async def live(self, _request: Request) -> Response:
        """The process runs."""
        return Response.json(HealthAnswer("ok", {"process": "ok"}), headers=(("cache-control", "no-store"),))

    async def ready(self, _request: Request) -> Response:
        """Whether it can serve; never asks the centre."""
        checks = await self._facts.readiness()
        failing = any(checks.values())
        shown = {name: self._shown(fault) for name, fault in checks.items()}
        answer = HealthAnswer("failing" if failing else "ok", shown)
        return Response.json(answer, status=503 if failing else 200, headers=(("cache-control", "no-store"),))

    def _shown(self, fault: str) -> str:
        if not fault:
            return "ok"
        return fault if self._detailed else "failing"

    async def services(self, _request: Request) -> Response:
        """Every service and its health."""
        return Response.json(Services(self._facts.services()))

    async def openapi(self, request: Request) -> Response:
        """The OpenAPI document of an adapter, or of the gateway's own API."""
        return Response.json(self._facts.openapi(request.path.get("adapter")))

    async def docs(self, request: Request) -> Response:
        """The same, to read."""
        adapter = request.path.get("adapter")
        back = "/docs" if adapter is None else f"/docs/apps/{adapter}"
        return docs_page(self._pages, self._facts.openapi(adapter), language_of(request.headers), back)

    async def errors(self, request: Request) -> Response:
        """Every error code, to read."""
        return errors_page(self._pages, language_of(request.headers))

    async def status(self, request: Request) -> Response:
        """What works and since when, for everybody."""
        return status_page(self._pages, self._facts.services(), language_of(request.headers))
