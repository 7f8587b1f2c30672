"""An adapter in a package of its own: looks a resident up and shows the name only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec
from pydantic import Field

from gateway.contract import Asking, CentreService, Extension, ExtensionConfig, Question, hookimpl
from gateway.contract.web import CALLER, Response, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.web import Request


class DeskConfig(ExtensionConfig):
    """Settings of `[adapters.outside_desk]`."""

    greeting: str = Field(default="Selamat pagi", description="Salam. / The greeting.")


class Visit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody stands at the desk."""

    nik: str


class Page(msgspec.Struct):
    """The part of the centre's answer that the desk reads."""

    content: list[dict[str, str | int | None]]


class OutsideDesk(Extension):
    """Answers `POST /apps/outside_desk/visits`."""

    name: ClassVar[str] = "outside_desk"
    api_version: ClassVar[int] = 1
    Config = DeskConfig
    config: DeskConfig

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One route, for callers with a key."""
        return [Route("POST", "/visits", CALLER, self._greet, "Greets a visitor.", "Menyapa tamu.", Visit)]

    async def _greet(self, request: Request) -> Response:
        question = Question(CentreService.BIODATA, request.body.nik)
        answer = await self.host.ask(request.known_caller(), question, Asking("pelayanan", deadline=request.deadline))
        name = msgspec.json.decode(answer.reply.raw, type=Page).content[0]["NAMA_LGKP"]
        return Response.json({"greeting": f"{self.config.greeting}, {name}", "source": answer.source})
