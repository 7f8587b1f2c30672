"""Adapters that fail, each at another moment of its life."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gateway.contract import Extension, hookimpl
from gateway.contract.web import CALLER, Route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.contract.web import Request, Response


class Broken(RuntimeError):
    """What all of them raise."""


class FailsAtStart(Extension):
    """Cannot open."""

    name: ClassVar[str] = "fails_at_start"
    api_version: ClassVar[int] = 1

    async def open(self) -> None:
        """Fail."""
        raise Broken("at start")


class FailsAtRequest(Extension):
    """Cannot answer."""

    name: ClassVar[str] = "fails_at_request"
    api_version: ClassVar[int] = 1

    @hookimpl
    def gateway_routes(self) -> Sequence[Route]:
        """One route that never answers."""
        return [Route("GET", "/fail", CALLER, self._fail, "Fails.", "Gagal.")]

    async def _fail(self, _request: Request) -> Response:
        raise Broken("at a request about 3527010101900001")


class FailsAtClose(Extension):
    """Cannot close."""

    name: ClassVar[str] = "fails_at_close"
    api_version: ClassVar[int] = 1

    async def close(self) -> None:
        """Fail."""
        raise Broken("at close")
