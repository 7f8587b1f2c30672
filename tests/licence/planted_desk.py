"""The good adapter that each planted one spoils in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from pydantic import Field

from gateway.contract import Asking, CentreService, Extension, ExtensionConfig, Health, Question, hookimpl
from gateway.contract.web import CALLER, Response, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract import HealthCheck
    from gateway.contract.web import Request


class DeskConfig(ExtensionConfig):
    """Settings of `[adapters.planted]`."""

    days: int = Field(default=7, ge=1, le=31, description="Hari. / Days.")


class Whom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to ask about."""

    nik: str


class Record(msgspec.Struct):
    """What the desk reads of a record."""

    name: str = msgspec.field(name="NAMA_LGKP")


class Page(msgspec.Struct):
    """The centre's envelope."""

    content: list[Record]


class Desk(Extension):
    """Answers `POST /apps/planted/names`."""

    name: ClassVar[str] = "planted"
    api_version: ClassVar[int] = 1
    Config: ClassVar[type[ExtensionConfig]] = DeskConfig

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One route."""
        return [Route("POST", "/names", CALLER, self.answer, "A name.", "Sebuah nama.", Whom)]

    @hookimpl
    def gateway_health_checks(self) -> Sequence[HealthCheck]:
        """Itself."""
        return [self]

    async def check(self) -> Health:
        """Always well."""
        return Health(ok=True)

    async def answer(self, request: Request) -> Response:
        """The name of a resident."""
        return Response.json({"name": await self.name_of(request, request.body.nik)})

    async def name_of(self, request: Request, nik: str) -> str:
        """Ask the centre."""
        asking = Asking("pelayanan", deadline=request.deadline, request_id=request.request_id)
        answer = await self.host.ask(request.known_caller(), Question(CentreService.BIODATA, nik), asking)
        return msgspec.json.decode(answer.reply.raw, type=Page).content[0].name
