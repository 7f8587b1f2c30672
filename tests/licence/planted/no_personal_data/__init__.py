"""Logs a name in a field that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.licence.planted_desk import Desk

if TYPE_CHECKING:
    from gateway.contract.web import Request


class Planted(Desk):
    """The adapter."""

    async def name_of(self, request: Request, nik: str) -> str:
        """Spoiled."""
        name = await super().name_of(request, nik)
        self.host.log.info("desk.named", detail=name)
        return name
