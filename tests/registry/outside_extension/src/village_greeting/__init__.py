"""Greets the villages: the smallest adapter, in a package of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from gateway.contract import Extension, ExtensionConfig, hookimpl
from gateway.contract.web import CALLER, Response, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.web import Request


class GreetingConfig(ExtensionConfig):
    """Settings of `[adapters.village_greeting]`."""

    greeting: str = Field(default="Selamat pagi", description="Salam. / The greeting.")


class VillageGreeting(Extension):
    """Answers `GET /apps/village_greeting/greeting`."""

    name: ClassVar[str] = "village_greeting"
    api_version: ClassVar[int] = 1
    Config = GreetingConfig
    config: GreetingConfig

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One route, for callers with a key."""
        return [Route("GET", "/greeting", CALLER, self._greet, "Greets the caller.", "Menyapa pemanggil.")]

    async def _greet(self, request: Request) -> Response:
        return Response.json({"greeting": self.config.greeting, "village": request.known_caller().village})
