"""Extensions as an outside author might write them: an adapter, a plugin with every role, and ones that misbehave."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from gateway.contract import (
    Allowed,
    Asking,
    Caller,
    CentreService,
    Extension,
    ExtensionConfig,
    Health,
    Job,
    Question,
    hookimpl,
)
from gateway.contract.errors import Denied
from gateway.contract.web import CALLER, OPERATOR, PUBLIC, Response, Route, Rule, Who

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.contract import CentreEvent, CircuitMove, ExchangeRecord, HealthCheck, Host, Intent, SubmissionMoved
    from gateway.contract.web import Request


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to ask about."""

    nik: str


class SampleAdapter(Extension):
    """An adapter with one route of each kind."""

    name: ClassVar[str] = "sample_adapter"
    api_version: ClassVar[int] = 1

    def __init__(self, config: ExtensionConfig, host: Host) -> None:
        super().__init__(config, host)
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.ticked = asyncio.Event()
        self.later = asyncio.Event()
        self.closed = False

    async def open(self) -> None:
        """Use what the host offers at this time of life."""
        self.host.every(Job("later", 0.01, self._later))
        assert self.host.http is self.host.http

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

    @hookimpl
    def gateway_jobs(self) -> Sequence[Job]:
        """A quick one."""
        return [Job("tick", 0.01, self._tick)]

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One of each kind."""
        biodata = Rule(Who.CALLER, CentreService.BIODATA)
        return [
            Route("GET", "/hello", CALLER, self._hello, "Hello", "Halo"),
            Route("POST", "/ask", biodata, self._ask, "Ask", "Tanya", body=Asked),
            Route("GET", "/wait", PUBLIC, self._wait, "Wait", "Tunggu"),
            Route("GET", "/fail", PUBLIC, self._fail, "Fail", "Gagal"),
            Route("GET", "/old/{place}", PUBLIC, self._old, "As before", "Seperti dulu", absolute=True),
            Route("GET", "/desk", OPERATOR, self._hello, "For operators", "Untuk operator"),
        ]

    async def _tick(self) -> None:
        self.ticked.set()

    async def _later(self) -> None:
        self.later.set()

    async def _hello(self, request: Request) -> Response:
        return Response.json({"caller": request.caller.name if request.caller is not None else None})

    async def _ask(self, request: Request) -> Response:
        caller = await self.host.authenticate(request.headers)
        right = self.host.right(caller)
        asking = Asking("pelayanan", deadline=request.deadline, request_id=request.request_id)
        answer = await self.host.ask(caller, Question(CentreService.BIODATA, request.body.nik), asking)
        return Response(answer.reply.raw, headers=(("x-right", right.name if right is not None else ""),))

    async def _wait(self, _request: Request) -> Response:
        self.entered.set()
        await self.go_on.wait()
        return Response.json({"done": True})

    async def _fail(self, _request: Request) -> Response:
        raise RuntimeError("the adapter's own fault")

    async def _old(self, request: Request) -> Response:
        return Response.json({"place": request.path["place"]})


class SamplePlugin(Extension):
    """A plugin in every role."""

    name: ClassVar[str] = "sample_plugin"
    api_version: ClassVar[int] = 1

    class Config(ExtensionConfig):
        """Its settings."""

        greeting: str = "halo"

    def __init__(self, config: ExtensionConfig, host: Host) -> None:
        super().__init__(config, host)
        self.records: list[ExchangeRecord] = []
        self.moves: list[CircuitMove] = []
        self.submissions: list[SubmissionMoved] = []
        self.events: list[CentreEvent] = []
        self.well = True

    @hookimpl
    def gateway_authenticators(self) -> Sequence[Any]:
        """Itself."""
        return [self]

    @hookimpl
    def gateway_policies(self) -> Sequence[Any]:
        """Itself."""
        return [self]

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """Itself."""
        return [self]

    @hookimpl
    def gateway_exchange_finished(self, record: ExchangeRecord) -> None:
        """Keep it."""
        self.records.append(record)

    @hookimpl
    def gateway_submission_moved(self, moved: SubmissionMoved) -> None:
        """Keep it."""
        self.submissions.append(moved)

    @hookimpl
    def gateway_centre_event(self, event: CentreEvent) -> None:
        """Keep it."""
        self.events.append(event)

    @hookimpl
    def gateway_circuit_moved(self, move: CircuitMove) -> None:
        """Keep it."""
        self.moves.append(move)

    async def authenticate(self, headers: Mapping[str, str]) -> Caller | None:
        """Whoever names a desk is that desk."""
        desk = headers.get("x-desk")
        return None if desk is None else Caller(f"desk-{desk}", desk, right="sampang")

    async def before(self, intent: Intent) -> Allowed:
        """Refuse statistics."""
        if intent.purpose == "statistik":
            raise Denied("No statistics today.")
        return Allowed((("x-greeting", "halo"),))

    async def check(self) -> Health:
        """As the test wants."""
        return Health(self.well, "" if self.well else "the desk is closed")


class Unopenable(Extension):
    """Fails when it is opened."""

    name: ClassVar[str] = "unopenable"
    api_version: ClassVar[int] = 1

    async def open(self) -> None:
        """Fail."""
        raise RuntimeError("no printer")

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """A route that must not stay."""

        async def never(_request: Request) -> Response:
            return Response()

        return [Route("GET", "/v1/never", PUBLIC, never, "Never", "Tidak pernah")]


class Squatter(Extension):
    """Claims an address that is the gateway's."""

    name: ClassVar[str] = "squatter"
    api_version: ClassVar[int] = 1

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """The gateway's own status page."""

        async def mine(_request: Request) -> Response:
            return Response()

        return [Route("GET", "/status", PUBLIC, mine, "Mine", "Milikku")]
